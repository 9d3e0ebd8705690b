-- What was known of customer accounts at the close of $business_date: one row a posted entry, with the
-- other party of its payment and the reporting threshold of its currency. Nothing later gets in here.
-- Amounts are DECIMAL(38, 0), so that no sum and no product with basis points can overflow.
CREATE OR REPLACE TEMP TABLE known AS
SELECT
    e.book_id,
    e.account_id,
    e.version,
    e.transfer_id,
    e.payment_id,
    e.kind,
    e.side, -- C: money comes in; D: money goes out
    e.currency,
    CAST(e.amount_minor AS DECIMAL(38, 0)) AS amount_minor,
    e.event_at,
    epoch_us(e.event_at) AS event_us, -- microseconds since 1970: windows in event time are integers
    e.business_date,
    e.business_date = $business_date AS is_new, -- booked on the business date that is swept
    e.kind NOT IN ('opening_balance', 'fee', 'interest_credit', 'penalty_interest')
        AS customer_initiated,
    a.participant_id,
    a.party_id,
    a.party_kind,
    CAST(t.threshold_minor AS DECIMAL(38, 0)) AS threshold_minor,
    t.exponent,
    CASE WHEN e.side = 'C' THEN p.debtor_agent ELSE p.creditor_agent END AS counterparty_agent,
    CASE WHEN e.side = 'C' THEN p.debtor_agent || '/' || p.debtor_account
        ELSE p.creditor_agent || '/' || p.creditor_account END AS counterparty,
    c.country AS counterparty_country
FROM entries AS e
INNER JOIN accounts AS a ON a.book_id = e.book_id AND a.account_id = e.account_id
LEFT JOIN payments AS p
    ON p.payment_id = e.payment_id AND p.business_date <= $business_date
LEFT JOIN participants AS c
    ON c.participant_id = CASE WHEN e.side = 'C' THEN p.debtor_agent ELSE p.creditor_agent END
LEFT JOIN thresholds AS t ON t.currency = e.currency
WHERE
    a.chart_name IN ('customer_deposits', 'customer_wallets')
    AND e.amount_minor > 0 -- a hold moves nothing until it is posted
    AND e.business_date BETWEEN $known_from AND $business_date
