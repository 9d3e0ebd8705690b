-- Which session this is: a process id alone comes again. The role that the session took on may not see
-- when it began, so that is told by the first transaction's clock: a session begins before it.
SELECT pg_backend_pid(), clock_timestamp()
