UPDATE gateway.oauth_client SET disabled_at = %(at)s WHERE client_id = %(client_id)s AND disabled_at IS NULL
