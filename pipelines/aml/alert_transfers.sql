-- The transfers of each alert: the entries that a rule hit, under the alert's ref.
SELECT
    a.business_date,
    a.ref,
    CAST(h.book_id AS INTEGER) AS book_id,
    h.transfer_id,
    CAST(h.account_id AS BIGINT) AS account_id,
    CAST(h.version AS BIGINT) AS version,
    h.side,
    CAST(h.amount_minor AS BIGINT) AS amount_minor,
    h.event_at
FROM history AS h
INNER JOIN hits AS i
    ON i.book_id = h.book_id AND i.account_id = h.account_id AND i.version = h.version
INNER JOIN alerts AS a ON a.book_id = h.book_id AND a.account_id = h.account_id
