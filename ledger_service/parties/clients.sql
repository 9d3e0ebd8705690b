SELECT client_id, name, kind, role, scopes, participants, tenant, grants, redirect_uris, public_keys,
    secret_hash, previous_secret_hash, previous_until, created_at, created_by, disabled_at
FROM gateway.oauth_client
WHERE %(client_id)s::text IS NULL OR client_id = %(client_id)s
ORDER BY created_at, client_id
