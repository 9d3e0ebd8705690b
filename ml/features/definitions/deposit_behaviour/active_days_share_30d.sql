/*
name: active_days_share_30d
version: 1
description: Days with money in or out, as a share of the days observed.
unit: share
entity: customer_account
source: daily_balances
window: 30 days
owner: credit-risk
*/
count(*) FILTER (inflow_minor > 0 OR outflow_minor > 0) / count(*)
