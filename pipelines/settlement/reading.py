"""What reading a bank file gives: a stream of parts, the same for every format.

Belongs here: the parts, the tables of records, and the summary that a stream is folded into. A reader
is a function of a binary stream that yields parts in the order of the file, holding no more than some
thousands of records at a time. It raises `FileRefused` when the file as a whole cannot be trusted; a
record that cannot be is a `Refused` part, and the others go on.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import BinaryIO

import polars as pl

from pipelines.settlement.payment_batch import PAYMENT_BATCH

Schema = Mapping[str, pl.DataType | type[pl.DataType]]

_PLACE: Schema = {
    "row": pl.UInt32,  # number of the record in its file, from 1
    "place": pl.String,  # where it stands: line 12, Stmt 1 Ntry 3
    "message_id": pl.String,  # of the message, batch or statement that it stands in
}

PAYMENTS_READ: Schema = {**_PLACE, **PAYMENT_BATCH}
"""Payments: pain.001, pain.008, pacs.008, pacs.009, MT103, MT202, NACHA entries, EFT, pacs.004, ..."""

ENTRIES_READ: Schema = {
    **_PLACE,
    "account": pl.String,  # whose statement
    "entry": pl.UInt32,  # number of the entry in its statement, from 1
    "detail": pl.UInt32,  # 0: the entry; from 1: the transactions of a batch entry, not in its sums
    "currency": pl.String,
    "amount_minor": pl.Int64,  # not negative
    "direction": pl.String,  # C or D, as it moved the account (a reversal of a credit is D)
    "reversal": pl.Boolean,
    "status": pl.String,  # BOOK, PDNG, INFO, FUTR
    "booking_date": pl.Date,
    "value_date": pl.Date,
    "transaction_code": pl.String,  # PMNT/RCDT/ESCT, or the bank's own: NTRF, 166
    "bank_reference": pl.String,
    "instruction_id": pl.String,
    "end_to_end_id": pl.String,
    "transaction_id": pl.String,
    "uetr": pl.String,
    "mandate_id": pl.String,
    "counterparty_name": pl.String,
    "counterparty_account": pl.String,
    "counterparty_agent": pl.String,
    "remittance": pl.String,
    "reason_code": pl.String,  # of a return
    "original_currency": pl.String,
    "original_amount_minor": pl.Int64,
    "charges_minor": pl.Int64,  # in `currency`, included in the amount
    "information": pl.String,  # what the bank says besides
}
"""Entries of statements and of providers' reports: camt.052 to 054, MT94x, CSV."""

ANSWERS_READ: Schema = {
    **_PLACE,
    "kind": pl.String,  # status, return, cancellation, change, acknowledgement
    "level": pl.String,  # file, group, batch, transaction
    "original_message_id": pl.String,
    "original_message_type": pl.String,
    "original_instruction_id": pl.String,
    "original_end_to_end_id": pl.String,
    "original_transaction_id": pl.String,
    "original_uetr": pl.String,
    "status": pl.String,  # ACCP, ACSC, RJCT, PDNG, PART, CNCL, RJCR; RTND of a return, NOTI of a change
    "reason_code": pl.String,
    "reason_text": pl.String,
    "currency": pl.String,
    "amount_minor": pl.Int64,
    "settlement_date": pl.Date,
    "changed_field": pl.String,  # of a notification of change, with the corrected value
    "changed_value": pl.String,
}
"""What a bank answers: pacs.002, pain.002, pacs.004, camt.029, NACHA returns and changes, acks."""


@dataclass(frozen=True, slots=True)
class Head:
    """What the file says of itself; the first part of every stream."""

    format: str
    """As ISO 20022 or SWIFT or the scheme names it: camt.053, MT940, NACHA, or a profile's name."""
    version: str | None
    """As 001.08; null where a format has none."""
    message_id: str | None
    sender: str | None
    receiver: str | None
    created_at: str | None
    """As written in the file."""


@dataclass(frozen=True, slots=True)
class Balance:
    """A balance that a statement states."""

    statement: str
    """Its id, unique in the file."""
    account: str
    kind: str
    """ISO 20022: PRCD or OPBD, ITBD, CLBD, CLAV, FWAV, ..."""
    currency: str
    amount_minor: int
    """Negative when it is a debit balance."""
    on: date | None


@dataclass(frozen=True, slots=True)
class Records:
    """Some records, in order: a frame of one of the three tables."""

    table: str
    """payments, entries or answers."""
    frame: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Refused:
    """A record, group or statement that was not taken, or a total that is not what was declared."""

    row: int
    """Number of the record in its file, from 1; 0 when it is a group's or the file's."""
    place: str
    field: str | None
    code: str
    sentence: str


Part = Head | Balance | Records | Refused
Reader = Callable[[BinaryIO], Iterator[Part]]

TABLES: Mapping[str, Schema] = {
    "payments": PAYMENTS_READ,
    "entries": ENTRIES_READ,
    "answers": ANSWERS_READ,
}

