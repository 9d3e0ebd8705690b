/*
name: counterparties_30d
version: 1
description: Number of different accounts that money came from or went to.
unit: count
entity: customer_account
source: movements
window: 30 days
owner: credit-risk
empty_value: 0
*/
count(DISTINCT counterparty)
