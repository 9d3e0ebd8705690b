"""Verification: every balance and every seal recomputed from the transfers alone.

A book's events are read once, in ranges, which several processes can share; each check names the first
row that differs, so that an auditor knows where to look. Where months are archived, the accounts begin
with their first remaining entries: these are what the seals say, and what follows from them is proven.
"""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import psycopg

from ledger_service.ledger.account_runs import NEVER, TOTALS, Accounts, Break, join
from ledger_service.ledger.checkpoints import Checkpoint
from ledger_service.ledger.event_ranges import EventRange, RangeVerification, verify_range
from ledger_service.ledger.sealing import BLOCK_EVENTS, GENESIS, Block, blocks
from ledger_service.runtime.database import Database, Role, Server

_FOLDER = Path(__file__).parent

CHECKS: dict[str, str] = {
    "events": "transfers, revisions of accounts and closes of dates are numbered without gaps",
    "transfers": "what a transfer holds or releases is what its phase says, and its date was open",
    "entries": "entries are numbered without gaps, and totals, booking times and value dates follow",
    "holds": "each hold ends at most once, as it was made, and the ledger's list of ends says the same",
    "reversals": "each reversal returns money of its original, at most what it moved, and is listed",
    "totals": "the totals of an account are those after its last entry",
    "accounts": "the terms of an account are those of its last revision",
    "dates": "the last closed date is that of the last close",
    "zero": "per currency the book sums to zero",
    "seals": "each block seals the journal's transfers and names the block before it",
}
"""What is checked, in the order in which differences are reported."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The first row of a check that differs."""

    book_id: int
    check: str
    transfer_id: str | None
    account_id: int | None
    description: str


@dataclass(frozen=True, slots=True)
class BookVerification:
    """What was found in one book; counts are of the whole book, but for archived transfers."""

    book_id: int
    participant_id: str
    transfers: int
    accounts: int
    blocks: int
    differences: tuple[Difference, ...]
    checkpoint: Checkpoint | None
    """Where the next run may begin; None when something differs or nothing is sealed."""


def verify(
    connection: psycopg.Connection,
    *,
    only_book_id: int | None = None,
    since: Mapping[int, Checkpoint] | None = None,
) -> Iterator[BookVerification]:
    """Verify every book, or one, one after the other, each in one snapshot.

    Needs a connection in autocommit mode; reads only. `since`: checkpoints by book id, whose prefixes
    are not read again (`checkpoints.py` says what that proves); one of another epoch is passed over.
    """
    for book_id, participant_id in _books(connection, only_book_id):
        with connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            work = partial(map, partial(verify_range, connection))
            book = BookReading(connection, book_id, participant_id, (since or {}).get(book_id))
            found = book.verify(work)
        yield found


def verify_in_parallel(
    server: Server,
    *,
    processes: int,
    only_book_id: int | None = None,
    since: Mapping[int, Checkpoint] | None = None,
) -> Iterator[BookVerification]:
    """Verify every book, or one, its ranges shared by processes; all in one snapshot."""
    with (
        server.connect(Database.LEDGER, Role.CLOSE, autocommit=True) as connection,
        connection.transaction(),
    ):
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        row = connection.execute("SELECT pg_export_snapshot()").fetchone()
        with ProcessPoolExecutor(
            processes,
            multiprocessing.get_context("spawn"),
            initializer=_join_snapshot,
            initargs=(server, str(row[0]) if row else ""),
        ) as pool:
            for book_id, participant_id in _books(connection, only_book_id):
                checkpoint = (since or {}).get(book_id)
                book = BookReading(connection, book_id, participant_id, checkpoint)
                yield book.verify(partial(_shared, pool))


_Work = Callable[[Iterable[EventRange]], Iterable[RangeVerification]]

_process: list[psycopg.Connection] = []
"""The connection of a process that verifies ranges: one, in the snapshot of the whole run."""


def _join_snapshot(server: Server, snapshot: str) -> None:
    connection = server.connect(Database.LEDGER, Role.CLOSE)
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    connection.execute(
        psycopg.sql.SQL("SET TRANSACTION SNAPSHOT {}").format(psycopg.sql.Literal(snapshot))
    )
    _process.append(connection)


def _verify_range(events: EventRange) -> RangeVerification:
    return verify_range(_process[0], events)


def _shared(pool: Executor, ranges: Iterable[EventRange]) -> Iterable[RangeVerification]:
    return pool.map(_verify_range, ranges)


