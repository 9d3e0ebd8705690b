-- Tables that take room, with how much; the revision of the schema is no row of a test.
SELECT c.oid::regclass::text, pg_relation_size(c.oid)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname !~ '^(pg_|information_schema)' AND c.relname <> 'alembic_version'
    AND pg_relation_size(c.oid) > 0
