/*
name: penalty_interest_share_90d
version: 1
description: Interest charged on overdrawn balances, as a share of money out.
unit: share
entity: customer_account
source: movements
window: 90 days
owner: credit-risk
*/
coalesce(sum(amount_minor) FILTER (direction = 'out' AND kind = 'penalty_interest'), 0)
    / nullif(sum(amount_minor) FILTER (direction = 'out'), 0)
