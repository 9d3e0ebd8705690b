"""Quarantine: refused input rows as data, each with its place, a code, and a sentence to act on.

Belongs here: the closed list of codes, their sentences, and building rows. Deciding what is wrong
belongs to the readers (`delimited`, `validation`) and to booking.
"""

from enum import StrEnum
from typing import Final

import polars as pl

CONTENT_LIMIT: Final = 2_000
"""Characters of a refused row that are kept."""

VALUE_LIMIT: Final = 60
"""Characters of the offending value that the sentence quotes."""

QUARANTINE_SCHEMA: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "source_file": pl.String,
    "row": pl.Int64,
    "field": pl.String,
    "code": pl.String,
    "message": pl.String,
    "content": pl.String,
}
"""`row` is the 1-based line of the file, 0 for the whole file; `content` the row as received."""


class Refusal(StrEnum):
    """Why a file or a row was refused."""

    NOT_UTF8 = "not_utf8"
    """The file is not UTF-8 text."""
    EMPTY_FILE = "empty_file"
    """The file has no header."""
    FILE_TOO_LARGE = "file_too_large"
    """The file exceeds the limit of size."""
    MISSING_COLUMNS = "missing_columns"
    """The header lacks columns of the format."""
    DUPLICATE_COLUMNS = "duplicate_columns"
    """The header names a column twice."""
    FILE_MISSING = "file_missing"
    """A file that the format needs is not there."""
    WRONG_COLUMNS = "wrong_columns"
    """The row has more or fewer fields than the header."""
    BROKEN_QUOTES = "broken_quotes"
    """Quotation marks that do not pair, or that stand inside a bare field."""
    CONTROL_CHARACTER = "control_character"
    """A NUL or another control character in the row."""
    MISSING_FIELD = "missing_field"
    """A field that this kind of row needs is empty."""
    TEXT_TOO_LONG = "text_too_long"
    """More characters than the format allows."""
    BAD_ID = "bad_id"
    """Not a UUID."""
    DUPLICATE_ID = "duplicate_id"
    """The same instruction again: it was accepted once."""
    DUPLICATE_ID_DIFFERENT_CONTENT = "duplicate_id_different_content"
    """An id that was used before for another instruction."""
    UNKNOWN_KIND = "unknown_kind"
    """Not a payment kind."""
    UNKNOWN_CHANNEL = "unknown_channel"
    """Not a channel."""
    BAD_MERCHANT_CATEGORY = "bad_merchant_category"
    """Not four digits."""
    BAD_DATE = "bad_date"
    """Not a date, or one outside 1900 to 2199."""
    BAD_TIMESTAMP = "bad_timestamp"
    """Not a time with offset, or one outside 1900 to 2199."""
    FUTURE_EVENT = "future_event"
    """An event later than the business date can have seen."""
    UNKNOWN_CURRENCY = "unknown_currency"
    """Not a currency of ISO 4217."""
    CURRENCY_NOT_VALID = "currency_not_valid"
    """Not legal tender on the business date."""
    NOT_A_NUMBER = "not_a_number"
    """Not a plain decimal number."""
    NOT_POSITIVE = "not_positive"
    """Zero or negative."""
    TOO_MANY_DECIMALS = "too_many_decimals"
    """More decimals than the currency has."""
    AMOUNT_OVERFLOW = "amount_overflow"
    """More than 64 bits of minor units."""
    SAME_CURRENCY = "same_currency"
    """A conversion into the currency it starts from."""
    UNKNOWN_PARTICIPANT = "unknown_participant"
    """An agent that is not a participant."""
    NO_BOOK = "no_book"
    """Neither agent has a book here, or the booked party's agent has none."""
    UNKNOWN_ACCOUNT = "unknown_account"
    """The agent has no such account."""
    ACCOUNT_NOT_OPEN = "account_not_open"
    """The account is opened after the business date."""
    SAME_ACCOUNT = "same_account"
    """Debtor and creditor are one account."""
    BAD_ACCOUNT = "bad_account"
    """An account reference in the form that the ledger keeps for its own accounts."""
    BAD_PARTICIPANT = "bad_participant"
    """A participant id or BIC of another form."""
    UNKNOWN_COUNTRY = "unknown_country"
    """Not a country of ISO 3166-1."""
    UNKNOWN_VALUE = "unknown_value"
    """Not one of the values that the format lists."""


