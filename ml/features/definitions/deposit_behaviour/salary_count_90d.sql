/*
name: salary_count_90d
version: 1
description: Number of salaries received.
unit: count
entity: customer_account
source: movements
window: 90 days
owner: credit-risk
empty_value: 0
*/
count(*) FILTER (direction = 'in' AND kind = 'salary')
