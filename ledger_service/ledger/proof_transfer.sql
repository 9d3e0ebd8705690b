-- A transfer, as check_proof.py reads it: times ISO 8601 in UTC with microseconds.
SELECT to_jsonb(t) || jsonb_build_object(
    'booked_at', to_char(booked_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"'),
    'event_at', to_char(event_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"'),
    'expires_at', to_char(expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"')) AS transfer
FROM ledger.transfer t WHERE book_id = %(book_id)s AND transfer_id = %(transfer_id)s
