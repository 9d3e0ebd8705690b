SELECT gateway.sweep_webhook_deliveries(%(retention)s, 10000)
