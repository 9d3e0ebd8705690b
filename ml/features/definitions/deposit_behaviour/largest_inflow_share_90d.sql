/*
name: largest_inflow_share_90d
version: 1
description: The largest movement in, as a share of money in.
unit: share
entity: customer_account
source: movements
window: 90 days
owner: credit-risk
*/
max(amount_minor) FILTER (direction = 'in')
    / nullif(sum(amount_minor) FILTER (direction = 'in'), 0)
