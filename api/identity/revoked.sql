SELECT revoked_id, extract(epoch FROM revoked_at)::float8 FROM gateway.revoked_token WHERE expires_at > %(at)s
