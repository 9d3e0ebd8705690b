UPDATE gateway.webhook_subscription SET epoch = %(epoch)s, sequence = %(sequence)s
WHERE endpoint_id = %(endpoint_id)s AND book_id = %(book_id)s