def _books(connection: psycopg.Connection, only_book_id: int | None) -> list[tuple[int, str]]:
    return connection.execute(
        """SELECT book_id, participant_id FROM ledger.book
        WHERE book_id = coalesce(%s, book_id) ORDER BY book_id""",
        [only_book_id],
    ).fetchall()


class BookReading:
    """One book under verification."""

    def __init__(
        self,
        connection: psycopg.Connection,
        book_id: int,
        participant_id: str,
        since: Checkpoint | None,
    ) -> None:
        self.connection = connection
        self.book_id = book_id
        self.participant_id = participant_id
        self.found: dict[str, Difference] = {}
        row = connection.execute(_read("verify_book"), {"book_id": book_id}).fetchone()
        self.epoch, self.last, self.accounts, self.resolutions, self.reversals = row or (0,) * 5
        self.since = since if since and since.epoch == self.epoch else None
        self.now = self._totals()
        archived = connection.execute(_read("archived_through"), {"book_id": book_id}).fetchone()
        self.archived_through = int(archived[0]) if archived else 0

    def verify(self, work: _Work) -> BookVerification:
        """Read the ranges and join them."""
        sealed = blocks(self.connection, book_id=self.book_id)
        self._chain(sealed)
        state = self._opening()
        transfers, resolutions, reversals = self._counted()
        checkpoint = None
        for part in work(self._ranges([block for block, _ in sealed])):
            for finding in part.findings:
                self._differs(finding.check, finding.found.description, finding.found)
            state, broken = join(state, part.runs, archived_through=self.archived_through)
            if broken:
                self._differs("entries", broken.description, broken)
            transfers += part.transfers
            resolutions += part.resolutions
            reversals += part.reversals
            if part.events.blocks:
                checkpoint = (part.events.last, transfers, resolutions, reversals, state)
        self._listed("holds", "resolution", self.resolutions, resolutions)
        self._listed("reversals", "reversal", self.reversals, reversals)
        self._compare(state)
        for check in ("accounts", "dates", "zero"):
            for _, account_id, description in self.connection.execute(
                _read(f"verify_{check}"), {"book_id": self.book_id}
            ):
                self.found.setdefault(
                    check, Difference(self.book_id, check, None, account_id, description)
                )
        differences = tuple(self.found[check] for check in CHECKS if check in self.found)
        return BookVerification(
            self.book_id,
            self.participant_id,
            transfers,
            self.accounts,
            len(sealed),
            differences,
            None if differences else self._checkpoint(sealed, checkpoint),
        )

    def _checkpoint(
        self,
        sealed: list[tuple[Block, bytes]],
        reached: tuple[int, int, int, int, Accounts] | None,
    ) -> Checkpoint | None:
        if not sealed or reached is None:
            return self.since
        height, block_hash = sealed[-1][0].height, sealed[-1][1]
        sequence, transfers, resolutions, reversals, accounts = reached
        return Checkpoint(
            book_id=self.book_id,
            epoch=self.epoch,
            sequence=sequence,
            height=height,
            block_hash=block_hash,
            transfers=transfers,
            resolutions=resolutions,
            reversals=reversals,
            accounts=accounts,
        )

    def _counted(self) -> tuple[int, int, int]:
        if self.since is None:
            return 0, 0, 0
        return self.since.transfers, self.since.resolutions, self.since.reversals

    def _ranges(self, sealed: list[Block]) -> Iterator[EventRange]:
        """Whole blocks, several where they are small, then what has no block yet."""
        begun = self.since.sequence if self.since else 0
        part: list[Block] = []
        for block in sealed:
            if block.last_sequence <= begun:
                continue
            if part and block.last_sequence - part[0].first_sequence >= BLOCK_EVENTS:
                yield self._range(part)
                part = []
            part.append(block)
        if part:
            yield self._range(part)
        first = max(sealed[-1].last_sequence if sealed else 0, begun) + 1
        for start in range(first, self.last + 1, BLOCK_EVENTS):
            end = min(start + BLOCK_EVENTS - 1, self.last)
            yield EventRange(self.book_id, start, end, (), self.archived_through)
        # Nothing may stand after the last event either.
        yield EventRange(
            self.book_id, self.last + 1, 2**63 - 1, (), self.archived_through, happened=False
        )

    def _range(self, part: list[Block]) -> EventRange:
        first, last = part[0].first_sequence, part[-1].last_sequence
        return EventRange(self.book_id, first, last, tuple(part), self.archived_through)

    def _chain(self, sealed: list[tuple[Block, bytes]]) -> None:
        """Each block names the one before it and begins where that ended."""
        previous, ended = GENESIS, 0
        for height, (block, stored_hash) in enumerate(sealed, start=1):
            events = f"block {block.height}, events {block.first_sequence} to {block.last_sequence},"
            if block.height != height:
                found = f"{events} stands where block {height} belongs"
            elif block.first_sequence != ended + 1:
                found = f"{events} does not begin where the block before it ended"
            elif block.previous_hash != previous:
                found = f"{events} does not name the block before it"
            elif block.block_hash != stored_hash:
                found = f"{events} does not have the hash of its content"
            elif self.since and height == self.since.height and stored_hash != self.since.block_hash:
                found = f"{events} is not the one that was verified before"
            else:
                previous, ended = stored_hash, block.last_sequence
                continue
            self._differs("seals", found)
            return
        if self.since and len(sealed) < self.since.height:
            self._differs("seals", f"block {self.since.height}, verified before, is missing")

    def _opening(self) -> Accounts:
        """The accounts before the first range; those opened since a checkpoint without entries."""
        now = self.now
        none = np.zeros_like(now.version)
        fresh = Accounts(
            account_id=now.account_id,
            currency=now.currency,
            version=none,
            totals=np.zeros_like(now.totals),
            booked_at=none + NEVER,
            value_date=none + NEVER,
            sequence=none,
        )
        if self.since is None:
            return fresh
        known = self.since.accounts
        at = np.flatnonzero(np.isin(now.account_id, known.account_id))
        of = np.searchsorted(known.account_id, now.account_id[at])
        if len(of) < len(known.account_id):
            self._differs("totals", "an account that was verified before is missing")
        for name in ("currency", "version", "booked_at", "value_date", "sequence"):
            values = getattr(fresh, name).copy()
            values[at] = getattr(known, name)[of]
            object.__setattr__(fresh, name, values)
        fresh.totals[:, at] = known.totals[:, of]
        return fresh

    def _totals(self) -> Accounts:
        """The accounts as they stand."""
        rows = self.connection.execute(
            _read("verify_totals"), {"book_id": self.book_id}, binary=True
        ).fetchall()
        table = np.array(rows, dtype=np.int64).reshape(len(rows), 5 + len(TOTALS)).T.copy()
        account_id, currency, version, *totals, booked_at, value_date = table
        return Accounts(
            account_id=account_id,
            currency=currency,
            version=version,
            totals=np.array(totals),
            booked_at=booked_at,
            value_date=value_date,
            sequence=np.zeros_like(version),
        )

    def _compare(self, state: Accounts) -> None:
        """The accounts as they stand with what their entries make of them."""
        now = self.now
        unlike = (now.totals != state.totals).any(axis=0) | (now.version != state.version)
        unlike |= (now.booked_at != state.booked_at) | (now.currency != state.currency)
        unlike |= now.value_date != state.value_date
        if self.archived_through:
            gone = (state.sequence <= self.archived_through) & (now.version > state.version)
            later = (now.version == state.version) & (now.value_date > state.value_date)
            same = (now.totals == state.totals).all(axis=0) & (now.booked_at == state.booked_at)
            unlike &= ~(gone | later & same)
        for row in np.flatnonzero(unlike)[:1]:
            said = "{}/{} posted and {}/{} pending".format(*now.totals[:, row])
            due = "{}/{} posted and {}/{} pending".format(*state.totals[:, row])
            description = (
                f"{said} at version {now.version[row]}, recomputed {due} at {state.version[row]}"
            )
            account_id = int(now.account_id[row])
            if (said, now.version[row]) == (due, state.version[row]):
                description = (
                    "currency, last booking time or last value date are not those of its entries"
                )
            self.found["totals"] = Difference(self.book_id, "totals", None, account_id, description)

    def _listed(self, check: str, table: str, listed: int, counted: int) -> None:
        if self.archived_through:
            return  # the months archived took theirs with them
        if listed != counted:
            self._differs(check, f"ledger.{table} has {listed} rows, the transfers make {counted}")

    def _differs(self, check: str, description: str, found: Break | None = None) -> None:
        """Keep the first difference of a check; ranges come in order."""
        if check in self.found:
            return
        transfer_id = None
        if found and found.sequence:
            row = self.connection.execute(
                """SELECT transfer_id::text FROM ledger.transfer
                WHERE book_id = %s AND sequence = %s LIMIT 1""",
                [self.book_id, found.sequence],
            ).fetchone()
            transfer_id = row[0] if row else None
        account_id = (found.account_id or None) if found else None
        self.found[check] = Difference(self.book_id, check, transfer_id, account_id, description)


def _read(name: str) -> bytes:
    return (_FOLDER / f"{name}.sql").read_bytes()
