-- What of the journal has been archived: enough to verify the seals of what is still here.

CREATE TABLE ledger.archive (
    book_id        integer NOT NULL REFERENCES ledger.book,
    month          date NOT NULL CHECK (extract(day FROM month) = 1),
    transfers      bigint NOT NULL CHECK (transfers >= 0),
    first_sequence bigint,
    last_sequence  bigint,
    archived_at    timestamptz NOT NULL,
    PRIMARY KEY (book_id, month)
);
COMMENT ON TABLE ledger.archive IS 'Months of the journal that are archived, by book.';
COMMENT ON COLUMN ledger.archive.book_id IS 'The book.';
COMMENT ON COLUMN ledger.archive.month IS 'First day of the month, by the time in the ids of its transfers.';
COMMENT ON COLUMN ledger.archive.transfers IS 'How many transfers of the book it had.';
COMMENT ON COLUMN ledger.archive.first_sequence IS 'Number of the first of them; NULL when there are none.';
COMMENT ON COLUMN ledger.archive.last_sequence IS 'Number of the last of them.';
COMMENT ON COLUMN ledger.archive.archived_at IS 'When it was archived.';

CREATE TABLE ledger.archive_block (
    book_id   integer NOT NULL,
    height    bigint NOT NULL,
    month     date NOT NULL,
    sequences bigint[],
    leaves    bytea[],
    PRIMARY KEY (book_id, height, month),
    FOREIGN KEY (book_id, height) REFERENCES ledger.block,
    FOREIGN KEY (book_id, month) REFERENCES ledger.archive
);
COMMENT ON TABLE ledger.archive_block IS 'Blocks of which transfers are archived with a month: their root is verified with the hashes of what is gone.';
COMMENT ON COLUMN ledger.archive_block.book_id IS 'The book.';
COMMENT ON COLUMN ledger.archive_block.height IS 'The block.';
COMMENT ON COLUMN ledger.archive_block.month IS 'The month archived.';
COMMENT ON COLUMN ledger.archive_block.sequences IS 'Numbers of the block''s transfers in it; NULL when with it all of the block is archived.';
COMMENT ON COLUMN ledger.archive_block.leaves IS 'Their leaf hashes, in the same order.';

CREATE TRIGGER immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.archive
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.archive_block
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
