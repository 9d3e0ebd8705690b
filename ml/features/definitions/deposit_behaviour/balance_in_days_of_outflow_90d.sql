/*
name: balance_in_days_of_outflow_90d
version: 1
description: Mean closing balance, in days that it would last at the mean daily outflow.
unit: days
entity: customer_account
source: daily_balances
window: 90 days
owner: credit-risk
*/
sum(balance_minor) / nullif(sum(outflow_minor), 0)
