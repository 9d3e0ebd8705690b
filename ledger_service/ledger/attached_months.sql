-- Months that have a partition of the journal, ascending.
SELECT to_date(right(c.relname, 7), 'YYYY_MM') AS month
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'ledger.transfer'::regclass AND c.relname ~ '^transfer_[0-9]{4}_[0-9]{2}$'
ORDER BY month
