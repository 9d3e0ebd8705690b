/*
id: rapid_movement
version: 1
title: Money received leaves almost whole within hours
typology: rapid_movement
basis: >-
  FATF report on professional money laundering and FATF guidance on Recommendation 20: an account
  that only passes money through (a mule or funnel account) is an indicator of layering.
severity: high
owner: head of transaction monitoring
lookback_days: 7
effective_from: 1990-01-01
parameters:
  - from: 1990-01-01
    within_hours: 24
    floor_bps: 2000 # of the reporting threshold: what must have come in
    left_from_bps: 9000 # of what came in
    left_to_bps: 10500 # beyond it the account spends its own money too
    receipt_kinds: [credit_transfer, remittance, collection, cash_deposit]
    onward_kinds: [credit_transfer, remittance, payout, cash_withdrawal]
explanation: >-
  {received} came in and {sent} left within {within_hours} hours; the rule asks for at least
  {floor_bps:money} received and {left_from_bps:percent} to {left_to_bps:percent} of it leaving
*/
WITH flows AS (
    SELECT
        *,
        CASE WHEN side = 'C' THEN amount_minor ELSE 0 END AS received,
        CASE WHEN side = 'D' THEN amount_minor ELSE 0 END AS sent
    FROM activity
    WHERE
        (side = 'C' AND list_contains($receipt_kinds, kind))
        OR (side = 'D' AND list_contains($onward_kinds, kind))
),

-- From each receipt on: what came in and left in the hours after it, and the same without this date.
windows AS (
    SELECT
        *,
        sum(received) OVER following AS received_total,
        sum(sent) OVER following AS sent_total,
        sum(CASE WHEN is_new THEN 0 ELSE received END) OVER following AS received_before,
        sum(CASE WHEN is_new THEN 0 ELSE sent END) OVER following AS sent_before
    FROM flows
    WINDOW following AS (
        PARTITION BY book_id, account_id
        ORDER BY event_us
        RANGE BETWEEN CURRENT ROW AND $within_hours * 3600000000 FOLLOWING
    )
),

completed AS (
    SELECT
        book_id,
        account_id,
        event_us AS from_us,
        row_number() OVER (
            PARTITION BY book_id, account_id ORDER BY received_total DESC, event_us, version
        ) AS choice
    FROM windows
    WHERE
        side = 'C'
        AND received_total * 10000 >= threshold_minor * $floor_bps
        AND sent_total * 10000 BETWEEN received_total * $left_from_bps
        AND received_total * $left_to_bps
        AND NOT (
            received_before * 10000 >= threshold_minor * $floor_bps
            AND sent_before * 10000 BETWEEN received_before * $left_from_bps
            AND received_before * $left_to_bps
        )
)

SELECT f.book_id, f.account_id, f.version
FROM flows AS f
INNER JOIN completed AS c
    ON c.book_id = f.book_id AND c.account_id = f.account_id AND c.choice = 1
WHERE f.event_us BETWEEN c.from_us AND c.from_us + $within_hours * 3600000000
