-- What is pending is due at once and has all its attempts before it. Answers the lanes.
WITH enabled AS (
    UPDATE gateway.webhook_endpoint SET disabled_at = NULL, disabled_reason = NULL, failing_since = NULL
    WHERE endpoint_id = %(endpoint_id)s
), due AS (
    UPDATE gateway.webhook_delivery SET tries = 0, next_attempt_at = %(now)s
    WHERE endpoint_id = %(endpoint_id)s AND status = 'pending'
    RETURNING lane
)
SELECT DISTINCT lane FROM due
