"""The import format on disk: `participants.csv`, `accounts.csv`, `instructions/<YYYY-MM-DD>.csv`.

The format itself is described in `instructions`. Whatever is wrong with a file becomes rows of
quarantine; nothing that a file holds raises.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Final

import polars as pl

from ledger_service.payments.delimited import DelimitedFile, read_delimited
from ledger_service.payments.instructions import INSTRUCTION_SCHEMA, RAW_COLUMNS
from ledger_service.payments.quarantine import Refusal, refused_file
from ledger_service.payments.sources.source import (
    ACCOUNT_SCHEMA,
    PARTICIPANT_SCHEMA,
    NoInstructions,
    Parsed,
    ReceivedFile,
)
from ledger_service.payments.validation import (
    Check,
    checked_instructions,
    parsed_date,
    split_by_checks,
)
from ledger_service.reference.countries import country_table
from ledger_service.reference.currencies import currency_table
from ledger_service.reference.money import MoneyFault, with_minor_units

PARTICIPANTS_FILE: Final = "participants.csv"
ACCOUNTS_FILE: Final = "accounts.csv"
PARTICIPANT_KINDS: Final = ("bank", "mobile_money", "fintech", "partner_bank")
PARTY_KINDS: Final = ("person", "freelancer", "sme")
PRODUCTS: Final = ("deposit", "wallet")

_ACCOUNT_COLUMNS: Final = (*list(ACCOUNT_SCHEMA)[:-1], "overdraft_limit")


class ImportFolder:
    """A source that reads one folder of files in the import format."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def participants(self) -> pl.DataFrame:
        """The sound rows of `participants.csv`."""
        return self._participants[0]

    def accounts(self) -> pl.DataFrame:
        """The sound rows of `accounts.csv`."""
        return self._accounts[0]

    def refused_reference(self) -> pl.DataFrame:
        """Refused rows of both."""
        return pl.concat([self._participants[1], self._accounts[1]])

    def reference_data(self) -> Mapping[str, pl.DataFrame]:
        """The format has no further data."""
        return {}

    def business_dates(self) -> Sequence[date]:
        """The dates in the names of the instruction files; other names are passed over."""
        names = (path.stem for path in (self.path / "instructions").glob("*.csv"))
        return sorted(day for name in names if (day := _date_of(name)) is not None)

    def received(self, business_date: date) -> ReceivedFile | None:
        """The date's file by its hash, read in blocks."""
        path = self._instruction_file(business_date)
        if not path.is_file():
            return None
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return ReceivedFile(self._name(path), sha256, 0)

    def parsed(self, business_date: date) -> Parsed:
        """The date's file, checked row by row; raises `NoInstructions`."""
        path = self._instruction_file(business_date)
        if not path.is_file():
            raise NoInstructions(business_date)
        name = self._name(path)
        file = read_delimited(path.read_bytes(), source_file=name, columns=RAW_COLUMNS)
        instructions, refused = pl.DataFrame(schema=INSTRUCTION_SCHEMA), file.quarantine.clear()
        if file.rows.height:
            instructions, refused = checked_instructions(
                file.rows,
                source_file=name,
                business_date=business_date,
                participants=self.participants(),
                accounts=self.accounts(),
            )
        return Parsed(
            ReceivedFile(name, file.sha256, file.received),
            instructions,
            pl.concat([file.quarantine, refused]).sort("row", "field", "code"),
        )

    def _instruction_file(self, business_date: date) -> Path:
        return self.path / "instructions" / f"{business_date}.csv"

    def _name(self, path: Path) -> str:
        return path.relative_to(self.path).as_posix()

    def _read(self, name: str, columns: Sequence[str]) -> DelimitedFile:
        path = self.path / name
        if not path.is_file():
            empty = read_delimited(",".join(columns).encode(), source_file=name, columns=columns)
            quarantine = refused_file(name, Refusal.FILE_MISSING, value=name)
            return DelimitedFile(empty.rows, quarantine, "", 0)
        return read_delimited(path.read_bytes(), source_file=name, columns=columns)

    @cached_property
    def _participants(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        file = self._read(PARTICIPANTS_FILE, list(PARTICIPANT_SCHEMA))
        sound, refused = split_by_checks(file.rows, _participant_checks(), source_file=PARTICIPANTS_FILE)
        typed = sound.with_columns(has_book=pl.col("has_book").str.to_lowercase() == "true")
        return typed.select(list(PARTICIPANT_SCHEMA)), pl.concat([file.quarantine, refused])

    @cached_property
    def _accounts(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        file = self._read(ACCOUNTS_FILE, _ACCOUNT_COLUMNS)
        today = pl.lit(date.max)
        typed = with_minor_units(
            file.rows.with_columns(
                # An account is kept in the currency of its time; what is valid is asked per payment.
                on=pl.col("currency").replace_strict(_last_valid_dates(), default=today),
                opened_day=parsed_date(pl.col("opened_on")),
            ),
            amount="overdraft_limit",
            currency_column="currency",
            on="on",
            minor="overdraft_limit_minor",
            fault="overdraft_fault",
            signed=True,
        )
        checks = _account_checks(self.participants())
        sound, refused = split_by_checks(typed, checks, source_file=ACCOUNTS_FILE)
        accounts = (
            sound.drop("opened_on").rename({"opened_day": "opened_on"}).select(list(ACCOUNT_SCHEMA))
        )
        return accounts, pl.concat([file.quarantine, refused])


def _last_valid_dates() -> dict[str, date]:
    table = currency_table().with_columns(pl.col("valid_to").fill_null(date.max))
    return dict(table.group_by("code").agg(pl.col("valid_to").max()).iter_rows())


def _date_of(name: str) -> date | None:
    try:
        day = date.fromisoformat(name)
    except ValueError:
        return None
    return day if day.isoformat() == name else None


def _participant_checks() -> Iterator[Check]:
    for field in ("participant_id", "name", "kind", "country", "home_currency", "has_book"):
        yield Check(field, Refusal.MISSING_FIELD, pl.col(field).is_null())
    form = ~pl.col("participant_id").str.contains("^[A-Z0-9][A-Z0-9-]{1,31}$")
    yield Check("participant_id", Refusal.BAD_PARTICIPANT, form)
    bic = ~pl.col("bic").str.contains("^[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?$")
    yield Check("bic", Refusal.BAD_PARTICIPANT, bic)
    yield Check("name", Refusal.TEXT_TOO_LONG, pl.col("name").str.len_chars() > 140)
    yield Check("kind", Refusal.UNKNOWN_VALUE, ~pl.col("kind").is_in(PARTICIPANT_KINDS))
    book = ~pl.col("has_book").str.to_lowercase().is_in(["true", "false"])
    yield Check("has_book", Refusal.UNKNOWN_VALUE, book)
    countries = country_table()["country"].implode()
    yield Check("country", Refusal.UNKNOWN_COUNTRY, ~pl.col("country").is_in(countries))
    currencies = currency_table()["code"].implode()
    yield Check("home_currency", Refusal.UNKNOWN_CURRENCY, ~pl.col("home_currency").is_in(currencies))
    repeated = ~pl.col("participant_id").is_first_distinct()
    yield Check("participant_id", Refusal.DUPLICATE_ID_DIFFERENT_CONTENT, repeated)


def _account_checks(participants: pl.DataFrame) -> Iterator[Check]:
    for field in ("participant_id", "account", "product", "currency", "party_kind", "opened_on"):
        yield Check(field, Refusal.MISSING_FIELD, pl.col(field).is_null())
    for field, limit in (("account", 34), ("party_id", 64), ("holder_name", 140)):
        yield Check(field, Refusal.TEXT_TOO_LONG, pl.col(field).str.len_chars() > limit)
    banks = participants["participant_id"].implode()
    bookless = participants.filter(~pl.col("has_book"))["participant_id"].implode()
    bank = pl.col("participant_id")
    yield Check("participant_id", Refusal.UNKNOWN_PARTICIPANT, ~bank.is_in(banks))
    yield Check("participant_id", Refusal.NO_BOOK, bank.is_in(bookless))
    yield Check("account", Refusal.BAD_ACCOUNT, pl.col("account").str.contains("^[a-z_]+:"))
    yield Check("product", Refusal.UNKNOWN_VALUE, ~pl.col("product").is_in(PRODUCTS))
    yield Check("party_kind", Refusal.UNKNOWN_VALUE, ~pl.col("party_kind").is_in(PARTY_KINDS))
    currencies = currency_table()["code"].implode()
    yield Check("currency", Refusal.UNKNOWN_CURRENCY, ~pl.col("currency").is_in(currencies))
    dated = pl.col("opened_on").is_not_null() & pl.col("opened_day").is_null()
    yield Check("opened_on", Refusal.BAD_DATE, dated)
    for fault in (MoneyFault.NOT_A_NUMBER, MoneyFault.TOO_MANY_DECIMALS, MoneyFault.OVERFLOW):
        broken = pl.col("overdraft_fault") == fault.value
        yield Check("overdraft_limit", Refusal(fault.value), broken)
    negative = pl.col("overdraft_limit_minor") < 0
    yield Check("overdraft_limit", Refusal.NOT_POSITIVE, negative)
    repeated = ~pl.struct("participant_id", "account").is_first_distinct()
    yield Check("account", Refusal.DUPLICATE_ID_DIFFERENT_CONTENT, repeated)
