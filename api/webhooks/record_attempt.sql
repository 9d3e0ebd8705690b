-- What came of an attempt; no row where another worker made one of this number.
INSERT INTO gateway.webhook_attempt (delivery_id, number, at, latency_ms, status_code, error, excerpt)
VALUES (%(delivery_id)s, %(number)s, %(at)s, %(latency_ms)s, %(status_code)s, %(error)s, %(excerpt)s)
ON CONFLICT DO NOTHING
