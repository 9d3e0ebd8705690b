/*
name: days_observed_90d
version: 1
description: Days of the window on which the account had a balance to observe.
unit: count
entity: customer_account
source: daily_balances
window: 90 days
owner: credit-risk
empty_value: 0
*/
count(*)
