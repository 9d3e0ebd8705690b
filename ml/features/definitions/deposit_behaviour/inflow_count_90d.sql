/*
name: inflow_count_90d
version: 1
description: Number of movements in.
unit: count
entity: customer_account
source: movements
window: 90 days
owner: credit-risk
empty_value: 0
*/
count(*) FILTER (direction = 'in')
