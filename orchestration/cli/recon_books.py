"""What the commands about breaks read from: cases, by the refs that people use."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from ledger_service.payments.break_cases.cases import Case, cases
from ledger_service.runtime.database import Database, Role
from ledger_service.runtime.settings import SourceName
from orchestration.cli.installation import choose
from orchestration.cli.ledger_books import Units, refuse, units
from orchestration.resources import Platform, open_platform


@dataclass(frozen=True, slots=True)
class Breaks:
    """The breaks of an installation."""

    platform: Platform
    connection: psycopg.Connection
    units: Units

    def named(self, ref: str) -> Case:
        """The break of that ref, or the only one that begins so; others are refused."""
        whole = ref if ref.startswith("break:") else f"break:{ref}"
        found = [one for one in cases(self.connection) if one.break_ref.startswith(whole)]
        exact = [one for one in found if one.break_ref == whole]
        if len(exact or found) == 1:
            return (exact or found)[0]
        none = f"there is no break {whole}: `wgi recon list`"
        several = f"{len(found)} breaks begin with {whole}: name more of it"
        return refuse(several if found else none)


@contextmanager
def open_breaks(source: SourceName | None) -> Iterator[Breaks]:
    """The breaks of an installation, to read and to act on."""
    with (
        open_platform(choose(source)) as platform,
        platform.server.connect(Database.LEDGER, Role.APP, autocommit=True) as connection,
    ):
        yield Breaks(platform, connection, units(platform))
