INSERT INTO gateway.idempotency_record (client, route, idempotency_key, fingerprint, request_id, status, headers, body)
SELECT client, route, idempotency_key, fingerprint, request_id, status, headers::jsonb, body
FROM unnest(%(clients)s::text[], %(routes)s::text[], %(keys)s::text[], %(fingerprints)s::bytea[], %(request_ids)s::text[],
        %(statuses)s::integer[], %(headers)s::text[], %(bodies)s::bytea[])
    AS item(client, route, idempotency_key, fingerprint, request_id, status, headers, body)
ORDER BY client, route, idempotency_key -- of two transactions with the same keys one waits, none deadlocks
ON CONFLICT DO NOTHING
