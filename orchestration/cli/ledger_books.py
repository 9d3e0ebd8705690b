"""What the ledger's commands read from: the books, accounts as people name them, amounts in units.

Bad input, such as an account that is not there, is one sentence and exit status 2.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NoReturn

import psycopg
import typer
from rich.console import Console

from ledger_service.ledger.chart import ChartCode, Side
from ledger_service.ledger.lookups import lookup_external_refs
from ledger_service.reference.currencies import currency_table
from ledger_service.runtime.database import Database, Role
from ledger_service.runtime.settings import SourceName
from orchestration.cli.installation import choose
from orchestration.resources import Platform, open_platform


def refuse(sentence: str) -> NoReturn:
    """End the command with exit status 2, saying what was wrong with what it was given."""
    Console(stderr=True, emoji=False).print(
        f"[bold red]wgi:[/] {_plain(sentence)}", highlight=False, soft_wrap=True
    )
    raise typer.Exit(2)


@dataclass(frozen=True, slots=True)
class Units:
    """Amounts in units of their currencies."""

    exponents: Mapping[str, int]

    def shown(self, minor: int, currency: str) -> str:
        """An amount of minor units, exactly, its thousands grouped."""
        return f"{self.decimal(minor, currency):,f}"

    def decimal(self, minor: int, currency: str) -> Decimal:
        """An amount of minor units, exactly."""
        return Decimal(minor).scaleb(-self.exponents[currency])


@dataclass(frozen=True, slots=True)
class NamedAccount:
    """An account of a book with its row (`lookups.ACCOUNT_ROW`)."""

    participant_id: str
    book_id: int
    row: Mapping[str, Any]

    @property
    def account_id(self) -> int:
        """Its id in the book."""
        return int(self.row["account_id"])

    @property
    def ref(self) -> str:
        """Its name over all books."""
        return f"{self.participant_id}/{self.row['external_ref']}"

    @property
    def currency(self) -> str:
        """ISO 4217."""
        return str(self.row["currency"])

    @property
    def side(self) -> Side:
        """The side on which it grows."""
        return Side(self.row["normal_side"])


@dataclass(frozen=True, slots=True)
class Books:
    """The books of an installation, read in one snapshot."""

    platform: Platform
    connection: psycopg.Connection
    by_participant: Mapping[str, int]
    """Book ids."""
    units: Units

    def book(self, participant_id: str) -> int:
        """The book of a participant; unknown ones are refused."""
        if participant_id not in self.by_participant:
            refuse(f"no participant {participant_id} has a book; {self._those_that_have()}")
        return self.by_participant[participant_id]

    def account(self, ref: str) -> NamedAccount:
        """The account called PARTICIPANT/EXTERNAL_REF, or EXTERNAL_REF where one book alone has it."""
        participant_id, _, external_ref = ref.partition("/")
        if external_ref and participant_id in self.by_participant:
            found = self._called(external_ref, participant_id)
            return found or refuse(f"{participant_id} has no account {external_ref}")
        everywhere = (self._called(ref, participant_id) for participant_id in self.by_participant)
        accounts = [account for account in everywhere if account]
        if len(accounts) > 1:
            refuse(f"several books have an account {ref}: {', '.join(a.ref for a in accounts)}")
        if not accounts and external_ref:
            refuse(f"no participant {participant_id} has a book; {self._those_that_have()}")
        return accounts[0] if accounts else refuse(f"no book has an account {ref}")

    def _called(self, external_ref: str, participant_id: str) -> NamedAccount | None:
        book_id = self.by_participant[participant_id]
        rows = lookup_external_refs(self.connection, book_id=book_id, external_refs=[external_ref])
        return NamedAccount(participant_id, book_id, rows.row(0, named=True)) if rows.height else None

    def _those_that_have(self) -> str:
        return f"those that do: {', '.join(self.by_participant) or 'none yet (begin with `wgi day`)'}"


@contextmanager
def open_books(source: SourceName | None) -> Iterator[Books]:
    """The books of an installation, in one snapshot that cannot be written."""
    with (
        open_platform(choose(source)) as platform,
        platform.server.connect(Database.LEDGER, Role.CLOSE, autocommit=True) as connection,
        connection.transaction(),
    ):
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        books = connection.execute(
            "SELECT participant_id, book_id FROM ledger.book ORDER BY participant_id"
        ).fetchall()
        yield Books(platform, connection, dict(books), units(platform))


def units(platform: Platform) -> Units:
    """Exponents as of today; of currencies withdrawn since, those that they had last."""
    table = currency_table().sort("valid_from", nulls_last=False)
    ever = dict(table.select("code", "exponent").iter_rows())
    return Units(ever | platform.exponents(datetime.now(UTC).date()))


def chart_code(line: str) -> int:
    """A line of the chart by its name or code."""
    for code in ChartCode:
        if line.lower() in (code.name.lower(), str(int(code))):
            return int(code)
    lines = ", ".join(f"{int(code)} {code.name.lower()}" for code in ChartCode)
    refuse(f"the chart has no line {line}; its lines: {lines}")


def chart_line(code: int) -> str:
    """The name of a line of the chart."""
    return next((known.name.lower() for known in ChartCode if known == code), str(code))


def _plain(text: str) -> str:
    return text.replace("[", "\\[")
