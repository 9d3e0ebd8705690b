-- Since when an endpoint has been failing: NULL after a success.
UPDATE gateway.webhook_endpoint
SET failing_since = CASE WHEN %(succeeded)s THEN NULL ELSE coalesce(failing_since, %(now)s::timestamptz) END
WHERE endpoint_id = %(endpoint_id)s AND (failing_since IS NULL) <> %(succeeded)s
