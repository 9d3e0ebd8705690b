/*
name: last_loan_held_days
version: 1
description: Days for which the last loan was held, while open until now.
unit: days
entity: customer_account
source: loans
window: history
owner: credit-risk
reason: L07
*/
max_by(days_held, loan_number)
