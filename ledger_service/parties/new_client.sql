INSERT INTO gateway.oauth_client (client_id, name, kind, role, scopes, participants, tenant, grants, redirect_uris,
    public_keys, secret_hash, created_at, created_by)
VALUES (%(client_id)s, %(name)s, %(kind)s, %(role)s, %(scopes)s, %(participants)s, %(tenant)s, %(grants)s,
    %(redirect_uris)s, %(public_keys)s::jsonb, %(secret_hash)s, %(created_at)s, %(created_by)s)
