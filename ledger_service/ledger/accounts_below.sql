-- An account and all accounts below it.
WITH RECURSIVE below AS (
    SELECT account_id FROM ledger.account WHERE book_id = %(book_id)s AND account_id = %(account_id)s
    UNION ALL
    SELECT child.account_id FROM below
    JOIN ledger.account child ON child.book_id = %(book_id)s AND child.parent_account_id = below.account_id
)
SELECT account_id FROM below ORDER BY account_id
