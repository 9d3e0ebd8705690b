"""One range of a book's events, verified by itself.

What a range cannot know by itself, how its entries follow from those before it, it hands back as runs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psycopg

from ledger_service.ledger.account_runs import Break, Numbers, Runs, account_runs
from ledger_service.ledger.leaves import Rows, read_rows
from ledger_service.ledger.merkle import merkle_root
from ledger_service.ledger.sealing import Block

_FOLDER = Path(__file__).parent
_EVENTS = (_FOLDER / "verify_events.sql").read_bytes()
_ARCHIVED = (_FOLDER / "archive_blocks.sql").read_bytes()
_CLOSES = (_FOLDER / "verify_closes.sql").read_bytes()


@dataclass(frozen=True, slots=True)
class EventRange:
    """Events of one book, `first` to `last`; whole blocks, or none of them sealed."""

    book_id: int
    first: int
    last: int
    blocks: tuple[Block, ...]
    archived_through: int
    """The last event in a block of which transfers are archived; 0 when none are."""
    happened: bool = True
    """False: the numbers after the last event, where there is none."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The first event of a check that differs; event 0 where it is none."""

    check: str
    found: Break


@dataclass(frozen=True, slots=True)
class RangeVerification:
    """What was found in a range, and what its neighbours must fit to."""

    events: EventRange
    transfers: int
    resolutions: int
    reversals: int
    runs: Runs
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Archived:
    """Transfers of the range's blocks that are archived."""

    whole: frozenset[int]
    """Heights of blocks of which all are."""
    leaves: dict[int, tuple[list[int], list[bytes]]]
    """Of the others by height: numbers and hashes of those that are."""


def verify_range(connection: psycopg.Connection, events: EventRange) -> RangeVerification:
    """Verify one range, in the connection's transaction."""
    rows = read_rows(connection, book_id=events.book_id, first=events.first, last=events.last)
    archived = _archived(connection, events)
    runs, broken = account_runs(rows, archived_through=events.archived_through)
    resolutions = int(
        np.isin(rows.fixed["phase_initial"], [ord("v"), ord("e")]).sum() + _posts(rows).sum()
    )
    reversals = int(rows.reverses.sum())
    findings = [
        *_numbering(connection, events, rows, archived),
        *_transfers(connection, events, rows),
        *([Finding("entries", broken)] if broken else []),
        *(_referred(connection, events, "holds") if resolutions else []),
        *(_referred(connection, events, "reversals") if reversals else []),
        *_roots(events, rows, archived),
    ]
    return RangeVerification(events, len(rows.leaves), resolutions, reversals, runs, tuple(findings))


def _posts(rows: Rows) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    initial = rows.fixed["phase_initial"] == ord("p")
    return np.asarray(initial & (rows.fixed["phase_length"] == len("post")))


def _archived(connection: psycopg.Connection, events: EventRange) -> _Archived:
    if not events.archived_through or not events.blocks:
        return _Archived(frozenset(), {})
    heights = [block.height for block in events.blocks]
    whole, leaves = set(), dict[int, tuple[list[int], list[bytes]]]()
    parameters = {"book_id": events.book_id, "first": min(heights), "last": max(heights)}
    for height, complete, sequences, hashes in connection.execute(_ARCHIVED, parameters, binary=True):
        if complete:
            whole.add(height)
        else:
            leaves[height] = (sequences, hashes)
    return _Archived(frozenset(whole), leaves)


