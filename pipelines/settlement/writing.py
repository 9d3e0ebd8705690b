"""What a writer of bank files is: a function from prepared payments to pieces of one file.

Belongs here: who writes to whom, and the writer's contract. A writer yields bytes in pieces of bounded
size, so that a file of any length is written in flat memory; the same payments and identity give the
same bytes. It is given payments that `profile.prepared` let through and refuses what its format cannot
say with `FileRefused`.
"""

import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import polars as pl

from pipelines.settlement.profile import Profile


@dataclass(frozen=True, slots=True)
class Institution:
    """A bank or company as files name it; what is not known is None."""

    name: str
    bic: str | None = None
    clearing: str | None = None
    """Clearing system of `member`: USABA, ZANCC, KENCC, ..."""
    member: str | None = None
    """Routing number, sort or branch code."""
    account: str | None = None


@dataclass(frozen=True, slots=True)
class FileIdentity:
    """What a file says of itself besides its payments."""

    message_id: str
    """At most 35 characters; unique for its sender."""
    created_at: datetime
    """Aware; given by the caller, so that a rerun writes the same bytes."""
    sender: Institution
    receiver: Institution
    sequence: int = 1
    """Number of the file from this sender to this receiver, on its date."""


class Writer(Protocol):
    """Writes one file in one format."""

    def __call__(
        self, payments: pl.DataFrame, *, identity: FileIdentity, profile: Profile
    ) -> Iterator[bytes]:
        """The file in pieces, of payments in `PAYMENT_BATCH`'s columns. Raises `FileRefused`."""
        ...


def uetr_of(reference: str) -> str:
    """A UETR made from a reference: a version 4 UUID by form, the same for the same reference."""
    return str(uuid.UUID(bytes=hashlib.sha256(reference.encode()).digest()[:16], version=4))
