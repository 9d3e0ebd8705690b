/*
name: spending_share_90d
version: 1
description: Payments by card and to merchants, as a share of money out.
unit: share
entity: customer_account
source: movements
window: 90 days
owner: credit-risk
*/
coalesce(sum(amount_minor) FILTER (direction = 'out' AND kind IN ('card_purchase', 'merchant_payment')), 0)
    / nullif(sum(amount_minor) FILTER (direction = 'out'), 0)