def _numbering(
    connection: psycopg.Connection, events: EventRange, rows: Rows, archived: _Archived
) -> Iterator[Finding]:
    """Every number of the range is one event: a transfer, a revision of an account or a close."""
    parameters = {"book_id": events.book_id, "first": events.first, "last": events.last}
    others = [number for (number,) in connection.execute(_EVENTS, parameters, binary=True)]
    others += [number for numbers, _ in archived.leaves.values() for number in numbers]
    present = np.sort(np.concatenate([rows.column("sequence"), np.array(others, dtype=np.int64)]))
    if not events.happened:
        for number in present[:1]:
            yield Finding("events", Break(int(number), 0, f"event {number} is beyond the book's last"))
        return
    twice = present[1:][present[1:] == present[:-1]]
    if len(twice):
        number = int(twice[0])
        yield Finding("events", Break(number, 0, f"number {number} is that of several events"))
    for block in events.blocks:
        if block.height in archived.whole:
            gone = np.arange(block.first_sequence, block.last_sequence + 1)
            present = np.union1d(present, gone)
    if len(present) == events.last - events.first + 1:
        return
    missing = np.setdiff1d(np.arange(events.first, events.last + 1), present)
    if len(missing):
        yield Finding("events", Break(int(missing[0]), 0, f"event {missing[0]} is missing"))


def _transfers(connection: psycopg.Connection, events: EventRange, rows: Rows) -> Iterator[Finding]:
    """What each transfer adds to pending is what its phase says, and its date was open."""
    amount, pending = rows.column("amount"), rows.column("pending")
    initial, posts = rows.fixed["phase_initial"], _posts(rows)
    due = np.select([initial == ord("s"), posts, initial == ord("p")], [0, pending, amount], -amount)
    found = np.flatnonzero((pending != due) | (posts & (pending > -amount)) | (amount <= 0))
    for row in found[:1]:
        description = f"the transfer of {amount[row]} adds {pending[row]} to pending"
        yield _finding(rows, row, description)
    parameters = {"book_id": events.book_id}
    closes = np.array(
        connection.execute(_CLOSES, parameters, binary=True).fetchall(), dtype=np.int64
    ).reshape(-1, 2)
    before = np.searchsorted(closes[:, 0], rows.column("sequence"))
    closed = np.concatenate([[np.iinfo(np.int64).min], np.maximum.accumulate(closes[:, 1])])[before]
    for row in np.flatnonzero(rows.column("business_date") <= closed)[:1]:
        yield _finding(rows, row, "the transfer's business date was closed before it")


def _finding(rows: Rows, row: int, description: str) -> Finding:
    fixed = rows.fixed[row]
    return Finding(
        "transfers", Break(int(fixed["sequence"]), int(fixed["debit_account_id"]), description)
    )


def _referred(connection: psycopg.Connection, events: EventRange, check: str) -> Iterator[Finding]:
    """Transfers that refer to others, compared with these and with the table that says so."""
    statement = (_FOLDER / f"verify_{check}.sql").read_bytes()
    parameters = {"book_id": events.book_id, "first": events.first, "last": events.last}
    for sequence, _, account_id, description in connection.execute(statement, parameters):
        yield Finding(check, Break(sequence, account_id, description))


def _roots(events: EventRange, rows: Rows, archived: _Archived) -> Iterator[Finding]:
    """Each block seals the transfers that the journal has."""
    sequence: Numbers = rows.column("sequence")
    for block in events.blocks:
        low, high = np.searchsorted(sequence, [block.first_sequence, block.last_sequence + 1])
        leaves = rows.leaves[low:high]
        label = f"block {block.height}, events {block.first_sequence} to {block.last_sequence},"
        if block.height in archived.whole:
            if leaves:
                yield Finding("seals", Break(int(sequence[low]), 0, f"{label} is archived whole"))
                return
            continue
        if block.height in archived.leaves:
            numbers, hashes = archived.leaves[block.height]
            both = sorted(zip([*sequence[low:high], *numbers], [*leaves, *hashes], strict=True))
            leaves = [leaf for _, leaf in both]
        if block.transfers != len(leaves):
            found = f"{label} seals {block.transfers} transfers, the journal has {len(leaves)}"
        elif block.merkle_root != merkle_root(leaves):
            found = f"{label} seals other transfers than the journal has"
        else:
            continue
        yield Finding("seals", Break(0, 0, found))
        return
