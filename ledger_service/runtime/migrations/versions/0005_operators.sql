-- Operators of settlement schemes: participants with a book, in which positions are kept.

ALTER TABLE ledger.participant DROP CONSTRAINT participant_kind_check;
ALTER TABLE ledger.participant ADD CONSTRAINT participant_kind_check
    CHECK (kind IN ('bank', 'mobile_money', 'fintech', 'partner_bank', 'scheme_operator'));
COMMENT ON COLUMN ledger.participant.kind IS 'bank, mobile_money, fintech, partner_bank outside the platform, or scheme_operator.';
