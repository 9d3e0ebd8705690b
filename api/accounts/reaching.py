"""How the routes of accounts come to a book: whose it is, and whether the caller reaches it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Final, TypeVar

import psycopg
from fastapi import Path, Query, Request

from api.books import Books, books_of
from api.errors import NotFound
from api.identity.caller import Caller, ParticipantNotAllowed

T = TypeVar("T")

_ID: Final = "^[A-Z0-9][A-Z0-9-]{1,31}$"

ParticipantPath = Annotated[
    str, Path(pattern=_ID, description="Whose book it is.", examples=["SBX-DEMO-W"])
]
ParticipantQuery = Annotated[
    str, Query(pattern=_ID, description="Whose book it is.", examples=["SBX-DEMO-W"])
]
AccountPath = Annotated[
    str,
    Path(
        max_length=140,
        pattern=r"^[^\x00-\x1f\x7f/]+$",
        description="The account's reference, or its number.",
        examples=["wallet:alice:KES"],
    ),
]

REACH_CODES: Final = (
    ("not_found", 404, "The participant keeps no book, or the book has no such account."),
    ("tenant_not_available", 403, "The caller's sandbox is not there."),
)
"""What every route of accounts may refuse, for its documentation."""


@dataclass(frozen=True, slots=True)
class Reached:
    """A book that the caller reaches."""

    books: Books
    participant_id: str
    book_id: int

    @property
    def today(self) -> date:
        """Its open business date."""
        return self.books.directory.open_date(self.book_id, self.books.now())

    async def read(self, work: Callable[[psycopg.Connection], T]) -> T:
        """Do `work`, which only reads, in a thread: all of it sees the books as of one moment."""

        def in_one_snapshot() -> T:
            with self.books.writers.connection() as connection:
                connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                return work(connection)

        return await asyncio.to_thread(in_one_snapshot)


async def reached(request: Request, caller: Caller, participant_id: str) -> Reached:
    """The book of a participant; raises `ParticipantNotAllowed`, `NotFound`."""
    if not caller.reaches(participant_id):
        raise ParticipantNotAllowed(participant_id)
    books = books_of(request, caller)
    book_id = await books.directory.find_book(books.pool, participant_id)
    if book_id is None:
        raise NotFound("book of participant", participant_id)
    return Reached(books, participant_id, book_id)
