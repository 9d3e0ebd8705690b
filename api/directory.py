"""The directory: which books and accounts there are, as requests name them.

What never changes is remembered: the book of a participant, and the number, currency and chart line
behind a reference. What is not there is looked for again each time.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

from psycopg.rows import tuple_row
from psycopg_pool import AsyncConnectionPool

from api.errors import Refusal

REMEMBERED: Final = 100_000
"""Accounts; beyond it all are forgotten."""

_FOLDER: Final = Path(__file__).parent
_BOOK, _ACCOUNTS = ((_FOLDER / f"directory_{name}.sql").read_bytes() for name in ("book", "accounts"))


@dataclass(frozen=True, slots=True)
class KnownAccount:
    """What never changes of an account."""

    account_id: int
    external_ref: str
    currency: str
    chart_code: int


class ParticipantUnknown(Refusal):
    """There is no such participant, or it keeps no book here."""

    code = "participant_unknown"

    def __init__(self, participant_id: str, *, pointer: str) -> None:
        super().__init__(f"no book of participant {participant_id!r}", pointer=pointer)


@dataclass(slots=True, eq=False)
class Directory:
    """Of one tenant's books."""

    _books: dict[str, int] = field(default_factory=dict)
    _accounts: dict[tuple[int, str], KnownAccount] = field(default_factory=dict)
    _closed_through: dict[int, date | None] = field(default_factory=dict)
    _looks: "dict[int, _Look]" = field(default_factory=dict)

    async def book(self, pool: AsyncConnectionPool, participant_id: str, *, pointer: str) -> int:
        """The book of a participant; raises `ParticipantUnknown`."""
        found = await self.find_book(pool, participant_id)
        if found is None:
            raise ParticipantUnknown(participant_id, pointer=pointer)
        return found

    async def find_book(self, pool: AsyncConnectionPool, participant_id: str) -> int | None:
        """The book of a participant, where it keeps one."""
        found = self._books.get(participant_id)
        if found is None:
            await self._look(pool, participant_id)
            found = self._books.get(participant_id)
        return found

    async def accounts(
        self, pool: AsyncConnectionPool, book_id: int, names: tuple[str, ...]
    ) -> list[KnownAccount | None]:
        """Accounts by external reference, or by number where no reference reads so."""
        keys = [(book_id, name) for name in names]
        if not all(key in self._accounts for key in keys):
            return await self._looked_for(pool, book_id, names)
        return [self._accounts.get(key) for key in keys]

    def open_date(self, book_id: int, now: datetime) -> date:
        """The date that a book books to: the day after its last close; before its first, today.

        As it was when last looked: the ledger refuses one that was closed since.
        """
        closed = self._closed_through.get(book_id)
        return closed + timedelta(days=1) if closed else now.date()

    async def look_again(self, pool: AsyncConnectionPool, participant_id: str) -> None:
        """After a close: which date is open now."""
        await self._look(pool, participant_id)

    def forget(self) -> None:
        """After a reset of the books: everything."""
        self._books.clear()
        self._accounts.clear()
        self._closed_through.clear()

    async def _look(self, pool: AsyncConnectionPool, participant_id: str) -> None:
        async with pool.connection() as connection:
            cursor = connection.cursor(row_factory=tuple_row)
            await cursor.execute(_BOOK, {"participant_id": participant_id})
            for book_id, closed_through in await cursor.fetchall():
                self._books[participant_id] = book_id
                self._closed_through[book_id] = closed_through

    async def _looked_for(
        self, pool: AsyncConnectionPool, book_id: int, names: tuple[str, ...]
    ) -> list[KnownAccount | None]:
        """Accounts that are not known yet; those asked for while the books are asked go together."""
        look = self._looks.get(book_id)
        if look is None:
            look = self._looks[book_id] = _Look()
            look.task = asyncio.create_task(self._look_for_accounts(pool, book_id, look))
        look.names.update(names)
        # Shielded: others wait for it too, if this one is cancelled.
        found = await asyncio.shield(look.task) if look.task else {}
        return [found.get(name) for name in names]

    async def _look_for_accounts(
        self, pool: AsyncConnectionPool, book_id: int, look: "_Look"
    ) -> dict[str, KnownAccount]:
        try:
            async with pool.connection() as connection:
                del self._looks[book_id]  # who comes now asks the next time
                names = look.names
                numbers = [int(n) for n in names if n.isascii() and n.isdigit() and len(n) < 19]
                cursor = connection.cursor(row_factory=tuple_row)
                named = {"book_id": book_id, "names": list(names), "numbers": numbers}
                await cursor.execute(_ACCOUNTS, named)
                found = [KnownAccount(*row) for row in await cursor.fetchall()]
        finally:
            if self._looks.get(book_id) is look:
                del self._looks[book_id]
        known = {str(account.account_id): account for account in found}
        known |= {account.external_ref: account for account in found}  # a reference wins over a number
        asked = {name: account for name, account in known.items() if name in names}
        if len(self._accounts) > REMEMBERED:
            self._accounts.clear()
        self._accounts |= {(book_id, name): account for name, account in asked.items()}
        return asked


@dataclass(slots=True, eq=False)
class _Look:
    """Accounts that are asked for together."""

    names: set[str] = field(default_factory=set)
    task: "asyncio.Task[dict[str, KnownAccount]] | None" = None
