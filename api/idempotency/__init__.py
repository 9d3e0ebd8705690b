"""Idempotency keys: a request with one has its effect once, and its answer is given again."""
