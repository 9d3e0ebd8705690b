/*
name: loan_gap_mean_days
version: 1
description: Mean days from one loan to the next.
unit: days
entity: customer_account
source: loans
window: history
owner: credit-risk
reason: L04
*/
avg(gap_days)
