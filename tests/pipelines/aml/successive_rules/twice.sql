/*
id: twice
version: 1
title: Any movement
typology: test
basis: none, a rule for tests
severity: low
owner: head of tests
lookback_days: 1
effective_from: 2020-01-01
effective_until: 2023-12-31
parameters:
  - from: 2020-01-01
    least_minor: 1
  - from: 2022-01-01
    least_minor: 500
explanation: "{amount}, at least {least_minor}"
*/
SELECT book_id, account_id, version
FROM activity
WHERE is_new AND amount_minor >= $least_minor
