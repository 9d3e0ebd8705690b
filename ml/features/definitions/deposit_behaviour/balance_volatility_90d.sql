/*
name: balance_volatility_90d
version: 1
description: Standard deviation of the closing balance, in mean absolute closing balances.
unit: ratio
entity: customer_account
source: daily_balances
window: 90 days
owner: credit-risk
*/
stddev_pop(balance_minor) / nullif(avg(abs(balance_minor)), 0)