BATCH_RECORDS = 10_000
"""Records of one `Records` part, at most: bounds what a reader holds."""

REFUSED_KEPT = 1_000
"""Refusals that a summary keeps, and heads; the others are counted."""

BALANCES_KEPT = 10_000
"""Balances that a summary keeps; the others are counted, and count for continuity."""

_OPENING, _CLOSING = ("PRCD", "OPBD"), ("CLBD",)


@dataclass(frozen=True, slots=True)
class Discontinuity:
    """Balances that do not follow from the entries between them, or from the statement before."""

    account: str
    statement: str
    currency: str
    expected_minor: int
    stated_minor: int
    sentence: str


@dataclass(slots=True)
class _Stated:
    """Of one statement, account and currency: what it opens and closes with, and its entries' net."""

    opening: int | None = None
    closing: int | None = None
    net: int = 0


@dataclass(slots=True)
class Summary:
    """What a file holds; folded from its parts. Grows by about 300 bytes a statement."""

    heads: list[Head] = field(default_factory=list)
    messages: int = 0
    accounts: set[str] = field(default_factory=set)
    records: dict[str, int] = field(default_factory=dict)
    """Records by table; details of batch entries are not counted."""
    totals: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    """By currency and direction (C, D, or empty where a record has none): count and minor units."""
    balances: list[Balance] = field(default_factory=list)
    balances_stated: int = 0
    refused: list[Refused] = field(default_factory=list)
    refusals: int = 0
    _stated: dict[tuple[str, str, str], _Stated] = field(default_factory=dict)
    """In the order in which the file states balances."""

    def add(self, part: Part) -> None:
        """Fold one part in."""
        match part:
            case Head():
                self.messages += 1
                if self.messages <= REFUSED_KEPT:
                    self.heads.append(part)
            case Balance():
                self._add_balance(part)
            case Refused():
                self.refusals += 1
                if self.refusals <= REFUSED_KEPT:
                    self.refused.append(part)
            case Records():
                self._add_records(part)

    def _add_balance(self, part: Balance) -> None:
        self.balances_stated += 1
        if self.balances_stated <= BALANCES_KEPT:
            self.balances.append(part)
        self.accounts.add(part.account)
        stated = self._of(part.statement, part.account, part.currency)
        if part.kind in _OPENING and (stated.opening is None or part.kind == _OPENING[0]):
            stated.opening = part.amount_minor
        elif part.kind in _CLOSING:
            stated.closing = part.amount_minor

    def _of(self, statement: str, account: str, currency: str) -> _Stated:
        return self._stated.setdefault((statement, account, currency), _Stated())

    def _add_records(self, part: Records) -> None:
        rows = part.frame
        if part.table == "entries":
            rows = rows.filter(pl.col("detail") == 0)
            self.accounts.update(rows["account"].drop_nulls().unique())
            signed = pl.col("amount_minor") * pl.when(pl.col("direction") == "D").then(-1).otherwise(1)
            net = (
                rows.filter(pl.col("status") == "BOOK")
                .group_by("message_id", "account", "currency", maintain_order=True)
                .agg(signed.cast(pl.Int128).sum().alias("net"))
            )
            for statement, account, currency, minor in net.iter_rows():
                self._of(statement or "", account or "", currency).net += minor
        self.records[part.table] = self.records.get(part.table, 0) + rows.height
        direction = pl.col("direction") if part.table == "entries" else pl.lit("").alias("direction")
        sums = rows.filter(pl.col("amount_minor").is_not_null()).group_by("currency", direction)
        for currency, side, count, minor in sums.agg(
            pl.len(), pl.col("amount_minor").cast(pl.Int128).sum()
        ).iter_rows():
            counted, summed = self.totals.get((currency, side), (0, 0))
            self.totals[currency, side] = (counted + count, summed + minor)

    def statements_checked(self) -> int:
        """Statements whose opening and closing balance are both stated: their entries can prove them."""
        return sum(
            stated.opening is not None and stated.closing is not None for stated in self._stated.values()
        )

    def discontinuities(self) -> list[Discontinuity]:
        """Opening plus booked entries is closing; closing is the opening of the next statement."""
        found, closed = [], dict[tuple[str, str], int]()
        for (statement, account, currency), stated in self._stated.items():
            opening, closing = stated.opening, stated.closing
            before = closed.get((account, currency))
            if opening is not None and before is not None and before != opening:
                sentence = "it does not open where the statement before it closed"
                found.append(Discontinuity(account, statement, currency, before, opening, sentence))
            if opening is not None and closing is not None and opening + stated.net != closing:
                sentence = "its opening balance and entries do not add up to its closing balance"
                due = opening + stated.net
                found.append(Discontinuity(account, statement, currency, due, closing, sentence))
            if closing is not None:
                closed[account, currency] = closing
        return found


def summarise(parts: Iterable[Part]) -> Summary:
    """Fold a whole stream."""
    summary = Summary()
    for part in parts:
        summary.add(part)
    return summary
