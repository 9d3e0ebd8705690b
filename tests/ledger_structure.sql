-- A digest of the ledger's catalog: equal as long as a test has changed rows alone.
WITH ours AS (SELECT oid FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema)'),
found (item) AS (
    SELECT format('class %s %s %s', oid, relname, relacl) FROM pg_class WHERE relnamespace IN (SELECT oid FROM ours)
    UNION ALL
    SELECT format('column %s %s %s', attrelid, attnum, atttypid) FROM pg_attribute
    WHERE attrelid IN (SELECT c.oid FROM pg_class c WHERE relnamespace IN (SELECT oid FROM ours))
    UNION ALL
    SELECT format('function %s %s', oid, xmin) FROM pg_proc WHERE pronamespace IN (SELECT oid FROM ours)
    UNION ALL
    SELECT format('constraint %s %s', oid, xmin) FROM pg_constraint WHERE connamespace IN (SELECT oid FROM ours)
    UNION ALL
    SELECT format('trigger %s %s', oid, xmin) FROM pg_trigger
)
SELECT md5(string_agg(item, ',' ORDER BY item)) FROM found
