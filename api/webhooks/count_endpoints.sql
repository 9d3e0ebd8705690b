SELECT count(*) FROM gateway.webhook_endpoint WHERE tenant = %(tenant)s AND client_id = %(client_id)s AND deleted_at IS NULL
