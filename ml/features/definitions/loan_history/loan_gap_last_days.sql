/*
name: loan_gap_last_days
version: 1
description: Days between the last two loans.
unit: days
entity: customer_account
source: loans
window: history
owner: credit-risk
reason: L04
*/
max_by(gap_days, loan_number) FILTER (loans_ago = 0)
