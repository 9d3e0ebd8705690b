/*
name: requested_to_last_loan
version: 1
description: Principal asked for, as a multiple of the last loan.
unit: ratio
entity: loan_application
source: applications
window: history
owner: credit-risk
reason: A01
*/
max(principal_minor / last_principal_minor)
