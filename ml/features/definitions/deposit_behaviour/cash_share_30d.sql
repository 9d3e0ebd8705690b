/*
name: cash_share_30d
version: 1
description: Cash paid in and out, as a share of all money moved.
unit: share
entity: customer_account
source: movements
window: 30 days
owner: credit-risk
*/
sum(amount_minor) FILTER (kind IN ('cash_deposit', 'cash_withdrawal')) / sum(amount_minor)
