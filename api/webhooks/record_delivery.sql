-- What became of a delivery by it; one that was cancelled meanwhile stays so.
UPDATE gateway.webhook_delivery
SET attempts = %(number)s, tries = tries + 1,
    status = CASE WHEN status = 'pending' THEN %(status)s ELSE status END,
    next_attempt_at = CASE WHEN status = 'pending' THEN %(next_attempt_at)s::timestamptz END,
    finished_at = CASE WHEN status <> 'pending' THEN finished_at WHEN %(status)s <> 'pending' THEN %(ended_at)s::timestamptz END
WHERE delivery_id = %(delivery_id)s
