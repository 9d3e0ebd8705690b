INSERT INTO gateway.webhook_endpoint
    (endpoint_id, tenant, client_id, url, description, event_types, participants, ordering, created_at)
VALUES (%(endpoint_id)s, %(tenant)s, %(client_id)s, %(url)s, %(description)s, %(event_types)s, %(participants)s, %(ordering)s, %(now)s)
