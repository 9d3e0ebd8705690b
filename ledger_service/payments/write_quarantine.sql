-- A refusal is written once, also when its file is read again after the business date was closed.
INSERT INTO payments.quarantine (business_date, source_file, "row", field, code, message, content)
SELECT %s, refused.*
FROM unnest(%s::text[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[])
    AS refused(source_file, "row", field, code, message, content)
WHERE NOT EXISTS (
    SELECT 1 FROM payments.quarantine q
    WHERE q.source_file = refused.source_file AND q."row" = refused."row" AND q.field = refused.field
        AND q.code = refused.code AND q.content = refused.content
)
ON CONFLICT DO NOTHING
