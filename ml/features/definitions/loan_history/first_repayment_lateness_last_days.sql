/*
name: first_repayment_lateness_last_days
version: 1
description: >-
  Days from the due date to the first repayment of the last loan that has one, negative when
  before it.
unit: days
entity: customer_account
source: loans
window: history
owner: credit-risk
risk: rises
reason: L03
*/
max_by(first_repayment_days_late, loan_number)
