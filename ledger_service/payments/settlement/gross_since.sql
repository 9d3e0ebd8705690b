-- What a window has accepted until now, by currency: the running sum of the last look and what came since.
WITH last AS (
    SELECT coalesce(max(event_through), %(event_from)s) AS event_through
    FROM payments.settlement_gross
    WHERE book_id = %(book_id)s AND scheme_id = %(scheme_id)s AND window_number = %(window_number)s
), now AS (
    SELECT sequence FROM ledger.book_state WHERE book_id = %(book_id)s
), summed AS (
    SELECT currency, sum(amount) AS gross_minor FROM (
        SELECT g.currency, g.gross_minor AS amount
        FROM payments.settlement_gross g JOIN last USING (event_through)
        WHERE g.book_id = %(book_id)s AND g.scheme_id = %(scheme_id)s AND g.window_number = %(window_number)s
        UNION ALL
        SELECT t.currency, t.amount
        FROM ledger.transfer t
        JOIN ledger.account a ON a.book_id = t.book_id AND a.account_id = t.debit_account_id
        WHERE t.book_id = %(book_id)s AND t.sequence > (SELECT event_through FROM last)
            AND t.kind = 'settlement_obligation' AND split_part(a.external_ref, ':', 2) = %(scheme_id)s
    ) AS parts
    GROUP BY currency
), kept AS (
    INSERT INTO payments.settlement_gross
    SELECT %(book_id)s, %(scheme_id)s, %(window_number)s, now.sequence, currency, gross_minor FROM summed, now
    ON CONFLICT DO NOTHING
)
SELECT currency, gross_minor::text FROM summed
