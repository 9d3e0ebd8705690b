/*
name: days_since_last_movement_90d
version: 1
description: Days since money last moved; 90 when it did not in the window.
unit: days
entity: customer_account
source: movements
window: 90 days
owner: credit-risk
empty_value: 90
*/
min(days_ago)
