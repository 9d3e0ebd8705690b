/*
name: requested_to_largest_loan
version: 1
description: Principal asked for, as a multiple of the largest loan so far.
unit: ratio
entity: loan_application
source: applications
window: history
owner: credit-risk
reason: A01
*/
max(principal_minor / largest_principal_minor)
