/*
name: balance_trend_90d
version: 1
description: >-
  Mean closing balance of the last 30 days less that of all 90, in mean absolute closing
  balances.
unit: ratio
entity: customer_account
source: daily_balances
window: 90 days
owner: credit-risk
*/
(avg(balance_minor) FILTER (days_ago < 30) - avg(balance_minor))
    / nullif(avg(abs(balance_minor)), 0)
