/*
name: debt_service_ratio_90d
version: 1
description: Repayments of loans, here or at another bank, as a share of money in.
unit: share
entity: customer_account
source: movements
window: 90 days
owner: credit-risk
*/
coalesce(sum(amount_minor) FILTER (repays_loan), 0)
    / nullif(sum(amount_minor) FILTER (direction = 'in'), 0)
