"""What banks and providers state, in whichever file: MT940 and MT950, CSV of banks, providers' reports.

Belongs here: the readers' records of any file as statements and entries of our accounts, and whose
account a file is about. A camt.053 has a reader of its own (`camt053.py`), which knows owners.
"""

import fnmatch
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import polars as pl
import yaml

from pipelines.reconciliation.camt053 import (
    ENTRIES_SCHEMA,
    REJECTED_SCHEMA,
    STATEMENTS_SCHEMA,
    StatementFrames,
)
from pipelines.settlement.problems import FileRefused
from pipelines.settlement.reading import Balance, Head, Part, Records, Refused
from pipelines.settlement.recognition import parts_of

ACCOUNTS_FILE: Final = "accounts.yaml"
"""Beside the folders of the dates: whose accounts the files are about."""

_INTERIM: Final = frozenset({"camt.052", "camt.054", "MT942"})
"""What is stated again in a statement, and would be counted twice."""

_NUMBER: Final = re.compile(r"(?:^| )(\d{1,5})(?:/\d{1,5})?(?: #\d+)?$")
"""In the name of a SWIFT statement: field 28C after field 20."""

_NO_REFERENCE: Final = ("NONREF", "NOTPROVIDED", "NOREF")

_KEYS: Final = ["statement_id", "account", "currency"]
"""What tells one statement of a file from another, as written."""

_SIGNED: Final = pl.col("amount_minor") * pl.when(pl.col("direction") == "D").then(-1).otherwise(1)


class AccountsInvalid(ValueError):
    """The list of accounts cannot be used."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        super().__init__(f"{path}: {reason}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedAccount:
    """An account of ours, and how files tell that they are about it."""

    participant: str
    account: str
    """Our external reference."""
    named: tuple[str, ...] = ()
    """What banks call it."""
    files: tuple[str, ...] = ()
    """Patterns of names of files that are about it alone, as a provider's report is."""

    def is_meant(self, *, named: str | None, file: str) -> bool:
        """Whether what a file says, or its name, is about this account."""
        plain = (named or "").replace(" ", "")
        return plain in {name.replace(" ", "") for name in self.named} or any(
            fnmatch.fnmatchcase(Path(file).name, pattern) for pattern in self.files
        )

    @classmethod
    def of(cls, declared: Mapping[str, Any]) -> Self:
        """As declared; raises `TypeError` and `ValueError`."""
        lists = {name: tuple(map(str, declared.get(name) or ())) for name in ("named", "files")}
        made = cls(**{**declared, **lists})
        if not (made.named or made.files):
            raise ValueError(f"{made.account} has neither `named` nor `files`")
        return made


def load_accounts(path: Path) -> tuple[StatedAccount, ...]:
    """The declared accounts; none where there is no such file. Raises `AccountsInvalid`."""
    if not path.is_file():
        return ()
    try:
        return tuple(StatedAccount.of(each) for each in yaml.safe_load(path.read_text("utf-8")) or ())
    except (yaml.YAMLError, TypeError, ValueError, UnicodeDecodeError) as error:
        raise AccountsInvalid(path, str(error)) from error


@dataclass(slots=True)
class _Reading:
    """What the parts of one file have said so far."""

    file: str
    identity: str
    """Of its content: what a statement without a name is known by."""
    head: Head | None = None
    balances: list[Balance] = field(default_factory=list)
    entries: list[pl.DataFrame] = field(default_factory=list)
    rejected: list[tuple[str, int, str, str, str, str]] = field(default_factory=list)

    def take(self, part: Part) -> None:
        match part:
            case Head():
                self.head = self.head or part
            case Balance():
                self.balances.append(part)
            case Records() if part.table == "entries":
                self.entries.append(part.frame)
            case Records():
                self.reject(0, "file", "no_statement", f"it holds {part.table}, not entries")
            case Refused():
                self.reject(part.row, part.field or part.place, part.code, part.sentence)

    def reject(self, row: int, where: str, code: str, sentence: str) -> None:
        self.rejected.append((self.file, row, where, code, sentence, ""))


def read_stated_files(
    paths: Mapping[str, Path], *, accounts: Sequence[StatedAccount]
) -> StatementFrames:
    """Read many files, name to path; a refused file is one rejected row with `row` 0."""
    parts = [_read(path, file=file, accounts=accounts) for file, path in sorted(paths.items())]
    return together(StatementFrames.empty(), *parts)


def together(*frames: StatementFrames) -> StatementFrames:
    """What several readers found."""
    return StatementFrames(
        statements=pl.concat([each.statements for each in frames]),
        entries=pl.concat([each.entries for each in frames]),
        rejected=pl.concat([each.rejected for each in frames]),
    )


def _read(path: Path, *, file: str, accounts: Sequence[StatedAccount]) -> StatementFrames:
    with path.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    reading = _Reading(file, f"sha256:{digest[:32]}")
    try:
        for part in parts_of(path):
            reading.take(part)
    except FileRefused as refused:
        reading.entries.clear()
        reading.balances.clear()
        reading.reject(0, refused.place, refused.code, f"{refused.sentence}; ask for the file again")
    if reading.head is not None and reading.head.format in _INTERIM and reading.entries:
        reading.entries.clear()
        reading.balances.clear()
        kind = reading.head.format
        reading.reject(0, "file", "interim_report", f"a {kind} is no statement: its entries come again")
    return _frames(reading, accounts)


