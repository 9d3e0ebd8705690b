"""Submissions: what callers hand to the poster, and what they may get back."""

import asyncio
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeAlias

from ledger_service.ledger.results import TransferResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """One transfer as its caller wants it: the columns of a batch.

    Without `linked`: that an item stands in a chain is said by posting the chain. Times without a zone
    are UTC.
    """

    transfer_id: str
    """UUIDv7, chosen by the caller and kept for every retry."""
    kind: str
    event_at: datetime
    """When it happened outside."""
    value_date: date
    debit_account_id: int | None = None
    """None where a hold or an original says it."""
    credit_account_id: int | None = None
    amount_minor: int | None = None
    phase: str = "single"
    """single, pending, post, void or expire."""
    pending_id: str | None = None
    payment_id: str | None = None
    booked_at: datetime | None = None
    """None: the ledger's clock."""
    reverses_id: str | None = None
    timeout_s: int | None = None
    balancing: str | None = None


Answer: TypeAlias = TransferResult | list[TransferResult] | object
"""To a transfer, to a chain, an `Exception` that says why there is none, or to a request with a record
what its poster makes of it."""


@dataclass(slots=True, eq=False)
class Request:
    """A transfer or a chain, and who waits for the answer."""

    book_id: int
    business_date: date
    items: Transfer | tuple[Transfer, ...]
    future: "asyncio.Future[Answer] | Future[Answer]"
    admitted: threading.Event | None = None
    """Of one that had to wait for room: set when there is."""
    record: object | None = None
    """What commits with it, for the poster's way of posting to read."""

    def __len__(self) -> int:
        return len(self.items) if isinstance(self.items, tuple) else 1

    @property
    def transfer_ids(self) -> list[str]:
        """Of its items, in order."""
        items = self.items if isinstance(self.items, tuple) else (self.items,)
        return [item.transfer_id for item in items]


class UnknownBook(LookupError):
    """There is no such book; nothing was written."""

    def __init__(self, book_id: int) -> None:
        self.book_id = book_id
        super().__init__(f"book {book_id} does not exist")


class MalformedTransfer(ValueError):
    """A value of a request is not of its column's type; nothing of the request was written."""

    def __init__(self, transfer_ids: list[str], reason: str) -> None:
        self.transfer_ids = transfer_ids
        self.reason = reason
        super().__init__(f"{', '.join(map(str, transfer_ids))}: {reason}")


class OutcomeUnknown(ConnectionError):
    """The ledger stayed away: whether the request was booked is not known.

    Posting it again with the same ids is safe: then it is answered `created` or `exists`.
    """

    def __init__(self, after_s: float, reason: str) -> None:
        self.after_s = after_s
        self.reason = reason
        super().__init__(f"the ledger did not answer for {after_s:g} s: {reason}")
