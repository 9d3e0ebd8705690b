-- One row an alert: everything that a rule hit on one account on the business date, with its facts.
SELECT
    $business_date AS business_date,
    'alert:' || $business_date || ':' || $rule_id || ':' || left(
        sha256(
            h.book_id || ':' || h.account_id || ':'
            || string_agg(h.transfer_id, ',' ORDER BY h.transfer_id)
        ),
        12
    ) AS ref,
    CAST(h.book_id AS INTEGER) AS book_id,
    CAST(h.account_id AS BIGINT) AS account_id,
    min(h.participant_id) AS participant_id,
    min(h.party_id) AS party_id,
    min(h.currency) AS currency,
    CAST(sum(h.amount_minor) AS BIGINT) AS amount_minor,
    CAST(coalesce(sum(h.amount_minor) FILTER (WHERE h.side = 'C'), 0) AS BIGINT) AS received_minor,
    CAST(coalesce(sum(h.amount_minor) FILTER (WHERE h.side = 'D'), 0) AS BIGINT) AS sent_minor,
    count(*) AS transfers,
    count(DISTINCT h.counterparty) AS counterparties,
    CAST(min(h.threshold_minor) AS BIGINT) AS threshold_minor,
    CAST(min(h.exponent) AS INTEGER) AS exponent,
    min(h.event_at) AS first_event_at,
    max(h.event_at) AS last_event_at
FROM history AS h
INNER JOIN hits AS i
    ON i.book_id = h.book_id AND i.account_id = h.account_id AND i.version = h.version
GROUP BY h.book_id, h.account_id
