-- Endpoints of a tenant whose participants are among these (NULL: any), in the order of their registration.
SELECT endpoint_id::text, tenant, url, description, event_types, participants, ordering, created_at, disabled_at, disabled_reason,
    failing_since
FROM gateway.webhook_endpoint
WHERE deleted_at IS NULL AND tenant = %(tenant)s AND (%(reached)s::text[] IS NULL OR participants <@ %(reached)s::text[])
    AND (%(after)s::uuid IS NULL OR endpoint_id > %(after)s::uuid)
ORDER BY endpoint_id LIMIT %(limit)s
