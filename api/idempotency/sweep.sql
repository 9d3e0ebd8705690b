SELECT gateway.sweep_idempotency_records(make_interval(hours => %(hours)s), %(limit)s)
