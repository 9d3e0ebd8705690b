/*
id: large_cash
version: 1
title: Cash at or above the reporting threshold
typology: large_cash
basis: >-
  FATF Recommendation 20 and the interpretive note to Recommendation 29: reports of cash
  transactions above a fixed amount; the amounts per currency stand in thresholds.csv.
severity: medium
owner: head of transaction monitoring
lookback_days: 1
effective_from: 1990-01-01
parameters:
  - from: 1990-01-01
    cash_kinds: [cash_deposit, cash_withdrawal]
    threshold_bps: 10000 # of the reporting threshold of the account's currency
explanation: >-
  {amount} in cash (transfers: {transfers}), each at or above {threshold_bps:money}
*/
SELECT book_id, account_id, version
FROM activity
WHERE
    is_new
    AND list_contains($cash_kinds, kind)
    AND amount_minor * 10000 >= threshold_minor * $threshold_bps
