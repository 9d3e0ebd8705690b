-- The part of `history` that is activity: fees, interest and opening balances are not.
CREATE OR REPLACE TEMP VIEW activity AS
SELECT * FROM history WHERE customer_initiated
