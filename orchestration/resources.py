"""What assets are given: the installation with its settings, server, lake and source."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property

import dagster as dg
import polars as pl

from ledger_service.ledger.books import register_participants
from ledger_service.ledger.partitions import keep_partitions_ahead
from ledger_service.payments.import_folder import ImportFolder
from ledger_service.payments.sources.berka import Berka
from ledger_service.payments.sources.source import Source
from ledger_service.reference.currencies import currency_table
from ledger_service.runtime.database import Database, Role, Server, running_server
from ledger_service.runtime.migrations import migrate
from ledger_service.runtime.settings import Settings, SourceName
from pipelines.lake.store import Lake
from pipelines.reconciliation.camt053 import StatementFrames, read_statement_files
from pipelines.reconciliation.stated_files import (
    ACCOUNTS_FILE,
    load_accounts,
    read_stated_files,
    together,
)


@dataclass(frozen=True)
class Platform:
    """One installation: its settings, its running server, its lake."""

    settings: Settings
    server: Server

    @cached_property
    def lake(self) -> Lake:
        """The lake of the installation."""
        return Lake(self.settings.lake)

    @cached_property
    def source(self) -> Source:
        """Where the installation's input comes from."""
        if self.settings.source is SourceName.BERKA:
            return Berka(self.settings.input)
        return ImportFolder(self.settings.input)

    @cached_property
    def book_ids(self) -> tuple[int, ...]:
        """The books of the source's participants."""
        with self.server.connect(Database.LEDGER, Role.APP, autocommit=True) as connection:
            books = register_participants(connection, self.source.participants())
        return tuple(sorted(books.values()))

    def exponents(self, business_date: date) -> dict[str, int]:
        """Minor-unit exponent by currency as it is on the date."""
        return exponents_on(business_date)

    def statements(self, business_date: date) -> StatementFrames:
        """The statements that partner banks delivered for the date, by file name: in any format."""
        statements = self.settings.input / "statements"
        paths = {
            f"statements/{business_date}/{path.name}": path
            for path in sorted((statements / str(business_date)).glob("[!.]*"))
            if path.is_file()
        }
        camt053 = {name: path for name, path in paths.items() if path.suffix == ".xml"}
        others = {name: path for name, path in paths.items() if path.suffix != ".xml"}
        accounts = load_accounts(statements / ACCOUNTS_FILE) if others else ()
        return together(
            read_statement_files(camt053, exponents=self.exponents(business_date)),
            read_stated_files(others, accounts=accounts),
        )


def exponents_on(business_date: date) -> dict[str, int]:
    """Minor-unit exponent by currency as it is on a date, by ISO 4217."""
    valid = currency_table().filter(
        pl.lit(business_date).is_between(
            pl.col("valid_from").fill_null(date.min), pl.col("valid_to").fill_null(date.max)
        )
    )
    return dict(valid.select("code", "exponent").iter_rows())


@contextmanager
def open_platform(settings: Settings) -> Iterator[Platform]:
    """The installation with its server running, its ledger migrated and its journal ready for today."""
    with running_server(settings) as server:
        migrate(server)
        with server.connect(Database.LEDGER, Role.CLOSE) as connection:
            keep_partitions_ahead(connection, today=datetime.now(UTC).date())
        yield Platform(settings, server)


@dg.resource(description="The installation: settings, PostgreSQL, lake and source.")
def platform_resource(_: dg.InitResourceContext) -> Iterator[Platform]:
    """Open the installation that the environment names, for the length of a run."""
    with open_platform(Settings()) as platform:
        yield platform
