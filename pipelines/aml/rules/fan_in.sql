/*
id: fan_in
version: 1
title: Many payers into one account
typology: fan_in
basis: >-
  FATF and Egmont Group indicators of trade-based and mule laundering: many unrelated payers
  collect into one account in a short time.
severity: medium
owner: head of transaction monitoring
lookback_days: 7
effective_from: 1990-01-01
parameters:
  - from: 1990-01-01
    window_days: 2
    min_counterparties: 10
    floor_bps: 25 # of the reporting threshold, all together
    kinds: [credit_transfer, remittance, collection]
explanation: >-
  {counterparties} different payers paid {amount} within {window_days} days; the rule asks for at least
  {min_counterparties} and {floor_bps:money} together
*/
WITH legs AS (
    SELECT *
    FROM activity
    WHERE side = 'C' AND counterparty IS NOT NULL AND list_contains($kinds, kind)
),

-- At each movement: how many payers the window that ends with it has, with and without this date.
windows AS (
    SELECT
        *,
        count(DISTINCT counterparty) OVER recent AS counterparties,
        sum(amount_minor) OVER recent AS total,
        count(DISTINCT counterparty) FILTER (WHERE NOT is_new) OVER recent AS counterparties_before,
        sum(CASE WHEN is_new THEN 0 ELSE amount_minor END) OVER recent AS total_before
    FROM legs
    WINDOW recent AS (
        PARTITION BY book_id, account_id
        ORDER BY event_us
        RANGE BETWEEN $window_days * 86400000000 PRECEDING AND CURRENT ROW
    )
),

completed AS (
    SELECT book_id, account_id, max(event_us) AS until_us
    FROM windows
    WHERE
        counterparties >= $min_counterparties
        AND total * 10000 >= threshold_minor * $floor_bps
        AND NOT (
            counterparties_before >= $min_counterparties
            AND total_before * 10000 >= threshold_minor * $floor_bps
        )
    GROUP BY book_id, account_id
)

SELECT l.book_id, l.account_id, l.version
FROM legs AS l
INNER JOIN completed AS c ON c.book_id = l.book_id AND c.account_id = l.account_id
WHERE l.event_us BETWEEN c.until_us - $window_days * 86400000000 AND c.until_us
