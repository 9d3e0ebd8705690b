SELECT client_id FROM gateway.oauth_client WHERE disabled_at IS NOT NULL
