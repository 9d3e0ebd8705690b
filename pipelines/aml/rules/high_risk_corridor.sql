/*
id: high_risk_corridor
version: 1
title: Payment to or from a jurisdiction under a call for action
typology: high_risk_corridor
basis: >-
  FATF Recommendation 19 (higher-risk countries) and FATF's statements on high-risk jurisdictions
  subject to a call for action.
severity: high
owner: money laundering reporting officer
lookback_days: 1
effective_from: 1990-01-01
parameters:
  - from: 1990-01-01
    countries: []
    floor_bps: 0
  - from: 2020-02-21
    countries: [IR, KP]
    floor_bps: 0 # of the reporting threshold
  - from: 2022-10-21
    countries: [IR, KP, MM]
    floor_bps: 0
explanation: >-
  {amount} (transfers: {transfers}) to or from a jurisdiction under a call for action; the list of the
  date is {countries}
*/
SELECT book_id, account_id, version
FROM activity
WHERE
    is_new
    AND list_contains($countries, counterparty_country)
    AND amount_minor * 10000 >= threshold_minor * $floor_bps
