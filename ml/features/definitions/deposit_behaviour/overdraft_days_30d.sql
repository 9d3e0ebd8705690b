/*
name: overdraft_days_30d
version: 1
description: Days that closed below zero.
unit: count
entity: customer_account
source: daily_balances
window: 30 days
owner: credit-risk
*/
count(*) FILTER (balance_minor < 0)
