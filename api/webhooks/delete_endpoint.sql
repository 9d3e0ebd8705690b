-- Nothing of an endpoint is sent any more and none of its secrets is kept; its log is, until it is swept.
WITH deleted AS (
    UPDATE gateway.webhook_endpoint SET deleted_at = %(now)s WHERE endpoint_id = %(endpoint_id)s
), cancelled AS (
    UPDATE gateway.webhook_delivery SET status = 'cancelled', next_attempt_at = NULL, finished_at = %(now)s
    WHERE endpoint_id = %(endpoint_id)s AND status = 'pending'
), forgotten AS (
    DELETE FROM gateway.webhook_secret WHERE endpoint_id = %(endpoint_id)s
)
DELETE FROM gateway.webhook_subscription WHERE endpoint_id = %(endpoint_id)s
