/*
name: loan_lateness_last_three_days
version: 1
description: >-
  Mean days by which the last three loans were repaid after they were due, negative when
  before.
unit: days
entity: customer_account
source: loans
window: history
owner: credit-risk
risk: rises
reason: L02
*/
avg(days_late) FILTER (loans_ago < 3)
