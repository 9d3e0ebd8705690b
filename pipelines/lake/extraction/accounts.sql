SELECT a.book_id, a.account_id, b.participant_id, a.external_ref, a.chart_code, a.normal_side, a.currency,
    a.counterparty_id, a.party_id, a.party_kind, a.holder_name, a.opened_on
FROM ledger.account a JOIN ledger.book b USING (book_id)
WHERE a.book_id = ANY ({book_ids}) AND a.opened_on <= {last}
