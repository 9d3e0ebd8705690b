-- Cases with their events in order: of one break, or of all.
SELECT c.break_ref, c.break_class, c.participant_id, c.book_id, c.account_id, c.external_ref, c.currency, c.first_seen, c.owner,
    e.number, e.event, e.actor, e.at, e.business_date, e.difference_minor, e.assignee, e.words, e.proposed_by, e.transfer_id::text
FROM payments.break_case c JOIN payments.break_event e USING (book_id, break_ref)
WHERE %(break_ref)s::text IS NULL OR c.break_ref = %(break_ref)s
ORDER BY c.break_ref, e.number
