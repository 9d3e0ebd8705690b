-- From now on: what a book has had is not told. Answers the participants that have a book.
WITH books AS (
    SELECT k.participant_id, k.book_id, b.epoch, b.sequence
    FROM ledger.book k JOIN ledger.book_state b USING (book_id) WHERE k.participant_id = ANY (%(participants)s)
), subscribed AS (
    INSERT INTO gateway.webhook_subscription (endpoint_id, book_id, epoch, sequence)
    SELECT %(endpoint_id)s::uuid, book_id, epoch, sequence FROM books ORDER BY book_id
    ON CONFLICT DO NOTHING
), left_out AS (
    DELETE FROM gateway.webhook_subscription
    WHERE endpoint_id = %(endpoint_id)s::uuid AND book_id NOT IN (SELECT book_id FROM books)
)
SELECT participant_id FROM books
