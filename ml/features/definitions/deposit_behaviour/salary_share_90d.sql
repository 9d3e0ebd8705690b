/*
name: salary_share_90d
version: 1
description: Salaries, as a share of money in.
unit: share
entity: customer_account
source: movements
window: 90 days
owner: credit-risk
*/
coalesce(sum(amount_minor) FILTER (direction = 'in' AND kind = 'salary'), 0)
    / nullif(sum(amount_minor) FILTER (direction = 'in'), 0)
