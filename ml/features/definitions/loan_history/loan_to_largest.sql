/*
name: loan_to_largest
version: 1
description: Principal of the last loan, as a multiple of the largest.
unit: ratio
entity: customer_account
source: loans
window: history
owner: credit-risk
reason: L06
*/
max_by(principal_minor, loan_number) / max(principal_minor)
