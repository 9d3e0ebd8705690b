"""Acceptance: obligations become transfers between positions, if the debtor's cover allows it.

Each obligation is one transfer; where the pair has a bilateral limit, a linked second one counts it, and
payment versus payment links both obligations. The ledger judges them in the statement that books
them: cover, limits and order are never read from anything older. A scheme with real-time gross
settlement takes the same way: its positions are prefunded, so what is booked is settled.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Final

import polars as pl
import psycopg

from ledger_service.ledger.books import lock_books
from ledger_service.ledger.results import TransferResult
from ledger_service.ledger.transfers import BATCH_LIMIT, TIMESTAMP, create_transfers
from ledger_service.payments.identifiers import derived_ids
from ledger_service.payments.settlement.scheme_book import (
    SchemeBook,
    positions_frame,
    scheme_accounts,
    suspended,
)
from ledger_service.payments.settlement.transfers import EXPOSURE, OBLIGATION, as_transfers
from ledger_service.payments.settlement.windows import close_if_reached, current
from ledger_service.reference.schemes import SettlementModel

OBLIGATION_SCHEMA: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "payment_id": pl.String,  # UUIDv7
    "debtor_id": pl.String,
    "creditor_id": pl.String,
    "currency": pl.String,
    "amount_minor": pl.Int64,
    "event_at": TIMESTAMP,
    "pvp_partner_id": pl.String,  # payment id of the obligation that it is tied to; null for none
}
"""What is to be accepted."""

RESULT_SCHEMA: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "payment_id": pl.String,
    "result": pl.String,  # an `Acceptance`
    "code": pl.String,  # of the ledger, where it refused
}

POSITION_ORDINAL: Final = 1 << 21
"""Of the id of an obligation's transfer, far from those of a payment's own transfers."""
EXPOSURE_ORDINAL: Final = POSITION_ORDINAL + 1
"""Of the id of its memorandum entry."""


class Acceptance(StrEnum):
    """Answer to one obligation."""

    ACCEPTED = "accepted"
    """Booked now."""
    EXISTS = "exists"
    """The same obligation was accepted before."""
    EXISTS_DIFFERENT = "exists_different"
    """Another obligation was accepted under that payment id."""
    EXCEEDS_COVER = "exceeds_cover"
    """The debtor's prefunding, cap and collateral do not reach."""
    EXCEEDS_BILATERAL_LIMIT = "exceeds_bilateral_limit"
    """The creditor, or the debtor, limits what the pair may owe."""
    UNKNOWN_PARTICIPANT = "unknown_participant"
    """Debtor or creditor has not joined the scheme in that currency."""
    PARTICIPANT_BLOCKED = "participant_blocked"
    """The position of debtor or creditor is frozen or closed."""
    WINDOW_NOT_OPEN = "window_not_open"
    """No window was opened, or the book has closed its business date."""
    SCHEME_SUSPENDED = "scheme_suspended"
    """The operator accepts nothing now."""
    PVP_PARTNER_MISSING = "pvp_partner_missing"
    """The obligation that it is tied to is not in the batch, or is not tied to it."""
    PVP_PARTNER_REFUSED = "pvp_partner_refused"
    """The obligation that it is tied to was refused, so neither was booked."""
    PVP_PAIR_UNKNOWN = "pvp_pair_unknown"
    """The scheme does not tie these two currencies."""
    REPEATED_IN_BATCH = "repeated_in_batch"
    """An earlier row of the batch has the same payment id."""
    INVALID = "invalid"
    """No amount above zero, the same party twice, or a field absent; the code says what."""
    REFUSED = "refused"
    """The ledger refused for another reason, which the code says."""


_T, _A = TransferResult, Acceptance
_ANSWERS: Final = {
    _T.CREATED: _A.ACCEPTED,
    _T.EXISTS: _A.EXISTS,
    _T.EXCEEDS_CREDITS: _A.EXCEEDS_COVER,
    _T.BUSINESS_DATE_CLOSED: _A.WINDOW_NOT_OPEN,
    _T.LINKED_EVENT_FAILED: _A.PVP_PARTNER_REFUSED,
    _T.DEBIT_ACCOUNT_CLOSED: _A.PARTICIPANT_BLOCKED,
    _T.CREDIT_ACCOUNT_CLOSED: _A.PARTICIPANT_BLOCKED,
    _T.DEBIT_ACCOUNT_FROZEN: _A.PARTICIPANT_BLOCKED,
    _T.CREDIT_ACCOUNT_FROZEN: _A.PARTICIPANT_BLOCKED,
    _T.AMOUNT_MUST_BE_POSITIVE: _A.INVALID,
    _T.ACCOUNTS_MUST_BE_DIFFERENT: _A.INVALID,
    _T.FIELD_MUST_NOT_BE_NULL: _A.INVALID,
    _T.ID_MUST_NOT_BE_NULL: _A.INVALID,
} | {code: _A.EXISTS_DIFFERENT for code in _T if code.value.startswith("exists_with_different")}
"""Of the ledger's codes for the transfer between positions; any other is `REFUSED`."""

