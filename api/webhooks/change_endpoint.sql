UPDATE gateway.webhook_endpoint
SET url = %(url)s, description = %(description)s, event_types = %(event_types)s, participants = %(participants)s
WHERE endpoint_id = %(endpoint_id)s
