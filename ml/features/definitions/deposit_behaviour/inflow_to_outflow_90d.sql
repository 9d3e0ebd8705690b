/*
name: inflow_to_outflow_90d
version: 1
description: Money in, as a multiple of money out.
unit: ratio
entity: customer_account
source: daily_balances
window: 90 days
owner: credit-risk
*/
sum(inflow_minor) / nullif(sum(outflow_minor), 0)
