/*
name: inflow_count_30d
version: 1
description: Number of movements in.
unit: count
entity: customer_account
source: movements
window: 30 days
owner: credit-risk
empty_value: 0
*/
count(*) FILTER (direction = 'in')
