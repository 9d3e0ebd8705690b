/*
name: loan_lateness_mean_days
version: 1
description: >-
  Mean days by which loans were repaid after they were due, negative when before; open loans
  count until now.
unit: days
entity: customer_account
source: loans
window: history
owner: credit-risk
risk: rises
reason: L02
*/
avg(days_late)
