/*
name: first_repayment_lateness_mean_days
version: 1
description: Mean days from the due date to the first repayment, negative when before it.
unit: days
entity: customer_account
source: loans
window: history
owner: credit-risk
risk: rises
reason: L03
*/
avg(first_repayment_days_late)
