/*
name: loan_count
version: 1
description: Number of loans taken.
unit: count
entity: customer_account
source: loans
window: history
owner: credit-risk
risk: falls
reason: L01
empty_value: 0
*/
count(*)
