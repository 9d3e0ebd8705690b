/*
id: dormant_reactivation
version: 1
title: A dormant account moves a large amount
typology: dormant_reactivation
basis: >-
  FATF guidance on Recommendation 10 (ongoing due diligence): sudden activity that does not fit what
  is known of a customer, here large movements on an account that nobody used for months.
severity: medium
owner: head of transaction monitoring
lookback_days: 200
effective_from: 1990-01-01
parameters:
  - from: 1990-01-01
    dormant_days: 180
    watch_days: 3 # after the first movement: a small test often goes ahead of the large one
    floor_bps: 250 # of the reporting threshold, each movement
explanation: >-
  {amount} moved (transfers: {transfers}) after {fact_quiet_days} days or more without activity; the rule asks
  for {dormant_days} days and at least {floor_bps:money} within {watch_days} days of waking
*/
WITH known AS (
    SELECT
        *,
        lag(event_us) OVER (
            PARTITION BY book_id, account_id ORDER BY event_us, version
        ) AS last_us
    FROM history
    -- An opening balance carries the time of the last movement in the earlier system.
    WHERE customer_initiated OR kind = 'opening_balance'
),

-- An account with entries before the window, but no activity in it, has been quiet at least since
-- the window began. One whose first entry is the movement itself is new, not dormant.
older AS (
    SELECT book_id, account_id, min(version) > 1 AS has_older_entries
    FROM history
    GROUP BY book_id, account_id
),

wakings AS (
    SELECT
        k.book_id,
        k.account_id,
        k.event_us,
        k.event_us - coalesce(
            k.last_us, CASE WHEN o.has_older_entries THEN k.lookback_from_us ELSE k.event_us END
        ) AS quiet_us
    FROM known AS k
    INNER JOIN older AS o ON o.book_id = k.book_id AND o.account_id = k.account_id
    WHERE k.customer_initiated
)

SELECT
    a.book_id,
    a.account_id,
    a.version,
    max(w.quiet_us) // 86400000000 AS fact_quiet_days
FROM activity AS a
INNER JOIN wakings AS w ON w.book_id = a.book_id AND w.account_id = a.account_id
WHERE
    a.is_new
    AND a.amount_minor * 10000 >= a.threshold_minor * $floor_bps
    AND w.quiet_us >= $dormant_days * 86400000000
    AND a.event_us BETWEEN w.event_us AND w.event_us + $watch_days * 86400000000
GROUP BY a.book_id, a.account_id, a.version
