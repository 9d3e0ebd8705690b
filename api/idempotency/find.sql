SELECT k.n, r.fingerprint, r.status, r.headers, r.body
FROM unnest(%(clients)s::text[], %(routes)s::text[], %(keys)s::text[]) WITH ORDINALITY AS k(client, route, idempotency_key, n)
CROSS JOIN LATERAL (
    SELECT * FROM gateway.idempotency_record r
    WHERE r.client = k.client AND r.route = k.route AND r.idempotency_key = k.idempotency_key
    OFFSET 0 -- a probe for each key, whatever the statistics say
) r
