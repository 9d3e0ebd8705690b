/*
name: loan_growth
version: 1
description: Principal of the last loan, as a multiple of the first.
unit: ratio
entity: customer_account
source: loans
window: history
owner: credit-risk
reason: L06
*/
max_by(principal_minor, loan_number) / min_by(principal_minor, loan_number)