_OVER_LIMIT: Final = [_T.EXCEEDS_CREDITS.value, _T.EXCEEDS_DEBITS.value]

_CHUNK: Final = BATCH_LIMIT // 4
"""Obligations of one batch: a tied pair with two limits is four transfers."""


def accept(
    connection: psycopg.Connection,
    books: SchemeBook,
    obligations: pl.DataFrame,
    *,
    at: datetime,
) -> pl.DataFrame:
    """Accept obligations (`OBLIGATION_SCHEMA`) in one transaction; each is answered (`RESULT_SCHEMA`).

    All fall into the window that is open; a window by amount closes at `at` when it is reached. The
    same obligations again are answered `exists` and book nothing. A tied pair stands in one call.
    """
    rows = obligations.select(
        pl.col(name).cast(kind) for name, kind in OBLIGATION_SCHEMA.items()
    ).with_row_index("row")
    with connection.transaction():
        lock_books(connection, [books.book_id])
        if suspended(connection, books):
            return _all(rows, Acceptance.SCHEME_SUSPENDED)
        if books.scheme.model == SettlementModel.REAL_TIME_GROSS:
            return _booked(connection, books, rows, at.date())
        window = current(connection, books)
        if window is None:
            return _all(rows, Acceptance.WINDOW_NOT_OPEN)
        results = _booked(connection, books, rows, window.business_date)
        close_if_reached(connection, books, window, at=at)
        return results


def _all(rows: pl.DataFrame, answer: Acceptance) -> pl.DataFrame:
    return rows.select("payment_id", result=pl.lit(answer.value), code=pl.lit(None, pl.String))


def _booked(
    connection: psycopg.Connection, books: SchemeBook, rows: pl.DataFrame, business_date: date
) -> pl.DataFrame:
    """Post what can be posted, in the locked book, and answer every row."""
    accounts = scheme_accounts(connection, books)
    judged = _judged(books, rows, positions_frame(books, accounts))
    legs = _legs(books, judged.filter(pl.col("result").is_null()), accounts)
    answers = [pl.Series("code", [], dtype=pl.String)]
    for part in _chains(legs):
        transfers = as_transfers(part)
        answers.append(
            create_transfers(
                connection, book_id=books.book_id, business_date=business_date, transfers=transfers
            )
        )
    told = _answers(legs.with_columns(code=pl.concat(answers)))
    return (
        judged.join(told, on="row", how="left", maintain_order="left")
        .select("payment_id", result=pl.coalesce("result", "answer"), code="code")
        .select(pl.col(name).cast(kind) for name, kind in RESULT_SCHEMA.items())
    )


def _judged(books: SchemeBook, rows: pl.DataFrame, positions: pl.DataFrame) -> pl.DataFrame:
    """Rows with their position accounts, their chain, and the answer where it needs no ledger."""
    partners = rows.unique("payment_id", keep="first").select(
        pvp_partner_id="payment_id",
        partner_row="row",
        partner_currency="currency",
        partner_of_partner="pvp_partner_id",
    )
    for side, account in (("debtor", "debit_account_id"), ("creditor", "credit_account_id")):
        of_side = positions.rename({"participant_id": f"{side}_id", "account_id": account})
        rows = rows.join(of_side, on=[f"{side}_id", "currency"], how="left", maintain_order="left")
    tied = pl.col("pvp_partner_id").is_not_null()
    agreed = [f"{a}{b}" for pair in books.scheme.pvp_pairs for a, b in (pair, tuple(reversed(pair)))]
    judged = rows.join(partners, on="pvp_partner_id", how="left", maintain_order="left").with_columns(
        chain=pl.min_horizontal("row", "partner_row"),
        result=pl.when(pl.col("payment_id").is_null())
        .then(pl.lit(Acceptance.INVALID.value))
        .when(~pl.col("payment_id").is_first_distinct())
        .then(pl.lit(Acceptance.REPEATED_IN_BATCH.value))
        .when(pl.any_horizontal(pl.col("debit_account_id", "credit_account_id").is_null()))
        .then(pl.lit(Acceptance.UNKNOWN_PARTICIPANT.value))
        .when(tied & pl.col("partner_of_partner").ne_missing(pl.col("payment_id")))
        .then(pl.lit(Acceptance.PVP_PARTNER_MISSING.value))
        .when(tied & ~pl.concat_str("currency", "partner_currency").is_in(agreed))
        .then(pl.lit(Acceptance.PVP_PAIR_UNKNOWN.value)),
    )
    # What is tied to a row that was refused here is refused with it; a repeated row is not its partner.
    first = pl.col("payment_id").is_first_distinct()
    refused = judged.filter(first & pl.col("result").is_not_null())["row"].implode()
    partner_refused = pl.col("result").is_null() & pl.col("partner_row").is_in(refused)
    return judged.with_columns(
        result=pl.when(partner_refused)
        .then(pl.lit(Acceptance.PVP_PARTNER_REFUSED.value))
        .otherwise("result")
    )


