-- The features of one source and window: one row a subject, one column a definition.
SELECT
    subject,
    {columns}
FROM source
GROUP BY subject
