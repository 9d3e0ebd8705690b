/*
name: open_loan_count
version: 1
description: Loans not yet repaid in full.
unit: count
entity: customer_account
source: loans
window: history
owner: credit-risk
reason: L05
empty_value: 0
*/
count(*) FILTER (NOT is_closed)
