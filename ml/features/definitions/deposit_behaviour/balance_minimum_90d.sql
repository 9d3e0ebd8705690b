/*
name: balance_minimum_90d
version: 1
description: Lowest closing balance, in mean absolute closing balances.
unit: ratio
entity: customer_account
source: daily_balances
window: 90 days
owner: credit-risk
*/
min(balance_minor) / nullif(avg(abs(balance_minor)), 0)
