UPDATE gateway.oauth_client
SET previous_secret_hash = secret_hash, previous_until = %(until)s, secret_hash = %(secret_hash)s
WHERE client_id = %(client_id)s AND secret_hash IS NOT NULL AND disabled_at IS NULL
