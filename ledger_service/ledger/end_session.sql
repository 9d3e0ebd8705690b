-- Ends a session of ours and waits until it has gone; nothing where it has gone already.
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE pid = %s AND backend_start <= %s AND usename = session_user
