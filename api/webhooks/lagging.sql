-- Endpoints that work, each with the books of which it has not been told all.
SELECT s.endpoint_id::text, s.book_id
FROM gateway.webhook_subscription s
JOIN gateway.webhook_endpoint e USING (endpoint_id)
JOIN ledger.book_state b USING (book_id)
WHERE e.disabled_at IS NULL AND e.deleted_at IS NULL AND (b.sequence, b.epoch) IS DISTINCT FROM (s.sequence, s.epoch)
ORDER BY s.endpoint_id, s.book_id
LIMIT 10000
