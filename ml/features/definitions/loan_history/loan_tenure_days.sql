/*
name: loan_tenure_days
version: 1
description: Days since the first loan was taken.
unit: days
entity: customer_account
source: loans
window: history
owner: credit-risk
reason: L01
*/
max(days_since_disbursed)
