SELECT endpoint_id::text, tenant, url, description, event_types, participants, ordering, created_at, disabled_at, disabled_reason,
    failing_since
FROM gateway.webhook_endpoint
WHERE deleted_at IS NULL AND tenant = %(tenant)s AND (%(reached)s::text[] IS NULL OR participants <@ %(reached)s::text[])
    AND endpoint_id = %(endpoint_id)s::uuid