def _frames(reading: _Reading, accounts: Sequence[StatedAccount]) -> StatementFrames:
    empty = StatementFrames.empty()
    rejected = pl.DataFrame(reading.rejected, schema=REJECTED_SCHEMA, orient="row")
    if not reading.entries and not reading.balances:
        return StatementFrames(empty.statements, empty.entries, rejected)
    entries = _entries(reading)
    statements = _statements(entries, reading, accounts)
    ordinals = statements.select(
        "statement_id", "currency", "statement_ordinal", account="account_written"
    )
    numbered = entries.join(ordinals, on=_KEYS, nulls_equal=True, maintain_order="left")
    named = pl.col("statement_id").fill_null(reading.identity)
    return StatementFrames(
        statements=statements.with_columns(named).select(list(STATEMENTS_SCHEMA)),
        entries=numbered.select(list(ENTRIES_SCHEMA)),
        rejected=rejected,
    )


def _entries(reading: _Reading) -> pl.DataFrame:
    """Booked entries with columns of `ENTRIES_SCHEMA`, `statement_id` and `account` as written.

    Of a batch booking that its details add up to, the details; else the entry as a whole.
    """
    if not reading.entries:
        return pl.DataFrame(schema={**ENTRIES_SCHEMA, "statement_id": pl.String, "account": pl.String})
    rows = pl.concat(reading.entries).filter(pl.col("status") == "BOOK")
    whole = ["message_id", "account", "entry"]
    itself = pl.col("detail") == 0
    one_currency = pl.col("currency").n_unique().over(whole) == 1
    detailed = (
        one_currency
        & ((~itself).sum().over(whole) > 0)
        & (_SIGNED.filter(~itself).sum().over(whole) == _SIGNED.filter(itself).sum().over(whole))
    )
    reference = pl.coalesce(
        pl.when(~pl.col(name).str.strip_chars().str.to_uppercase().is_in(_NO_REFERENCE)).then(
            pl.col(name).str.strip_chars()
        )
        for name in ("end_to_end_id", "instruction_id", "transaction_id")
    )
    return rows.filter(pl.when(detailed).then(~itself).otherwise(itself)).select(
        file=pl.lit(reading.file),
        statement_id="message_id",
        account="account",
        entry_ordinal=pl.col("row").cast(pl.Int64),
        detail_ordinal=pl.col("detail").cast(pl.Int64),
        entry_ref="bank_reference",
        direction=pl.when(pl.col("direction") == "D").then(pl.lit("DBIT")).otherwise(pl.lit("CRDT")),
        amount_minor="amount_minor",
        currency="currency",
        booking_date="booking_date",
        value_date=pl.coalesce("value_date", "booking_date"),
        end_to_end_id=reference,
        servicer_ref="bank_reference",
        is_reversal="reversal",
        bank_transaction_code="transaction_code",
        remittance="remittance",
    )


def _statements(
    entries: pl.DataFrame, reading: _Reading, accounts: Sequence[StatedAccount]
) -> pl.DataFrame:
    """One row a statement, account and currency, with `account_written` beside our own reference."""
    signed = pl.col("amount_minor") * pl.when(pl.col("direction") == "DBIT").then(-1).otherwise(1)
    moved = entries.group_by(_KEYS, maintain_order=True).agg(
        entries=pl.len().cast(pl.Int64),
        entries_minor=signed.sum(),
        first_booked=pl.col("booking_date").min(),
        last_booked=pl.col("booking_date").max(),
    )
    rows = moved.join(_stated(reading), on=_KEYS, how="full", coalesce=True, nulls_equal=True)
    whose = [_whose(written, reading.file, accounts) for written in rows["account"]]
    number = pl.col("statement_id").str.extract(_NUMBER.pattern).cast(pl.Int64)
    swift = reading.head is not None and reading.head.format.startswith("MT")
    return rows.with_columns(
        pl.col("entries", "entries_minor").fill_null(0),
        file=pl.lit(reading.file),
        statement_ordinal=pl.int_range(1, pl.len() + 1),
        account_written="account",
        account=pl.Series([ours.account if ours else w for ours, w in whose], dtype=pl.String),
        owner_id=pl.Series([ours.participant if ours else None for ours, _ in whose], dtype=pl.String),
        servicer_id=pl.lit(reading.head.sender if reading.head else None, pl.String),
        sequence=number if swift else pl.lit(None, pl.Int64),
        from_date=pl.coalesce("opened_on", "first_booked"),
        to_date=pl.coalesce("closed_on", "last_booked"),
        balance_difference_minor=pl.col("closing_minor")
        - pl.col("opening_minor")
        - pl.col("entries_minor").fill_null(0),
    )


def _stated(reading: _Reading) -> pl.DataFrame:
    """First opening and last closing balance by statement, account and currency."""
    schema = {"statement_id": pl.String, "account": pl.String, "currency": pl.String, "kind": pl.String,
              "minor": pl.Int64, "on": pl.Date}  # fmt: skip
    rows = [
        (
            each.statement or None,
            each.account or None,
            each.currency,
            each.kind,
            each.amount_minor,
            each.on,
        )
        for each in reading.balances
    ]
    opening, closing = pl.col("kind").is_in(["OPBD", "PRCD"]), pl.col("kind") == "CLBD"
    return (
        pl.DataFrame(rows, schema=schema, orient="row")
        .group_by("statement_id", "account", "currency", maintain_order=True)
        .agg(
            opening_minor=pl.col("minor").filter(opening).first(),
            opened_on=pl.col("on").filter(opening).first(),
            closing_minor=pl.col("minor").filter(closing).last(),
            closed_on=pl.col("on").filter(closing).last(),
        )
    )


def _whose(
    written: str | None, file: str, accounts: Sequence[StatedAccount]
) -> tuple[StatedAccount | None, str | None]:
    meant = [each for each in accounts if each.is_meant(named=written, file=file)]
    return (meant[0] if meant else None), written
