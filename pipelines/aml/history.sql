-- What one rule may look at: the part of `known` within its lookback, all kinds of entries.
CREATE OR REPLACE TEMP TABLE history AS
SELECT
    *,
    epoch_us(CAST($business_date - CAST($lookback_days AS INTEGER) + 1 AS TIMESTAMP))
        AS lookback_from_us
FROM known
WHERE business_date > $business_date - CAST($lookback_days AS INTEGER)
