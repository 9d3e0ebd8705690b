/*
name: penalty_interest_count_90d
version: 1
description: How often interest on an overdrawn balance was charged.
unit: count
entity: customer_account
source: movements
window: 90 days
owner: credit-risk
empty_value: 0
*/
count(*) FILTER (kind = 'penalty_interest')
