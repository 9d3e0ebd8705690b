-- Columns of a table with their types as the catalogue spells them; precision is left out.
SELECT attribute.attname, format_type(attribute.atttypid, NULL)
FROM pg_attribute AS attribute
JOIN pg_class AS class ON class.oid = attribute.attrelid
JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
WHERE namespace.nspname = %s
  AND class.relname = %s
  AND class.relkind IN ('r', 'p')
  AND attribute.attnum > 0
  AND NOT attribute.attisdropped
ORDER BY attribute.attnum
