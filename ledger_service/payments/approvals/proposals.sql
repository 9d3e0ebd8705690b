-- Proposals with their decisions, the newest first.
SELECT p.book_id, b.participant_id, p.proposal_id::text, p.kind, p.content, p.reason, p.proposed_by, p.proposed_at,
    d.outcome, d.decided_by, d.decided_at, d.reason AS decision_reason, d.transfer_id::text
FROM payments.proposal p
JOIN ledger.book b ON b.book_id = p.book_id
LEFT JOIN payments.proposal_decision d ON d.book_id = p.book_id AND d.proposal_id = p.proposal_id
WHERE (%(book_ids)s::integer[] IS NULL OR p.book_id = ANY (%(book_ids)s))
    AND (%(proposal_id)s::uuid IS NULL OR p.proposal_id = %(proposal_id)s)
    AND (%(kinds)s::text[] IS NULL OR p.kind = ANY (%(kinds)s))
    AND (%(state)s::text IS NULL OR coalesce(d.outcome, 'open') = %(state)s)
    AND (%(before)s::uuid IS NULL OR p.proposal_id < %(before)s)
ORDER BY p.proposal_id DESC LIMIT %(limit)s
