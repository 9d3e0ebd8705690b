/*
name: loan_pause_mean_days
version: 1
description: Mean days without a loan between two loans, negative when they overlapped.
unit: days
entity: customer_account
source: loans
window: history
owner: credit-risk
reason: L04
*/
avg(pause_days)
