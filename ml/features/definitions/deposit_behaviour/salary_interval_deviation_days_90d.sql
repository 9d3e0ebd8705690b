/*
name: salary_interval_deviation_days_90d
version: 1
description: >-
  Standard deviation of the days between salaries, 0 when paid like clockwork; absent with
  less than three salaries.
unit: days
entity: customer_account
source: movements
window: 90 days
owner: credit-risk
*/
CASE WHEN count(*) FILTER (direction = 'in' AND kind = 'salary') >= 3
    THEN stddev_pop(days_since_previous_of_kind) FILTER (direction = 'in' AND kind = 'salary') END
