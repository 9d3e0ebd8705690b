SELECT session_id FROM gateway.refresh_token JOIN gateway.token_session USING (session_id)
WHERE token_hash = %(token_hash)s AND client_id = %(client_id)s
