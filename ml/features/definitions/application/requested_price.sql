/*
name: requested_price
version: 1
description: Total due, as a multiple of the principal asked for.
unit: ratio
entity: loan_application
source: applications
window: history
owner: credit-risk
reason: A03
*/
max(total_due_minor / principal_minor)
