-- Posts single transfers, and records those that were booked with their references: in one statement, and so in one transaction.
-- A key that has a record makes all of it fail.
WITH posted AS MATERIALIZED (
    SELECT ledger.create_transfers(
        %(book_id)s, %(business_date)s, %(transfer_ids)s::uuid[], %(debits)s::bigint[], %(credits)s::bigint[], %(amounts)s::bigint[],
        array_fill('single'::text, ARRAY[cardinality(%(transfer_ids)s::uuid[])]), NULL,
        array_fill(false, ARRAY[cardinality(%(transfer_ids)s::uuid[])]), %(kinds)s::text[], %(payment_ids)s::uuid[],
        %(event_times)s::timestamptz[], NULL, %(value_dates)s::date[], NULL, NULL, NULL) AS codes
), item AS MATERIALIZED (
    SELECT item.* FROM posted, unnest(posted.codes, %(transfer_ids)s::uuid[], %(references)s::text[], %(clients)s::text[],
            %(routes)s::text[], %(keys)s::text[], %(fingerprints)s::bytea[], %(request_ids)s::text[], %(statuses)s::integer[],
            %(headers)s::text[], %(bodies)s::bytea[])
        AS item(code, transfer_id, reference, client, route, idempotency_key, fingerprint, request_id, status, headers, body)
    WHERE item.code = 'created'
), recorded AS (
    INSERT INTO gateway.idempotency_record (client, route, idempotency_key, fingerprint, request_id, status, headers, body)
    SELECT client, route, idempotency_key, fingerprint, request_id, status, headers::jsonb, body
    FROM item ORDER BY client, route, idempotency_key -- of two with the same keys one waits, none deadlocks
), called AS (
    INSERT INTO gateway.transfer_reference (book_id, transfer_id, reference)
    SELECT %(book_id)s, transfer_id, reference FROM item WHERE reference IS NOT NULL
)
SELECT codes FROM posted
