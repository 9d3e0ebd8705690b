UPDATE gateway.webhook_subscription s SET epoch = b.epoch, sequence = b.sequence
FROM ledger.book_state b WHERE b.book_id = s.book_id AND s.endpoint_id = %(endpoint_id)s