SENTENCES: Final[dict[Refusal, str]] = {
    Refusal.NOT_UTF8: "The file is not UTF-8 ({}): export it again as UTF-8.",
    Refusal.EMPTY_FILE: "The file is empty: send it again with its header line.{}",
    Refusal.FILE_TOO_LARGE: "The file has {} bytes, more than is accepted: split it.",
    Refusal.MISSING_COLUMNS: "The header lacks {}: add the columns and send the file again.",
    Refusal.DUPLICATE_COLUMNS: "The header names {} twice: keep one and send the file again.",
    Refusal.FILE_MISSING: "The file {} is missing: put it into the folder.",
    Refusal.WRONG_COLUMNS: "The row has {} fields, not as many as the header: quote commas in texts.",
    Refusal.BROKEN_QUOTES: "The quotation marks of the row do not pair{}: double those inside a text.",
    Refusal.CONTROL_CHARACTER: "The row holds a control character{}: remove it.",
    Refusal.MISSING_FIELD: "The field is empty{}: fill it in, this kind of row needs it.",
    Refusal.TEXT_TOO_LONG: "The text '{}...' is longer than the format allows: shorten it.",
    Refusal.BAD_ID: "'{}' is not a UUID: give the instruction one of its own.",
    Refusal.DUPLICATE_ID: "Instruction {} was accepted before with this content: nothing is to be done.",
    Refusal.DUPLICATE_ID_DIFFERENT_CONTENT: "Id {} was used before for another content: use a new id.",
    Refusal.UNKNOWN_KIND: "'{}' is not a payment kind: use one that the format lists.",
    Refusal.UNKNOWN_CHANNEL: "'{}' is not a channel: use branch, app, ussd, card or file.",
    Refusal.BAD_MERCHANT_CATEGORY: "'{}' is not a merchant category: use four digits of ISO 18245.",
    Refusal.BAD_DATE: "'{}' is not a date: write YYYY-MM-DD.",
    Refusal.BAD_TIMESTAMP: "'{}' is not a time: write ISO 8601 with offset, 2026-01-05T09:30:00+00:00.",
    Refusal.FUTURE_EVENT: "'{}' lies after the business date: correct the time, or send it that day.",
    Refusal.UNKNOWN_CURRENCY: "'{}' is not a currency of ISO 4217: correct the code.",
    Refusal.CURRENCY_NOT_VALID: "{} is not legal tender on the date: use the currency that is.",
    Refusal.NOT_A_NUMBER: "'{}' is not a decimal number: write digits and at most one point.",
    Refusal.NOT_POSITIVE: "'{}' is not above zero: a payment moves a positive amount.",
    Refusal.TOO_MANY_DECIMALS: "'{}' has more decimals than its currency: round it at the source.",
    Refusal.AMOUNT_OVERFLOW: "'{}' is more than the ledger can hold: check the amount.",
    Refusal.SAME_CURRENCY: "{} is the currency of the amount already: leave the counter fields empty.",
    Refusal.UNKNOWN_PARTICIPANT: "'{}' is no participant: correct it or add it to participants.csv.",
    Refusal.NO_BOOK: "'{}' keeps no book here, so nothing can be booked: correct the agents.",
    Refusal.UNKNOWN_ACCOUNT: "The agent has no account '{}': correct it or add it to accounts.csv.",
    Refusal.ACCOUNT_NOT_OPEN: "Account '{}' opens after the business date: correct opened_on or row.",
    Refusal.SAME_ACCOUNT: "Account '{}' would pay itself: correct debtor or creditor.",
    Refusal.BAD_ACCOUNT: "'{}' has the form of the ledger's own accounts: use another reference.",
    Refusal.BAD_PARTICIPANT: "'{}' has not the form of its field: use A-Z, 0-9 (and hyphens in ids).",
    Refusal.UNKNOWN_COUNTRY: "'{}' is not a country of ISO 3166-1: use the alpha-2 code.",
    Refusal.UNKNOWN_VALUE: "'{}' is not a value of this field: use one that the format lists.",
}
"""The sentence of each code; `{}` is where the offending value stands."""


def empty_quarantine() -> pl.DataFrame:
    """No refused rows."""
    return pl.DataFrame(schema=QUARANTINE_SCHEMA)


def refused_file(source_file: str, code: Refusal, *, value: str = "", field: str = "") -> pl.DataFrame:
    """One row for a file that is refused whole."""
    message = SENTENCES[code].replace("{}", value[: 5 * VALUE_LIMIT])
    return pl.DataFrame(
        [(source_file, 0, field, code.value, message, "")], schema=QUARANTINE_SCHEMA, orient="row"
    )


def refused_by_ledger(rows: pl.DataFrame) -> pl.DataFrame:
    """A quarantine row for each payment that the ledger refused, code `ledger_<result>`.

    `rows`: source_file, source_row, content, booked (Boolean), code (`TransferResult`). A booked one
    is money that arrived and waits on unapplied receipts.
    """
    reason = pl.col("code").str.replace_all("_", " ")
    refused = (
        pl.lit("The ledger refused it (") + reason + pl.lit("): send it anew when that is settled.")
    )
    waiting = (
        pl.lit("It could not be credited (")
        + reason
        + pl.lit("): the amount waits on unapplied receipts; return it or credit another account.")
    )
    return rows.select(
        source_file="source_file",
        row="source_row",
        field=pl.lit(""),
        code=pl.lit("ledger_") + pl.col("code"),
        message=pl.when("booked").then(waiting).otherwise(refused),
        content=pl.col("content").str.slice(0, CONTENT_LIMIT),
    )


def refused_rows(
    rows: pl.DataFrame, code: Refusal, *, source_file: str, field: str, value: pl.Expr
) -> pl.DataFrame:
    """A quarantine row for each of `rows` (columns row, content and those of `value`)."""
    before, _, after = SENTENCES[code].partition("{}")
    quoted = value.cast(pl.String).fill_null("").str.slice(0, VALUE_LIMIT)
    return rows.select(
        source_file=pl.lit(source_file),
        row="row",
        field=pl.lit(field),
        code=pl.lit(code.value),
        message=pl.lit(before) + quoted + pl.lit(after),
        content=pl.col("content").str.slice(0, CONTENT_LIMIT),
    )
