/*
name: loan_lateness_max_days
version: 1
description: >-
  Most days by which a loan was repaid after it was due, negative when before; open loans
  count until now.
unit: days
entity: customer_account
source: loans
window: history
owner: credit-risk
risk: rises
reason: L02
*/
max(days_late)
