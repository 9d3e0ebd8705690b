/*
name: late_loan_share
version: 1
description: Loans repaid after they were due, as a share of all; open loans once they are overdue.
unit: share
entity: customer_account
source: loans
window: history
owner: credit-risk
risk: rises
reason: L02
*/
count(*) FILTER (days_late > 0) / nullif(count(days_late), 0)
