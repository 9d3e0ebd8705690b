/*
name: loan_lateness_last_days
version: 1
description: >-
  Days by which the last loan was repaid after it was due, negative when before; while open,
  until now.
unit: days
entity: customer_account
source: loans
window: history
owner: credit-risk
risk: rises
reason: L02
*/
max_by(days_late, loan_number)
