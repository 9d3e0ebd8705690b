/*
name: days_since_last_repaid
version: 1
description: Days since a loan was last repaid in full.
unit: days
entity: customer_account
source: loans
window: history
owner: credit-risk
reason: L05
*/
min(days_since_closed)
