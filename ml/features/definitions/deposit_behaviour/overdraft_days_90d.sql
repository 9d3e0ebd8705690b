/*
name: overdraft_days_90d
version: 1
description: Days that closed below zero.
unit: count
entity: customer_account
source: daily_balances
window: 90 days
owner: credit-risk
*/
count(*) FILTER (balance_minor < 0)
