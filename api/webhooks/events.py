"""Events as endpoints get them: which there are, what each says, and what orders them.

An event is thin: what happened to which object, with ids to read the rest by. Its id follows from the
ledger's event, so that a replay, or a delivery that is tried again, has the same one.
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import polars as pl
import psycopg

from api.amounts import units
from ledger_service.ledger.events import Event

_ACCOUNT_NAMES: Final = Path(__file__).with_name("account_names.sql").read_bytes()

TEST_TYPE: Final = "webhook.test"
"""Of what is sent when a client asks for a test; cannot be subscribed to."""


class EventType(StrEnum):
    """What an endpoint can be told about."""

    TRANSFER_POSTED = "transfer.posted"
    """Money was moved at once."""
    TRANSFER_REVERSED = "transfer.reversed"
    """Money of a transfer was returned, all or some of it."""
    HOLD_CREATED = "hold.created"
    """Money was set aside."""
    HOLD_CAPTURED = "hold.captured"
    """Money of a hold was moved, and the rest of it given back."""
    HOLD_VOIDED = "hold.voided"
    """A hold was given back."""
    HOLD_EXPIRED = "hold.expired"
    """The time of a hold was over, and it was given back."""
    ACCOUNT_OPENED = "account.opened"
    """An account was opened."""


class Ordering(StrEnum):
    """Within what the deliveries of an endpoint are in order."""

    ACCOUNT = "account"
    """The account that pays; of a reversal, the one that paid. One that fails holds up this account."""
    BOOK = "book"
    """The book of a participant. One that fails holds up the whole book."""


_TYPE_OF_PHASE: Final = {
    "single": EventType.TRANSFER_POSTED,
    "pending": EventType.HOLD_CREATED,
    "post": EventType.HOLD_CAPTURED,
    "void": EventType.HOLD_VOIDED,
    "expire": EventType.HOLD_EXPIRED,
}


@dataclass(frozen=True, slots=True)
class Notification:
    """An event, ready to be delivered."""

    event_id: str
    event_type: str
    book_id: int | None
    account_id: int | None
    """By which it is ordered."""
    sequence: int
    """Its number in the book."""
    body: str
    """JSON, byte for byte as it is signed."""

    def lane(self, ordering: Ordering) -> str:
        """The ordering key."""
        if self.book_id is None:
            return "test"
        if ordering is Ordering.BOOK:
            return f"book:{self.book_id}"
        return f"account:{self.book_id}:{self.account_id}"


def notifications(
    connection: psycopg.Connection,
    events: pl.DataFrame,
    *,
    book_id: int,
    participant_id: str,
    types: Collection[str],
) -> list[Notification]:
    """What of a frame of a book's events (`EVENT_COLUMNS`) belongs to these types, in order."""
    wanted = [(kind, row) for row in _rows(events) if (kind := event_type(row)) in types]
    numbers = {
        row[column]
        for _, row in wanted
        for column in ("debit_account_id", "credit_account_id", "account_id")
        if row[column] is not None
    }
    named = {"book_id": book_id, "account_ids": sorted(numbers)}
    names: dict[int, str] = dict(connection.execute(_ACCOUNT_NAMES, named).fetchall())
    return [
        Notification(
            event_id=_event_id(book_id, row["sequence"], row["known_at"]),
            event_type=kind,
            book_id=book_id,
            account_id=_ordering_account(row),
            sequence=row["sequence"],
            body=body_of(kind, row["known_at"], _data(kind, row, participant_id, names)),
        )
        for kind, row in wanted
        if kind is not None
    ]


def event_type(row: Mapping[str, Any]) -> EventType | None:
    """Which type an event of the ledger is; None where endpoints are not told about it."""
    if row["event"] == Event.ACCOUNT_OPENED:
        return EventType.ACCOUNT_OPENED
    if row["event"] != Event.TRANSFER_CREATED:
        return None
    if row["reverses_id"] is not None:
        return EventType.TRANSFER_REVERSED
    return _TYPE_OF_PHASE[row["phase"]]


def notification_of_test(message_id: str, endpoint_id: str, at: datetime) -> Notification:
    """What a client asked to be sent; `message_id` is a UUID."""
    body = body_of(TEST_TYPE, at, {"endpoint_id": endpoint_id})
    return Notification(f"evt_{message_id.replace('-', '')}", TEST_TYPE, None, None, 0, body)


def body_of(kind: str, at: datetime, data: Mapping[str, Any]) -> str:
    """The body of a delivery: type, time and data, as Standard Webhooks has them."""
    content = {"type": kind, "timestamp": _instant(at), "data": data}
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def _rows(events: pl.DataFrame) -> Iterator[dict[str, Any]]:
    return events.iter_rows(named=True)


def _event_id(book_id: int, sequence: int, known_at: datetime) -> str:
    """With its time: a sandbox that was emptied has other events of the same numbers."""
    named = f"{book_id}:{sequence}:{_instant(known_at)}"
    return "evt_" + hashlib.sha256(named.encode()).hexdigest()[:32]


def _ordering_account(row: Mapping[str, Any]) -> int:
    if row["account_id"] is not None:
        return int(row["account_id"])
    payer = "credit_account_id" if row["reverses_id"] is not None else "debit_account_id"
    return int(row[payer])


def _data(
    kind: EventType, row: Mapping[str, Any], participant_id: str, names: Mapping[int, str]
) -> dict[str, Any]:
    common = {"participant_id": participant_id, "sequence": row["sequence"]}
    if kind is EventType.ACCOUNT_OPENED:
        return {"account": names[row["account_id"]], "currency": row["currency"], **common}
    data = {
        "id": row["pending_id"] or row["transfer_id"],
        **common,
        "debit_account": names[row["debit_account_id"]],
        "credit_account": names[row["credit_account_id"]],
        "amount": _amount(row),
        "currency": row["currency"],
        "business_date": row["business_date"].isoformat(),
        "payment_id": row["payment_id"],
    }
    if kind is EventType.TRANSFER_REVERSED:
        data["reverses"] = row["reverses_id"]
    if kind is EventType.HOLD_CAPTURED:
        data["transfer_id"] = row["transfer_id"]
    if kind is EventType.HOLD_CREATED:
        data["expires_at"] = _instant(row["expires_at"]) if row["expires_at"] else None
    return data


def _amount(row: Mapping[str, Any]) -> str | None:
    """In units; None where ISO 4217 does not know the currency: no event may hold up those behind it."""
    try:
        return units(row["amount_minor"], row["currency"], on=row["business_date"])
    except LookupError:
        return None


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
