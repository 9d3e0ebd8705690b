/*
id: round_tripping
version: 1
title: Money goes out and comes back from the same party
typology: round_tripping
basis: >-
  FATF and Egmont Group indicators of trade-based money laundering: circular payments that return to
  where they began and have no economic reason.
severity: medium
owner: head of transaction monitoring
lookback_days: 15
effective_from: 1990-01-01
parameters:
  - from: 1990-01-01
    window_days: 7
    floor_bps: 1000 # of the reporting threshold, each leg
    back_from_bps: 9000 # of what went out
    back_to_bps: 11000
    kinds: [credit_transfer, remittance, payout, collection]
explanation: >-
  {sent} went to the same party from which {received} came back within {window_days} days; the rule
  asks for legs of at least {floor_bps:money} and a return of {back_from_bps:percent} to
  {back_to_bps:percent}
*/
WITH legs AS (
    SELECT *
    FROM activity
    WHERE
        counterparty IS NOT NULL
        AND list_contains($kinds, kind)
        AND amount_minor * 10000 >= threshold_minor * $floor_bps
),

-- Each return belongs to the way out that is nearest to it in amount, then in time.
trips AS (
    SELECT
        o.book_id,
        o.account_id,
        o.version AS version_out,
        b.version AS version_back,
        row_number() OVER (
            PARTITION BY b.book_id, b.account_id, b.version
            ORDER BY abs(o.amount_minor - b.amount_minor), b.event_us - o.event_us, o.version
        ) AS choice
    FROM legs AS o
    INNER JOIN legs AS b
        ON b.book_id = o.book_id AND b.account_id = o.account_id AND b.counterparty = o.counterparty
    WHERE
        o.side = 'D'
        AND b.side = 'C'
        AND (o.is_new OR b.is_new)
        AND b.event_us > o.event_us
        AND b.event_us <= o.event_us + $window_days * 86400000000
        AND b.amount_minor * 10000 BETWEEN o.amount_minor * $back_from_bps
        AND o.amount_minor * $back_to_bps
)

SELECT book_id, account_id, version_out AS version FROM trips WHERE choice = 1
UNION
SELECT book_id, account_id, version_back AS version FROM trips WHERE choice = 1