def _legs(books: SchemeBook, rows: pl.DataFrame, accounts: dict[str, int]) -> pl.DataFrame:
    """The transfers of obligations, chain by chain: each its position transfer, then its exposure."""
    pairs = pl.DataFrame(
        [
            (*reference.split(":")[2:], account_id)
            for reference, account_id in accounts.items()
            if reference.startswith("pair:")
        ],
        schema={"currency": pl.String, "low": pl.String, "high": pl.String, "pair": pl.Int64},
        orient="row",
    )
    contra = {
        currency: accounts[books.reference("pairs", currency)] for currency in pairs["currency"].unique()
    }
    low_owes = pl.col("debtor_id") < pl.col("creditor_id")
    exposures = rows.with_columns(
        low=pl.min_horizontal("debtor_id", "creditor_id"),
        high=pl.max_horizontal("debtor_id", "creditor_id"),
        contra=pl.col("currency").replace_strict(contra, default=None, return_dtype=pl.Int64),
    ).join(pairs, on=["currency", "low", "high"], maintain_order="left")
    legs = [
        rows.with_columns(ordinal=pl.lit(POSITION_ORDINAL, pl.UInt64), kind=pl.lit(OBLIGATION)),
        exposures.with_columns(
            ordinal=pl.lit(EXPOSURE_ORDINAL, pl.UInt64),
            kind=pl.lit(EXPOSURE),
            debit_account_id=pl.when(low_owes).then("pair").otherwise("contra"),
            credit_account_id=pl.when(low_owes).then("contra").otherwise("pair"),
        ),
    ]
    columns = ["row", "chain", "ordinal", "kind", "payment_id", "amount_minor", "event_at"]
    columns += ["debit_account_id", "credit_account_id"]
    ordered = pl.concat([leg.select(columns) for leg in legs]).sort("chain", "row", "ordinal")
    return ordered.with_columns(
        transfer_id=derived_ids(ordered["payment_id"], ordered["ordinal"]),
        linked=(pl.col("chain") == pl.col("chain").shift(-1)).fill_null(value=False),
        value_date=pl.col("event_at").dt.date(),
    )


def _chains(legs: pl.DataFrame) -> list[pl.DataFrame]:
    """Legs in batches that the ledger takes, none of which cuts a chain."""
    numbered = legs.with_columns(part=pl.col("chain").rank("dense").sub(1) // _CHUNK)
    return numbered.partition_by("part", maintain_order=True)


def _answers(legs: pl.DataFrame) -> pl.DataFrame:
    """row, answer, code: what the ledger's codes of an obligation's legs mean for it."""
    of_position = legs.filter(kind=OBLIGATION).select("row", "code")
    of_exposure = legs.filter(kind=EXPOSURE).select("row", exposure_code="code")
    answer = pl.col("code").replace_strict(
        {code.value: answer.value for code, answer in _ANSWERS.items()},
        default=Acceptance.REFUSED.value,
        return_dtype=pl.String,
    )
    caused = (pl.col("code") == TransferResult.LINKED_EVENT_FAILED.value) & (
        pl.col("exposure_code").is_not_null()
        & (pl.col("exposure_code") != TransferResult.LINKED_EVENT_FAILED.value)
    )
    over = pl.col("exposure_code").is_in(_OVER_LIMIT)
    both = of_position.join(of_exposure, on="row", how="left", maintain_order="left")
    said = pl.when(caused).then("exposure_code").otherwise("code")
    return both.select(
        "row",
        answer=pl.when(caused & over)
        .then(pl.lit(Acceptance.EXCEEDS_BILATERAL_LIMIT.value))
        .when(caused)
        .then(pl.lit(Acceptance.REFUSED.value))
        .otherwise(answer),
        code=pl.when(~said.is_in(["created", "exists"])).then(said),
    )
