/*
name: remittance_share_90d
version: 1
description: Remittances received from abroad, as a share of money in.
unit: share
entity: customer_account
source: movements
window: 90 days
owner: credit-risk
*/
coalesce(sum(amount_minor) FILTER (direction = 'in' AND kind = 'remittance'), 0)
    / nullif(sum(amount_minor) FILTER (direction = 'in'), 0)
