-- The accounts of a scheme in its operator's book. References read position:<scheme>:<currency>:<participant>,
-- pair:<scheme>:<currency>:<low>:<high>, and agent, reserve and pairs:<scheme>:<currency>.
SELECT account_id, external_ref, chart_code, currency
FROM ledger.account
WHERE book_id = %s AND chart_code = ANY (%s) AND split_part(external_ref, ':', 2) = %s AND NOT closed
ORDER BY account_id
