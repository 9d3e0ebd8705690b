SELECT s.book_id, s.epoch, s.sequence FROM gateway.webhook_subscription s
WHERE s.endpoint_id = %(endpoint_id)s ORDER BY s.book_id FOR NO KEY UPDATE
