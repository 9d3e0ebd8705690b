-- Deliveries of an endpoint to be made; one that was finished before is to be made again.
INSERT INTO gateway.webhook_delivery AS d
    (delivery_id, endpoint_id, event_id, event_type, book_id, lane, position, body, created_at, next_attempt_at)
SELECT delivery_id, %(endpoint_id)s::uuid, event_id, event_type, book_id, lane, position, body, %(now)s, %(now)s
FROM unnest(%(delivery_ids)s::uuid[], %(event_ids)s::text[], %(event_types)s::text[], %(book_ids)s::integer[], %(lanes)s::text[],
    %(positions)s::bigint[], %(bodies)s::text[])
    AS each (delivery_id, event_id, event_type, book_id, lane, position, body)
ON CONFLICT (endpoint_id, event_id) DO UPDATE
SET status = 'pending', tries = 0, next_attempt_at = excluded.next_attempt_at, finished_at = NULL
WHERE d.status <> 'pending'
