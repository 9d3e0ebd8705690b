-- Where an endpoint stands in a book, for whoever moves it; no row while another one does.
SELECT s.epoch, s.sequence, e.event_types, e.ordering, b.participant_id
FROM gateway.webhook_subscription s
JOIN gateway.webhook_endpoint e USING (endpoint_id)
JOIN ledger.book b USING (book_id)
WHERE s.endpoint_id = %(endpoint_id)s AND s.book_id = %(book_id)s AND e.disabled_at IS NULL AND e.deleted_at IS NULL
FOR NO KEY UPDATE OF s SKIP LOCKED
