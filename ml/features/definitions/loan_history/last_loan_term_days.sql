/*
name: last_loan_term_days
version: 1
description: Term of the last loan.
unit: days
entity: customer_account
source: loans
window: history
owner: credit-risk
reason: L07
*/
max_by(term_days, loan_number)
