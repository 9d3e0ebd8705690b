/*
name: amount_spread_90d
version: 1
description: The ninth decile of the amounts moved, in medians of them.
unit: ratio
entity: customer_account
source: movements
window: 90 days
owner: credit-risk
*/
quantile_disc(amount_minor, 0.9) / quantile_disc(amount_minor, 0.5)
