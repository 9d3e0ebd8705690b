/*
id: sql_is_two_statements
version: 1
title: Any movement
typology: test
basis: none, a rule for tests
severity: low
owner: head of tests
lookback_days: 1
effective_from: 2020-01-01
parameters:
  - from: 2020-01-01
    least_minor: 1
explanation: "{amount}, at least {least_minor}"
*/
SELECT book_id, account_id, version
FROM activity
WHERE is_new AND amount_minor >= $least_minor;
SELECT 1
