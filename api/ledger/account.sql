SELECT a.external_ref AS account, b.participant_id, a.chart_code AS kind, a.currency,
    CASE WHEN a.closed THEN 'closed' WHEN a.debits_frozen OR a.credits_frozen THEN 'frozen' ELSE 'open' END AS state,
    CASE a.normal_side WHEN 'D' THEN a.debits_posted - a.credits_posted ELSE a.credits_posted - a.debits_posted END
        AS balance_minor,
    CASE a.normal_side WHEN 'D' THEN a.debits_pending ELSE a.credits_pending END AS pending_in_minor,
    CASE a.normal_side WHEN 'D' THEN a.credits_pending ELSE a.debits_pending END AS pending_out_minor,
    a.version AS entries
FROM ledger.book b JOIN ledger.account a USING (book_id)
WHERE b.participant_id = %s AND a.external_ref = %s
