"""What the settlement commands read from: schemes in their operators' books, by the ids people use."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import polars as pl
import psycopg

from ledger_service.payments.settlement.instruction_log import InstructionState, instructions
from ledger_service.payments.settlement.scheme_book import SchemeBook, known_operator_book
from ledger_service.payments.settlement.window_obligations import obligations_of
from ledger_service.payments.settlement.windows import Window
from ledger_service.reference.schemes import Scheme, read_schemes
from ledger_service.runtime.database import Database, Role
from ledger_service.runtime.settings import SourceName
from orchestration.cli.installation import choose
from orchestration.cli.ledger_books import Units, refuse, units
from orchestration.resources import Platform, open_platform
from pipelines.netting.recast import SETTLED_SCHEMA, Recast, recast


@dataclass(frozen=True, slots=True)
class Settlement:
    """The settlement of an installation."""

    platform: Platform
    connection: psycopg.Connection
    units: Units

    def schemes(self) -> list[Scheme]:
        """Each scheme as it was given last, by id."""
        newest: dict[str, Scheme] = {}
        for scheme in sorted(read_schemes(), key=lambda one: one.valid_from):
            newest[scheme.id] = scheme
        return [newest[scheme_id] for scheme_id in sorted(newest)]

    def books(self, scheme_id: str | None = None) -> list[SchemeBook]:
        """Schemes that something was settled in: one, or all; an unknown one is refused."""
        known = self.schemes()
        if scheme_id is not None and scheme_id not in {scheme.id for scheme in known}:
            refuse(f"there is no scheme {scheme_id}; there are {', '.join(one.id for one in known)}")
        wanted = (scheme for scheme in known if scheme_id in {None, scheme.id})
        found = (known_operator_book(self.connection, scheme) for scheme in wanted)
        return [books for books in found if books is not None]

    def book(self, scheme_id: str) -> SchemeBook:
        """One scheme; refused where nothing was ever settled in it."""
        found = self.books(scheme_id)
        return found[0] if found else refuse(f"nothing was ever settled in scheme {scheme_id}")


@contextmanager
def open_settlement(source: SourceName | None) -> Iterator[Settlement]:
    """The settlement of an installation, to read and to act on."""
    with (
        open_platform(choose(source)) as platform,
        platform.server.connect(Database.LEDGER, Role.APP, autocommit=True) as connection,
    ):
        yield Settlement(platform, connection, units(platform))


def without_defaulter(
    settlement: Settlement, books: SchemeBook, found: Window, defaulter_id: str
) -> Recast:
    """What a window is without a participant; refused where it has nothing to do with the window.

    What is final of it counts as settled.
    """
    owed = obligations_of(settlement.connection, books, found)
    known = instructions(settlement.connection, books, window_number=found.number)
    final = [one for one in known if one.state == InstructionState.CONFIRMED]
    settled = pl.DataFrame(
        [(found.window_id, one.currency, one.participant_id, one.signed_minor) for one in final],
        schema=SETTLED_SCHEMA,
        orient="row",
    )
    named = [name for name in SETTLED_SCHEMA if name != "settled_minor"]
    sums = settled.group_by(named).agg(pl.col("settled_minor").sum())
    analysis = recast(owed, [defaulter_id], settled=sums)
    if analysis.excluded.is_empty():
        refuse(f"{defaulter_id} has no obligation in window {found.number} of {books.scheme.id}")
    return analysis


def on_date(value: date, wanted: date | None) -> bool:
    """Whether a date is the wanted one, if any."""
    return wanted is None or value == wanted
