/*
name: requested_term_days
version: 1
description: Term asked for.
unit: days
entity: loan_application
source: applications
window: history
owner: credit-risk
reason: A02
*/
max(term_days)
