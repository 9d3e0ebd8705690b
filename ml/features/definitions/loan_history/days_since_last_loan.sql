/*
name: days_since_last_loan
version: 1
description: Days since the last loan was taken.
unit: days
entity: customer_account
source: loans
window: history
owner: credit-risk
reason: L04
*/
min(days_since_disbursed)
