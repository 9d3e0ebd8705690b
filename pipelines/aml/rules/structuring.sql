/*
id: structuring
version: 1
title: Cash deposits kept below the reporting threshold that together reach it
typology: structuring
basis: >-
  FATF Recommendation 20 and FATF guidance on the risk-based approach for the banking sector:
  splitting cash deposits to stay under a reporting obligation is an indicator of suspicion.
severity: high
owner: head of transaction monitoring
lookback_days: 15
effective_from: 1990-01-01
parameters:
  - from: 1990-01-01
    window_days: 7
    min_deposits: 3
    each_from_bps: 3000 # of the reporting threshold: smaller deposits are takings, not slices
    together_bps: 10000
explanation: >-
  {transfers} cash deposits, each below {threshold}, make {amount} within {window_days} days;
  the rule asks for at least {min_deposits} that together reach {together_bps:money}
*/
WITH slices AS (
    SELECT *
    FROM activity
    WHERE
        kind = 'cash_deposit'
        AND amount_minor < threshold_minor
        AND amount_minor * 10000 >= threshold_minor * $each_from_bps
),

-- At each deposit: what the window that ends with it holds, and what it held without this date.
windows AS (
    SELECT
        *,
        sum(amount_minor) OVER recent AS total,
        count(*) OVER recent AS deposits,
        sum(CASE WHEN is_new THEN 0 ELSE amount_minor END) OVER recent AS total_before,
        sum(CASE WHEN is_new THEN 0 ELSE 1 END) OVER recent AS deposits_before
    FROM slices
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
        deposits >= $min_deposits
        AND total * 10000 >= threshold_minor * $together_bps
        AND NOT (
            deposits_before >= $min_deposits
            AND total_before * 10000 >= threshold_minor * $together_bps
        )
    GROUP BY book_id, account_id
)

SELECT s.book_id, s.account_id, s.version
FROM slices AS s
INNER JOIN completed AS c ON c.book_id = s.book_id AND c.account_id = s.account_id
WHERE s.event_us BETWEEN c.until_us - $window_days * 86400000000 AND c.until_us
