"""Posting under keys: the poster's batches, with the records of their answers in the same transaction.

A batch is one transaction: which keys have a record, one statement that posts the transfers of the
others, their references and their records. Refusals are recorded too: the same request is answered the
same.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, cast

import psycopg

from api.errors import PROBLEM, Overloaded, Refusal, problem_content
from api.idempotency.keys import Key
from api.idempotency.records import Answer, OvertakenByAnother, find, keep
from api.problem_catalog import LedgerRefused
from ledger_service.ledger.lanes import post_batch
from ledger_service.ledger.results import TransferResult
from ledger_service.ledger.submissions import Answer as PosterAnswer
from ledger_service.ledger.submissions import Request

TRIES: Final = 5
"""Of a batch that others overtake."""

_KEEP_REFERENCES: Final = Path(__file__).with_name("keep_references.sql").read_bytes()


class BusinessDateClosed(RuntimeError):
    """The book closed the date meanwhile; nothing was booked, and nothing recorded."""


@dataclass(slots=True, eq=False)
class Recorded:
    """What commits with a request to the poster, and how it is answered."""

    key: Key
    answered: Callable[[psycopg.Connection], Answer]
    """The answer where all of it was booked; called within the transaction."""
    reference: str | None = None
    """The client's, of the first transfer."""
    tried: bool = False
    """Whether it has been on its way to the ledger before, and the connection was lost."""


def post_recorded_batch(
    connection: psycopg.Connection, book_id: int, business_date: date, requests: list[Request]
) -> Iterable[PosterAnswer]:
    """Post the requests of a batch with their records (`PostBatch` of the poster).

    To a request with a `Recorded` the answer is an `Answer`, `KeyReused` or `BusinessDateClosed`; to
    others what the ledger says.
    """
    for _ in range(TRIES):
        try:
            with connection.transaction():
                return _posted(connection, book_id, business_date, requests)
        except OvertakenByAnother:
            continue
    return [Overloaded("others write the same all the time", retry_after_s=1) for _ in requests]


def _posted(
    connection: psycopg.Connection, book_id: int, business_date: date, requests: list[Request]
) -> list[PosterAnswer]:
    records = [cast("Recorded | None", request.record) for request in requests]
    answers: dict[int, PosterAnswer] = _known(connection, records)
    new = [n for n in range(len(requests)) if n not in answers]
    if new:
        results = post_batch(connection, book_id, business_date, [requests[n] for n in new])
        kept: list[tuple[Key, Answer]] = []
        references: list[tuple[str, str]] = []
        for n, result in zip(new, results, strict=True):
            answers[n] = result
            record = records[n]
            if record is None:
                continue
            answers[n] = answer = _answer(connection, record, cast("list[TransferResult]", result))
            if isinstance(answer, Answer):
                kept.append((record.key, answer))
                if record.reference is not None and answer.status < 400:
                    references.append((requests[n].transfer_ids[0], record.reference))
        if kept:
            keep(connection, kept)
        if references:
            keep_references(connection, book_id, references)
    return [answers[n] for n in range(len(requests))]


def _known(
    connection: psycopg.Connection, records: Sequence[Recorded | None]
) -> dict[int, PosterAnswer]:
    """By position, the answers to requests whose keys have a record."""
    keyed = [(n, record) for n, record in enumerate(records) if record is not None]
    if not keyed:
        return {}
    answers: dict[int, PosterAnswer] = {}
    for position, found in find(connection, [record.key for _, record in keyed]).items():
        n, record = keyed[position]
        if isinstance(found, Answer) and record.tried:
            found.replayed = False  # its own, committed when the connection was lost
        answers[n] = found
    for _, record in keyed:
        record.tried = True
    return answers


def _answer(
    connection: psycopg.Connection, record: Recorded, results: list[TransferResult]
) -> Answer | BusinessDateClosed:
    """What a client is told of the results of its transfer or chain."""
    if all(result == TransferResult.CREATED for result in results):
        return record.answered(connection)
    # Of a chain the item that made it fail says why.
    result = next(result for result in results if result not in _NO_REASON)
    if result == TransferResult.BUSINESS_DATE_CLOSED:
        return BusinessDateClosed()
    return refusal_answer(LedgerRefused(result), record.key.request_id)


_NO_REASON: Final = {TransferResult.CREATED, TransferResult.LINKED_EVENT_FAILED}


def refusal_answer(refusal: Refusal, request_id: str) -> Answer:
    """A refusal as it is recorded."""
    content = problem_content(
        refusal.status,
        code=refusal.code,
        detail=str(refusal),
        request_id=request_id,
        errors=[{"pointer": refusal.pointer, "message": str(refusal)}] if refusal.pointer else None,
    )
    return Answer(refusal.status, json.dumps(content).encode(), PROBLEM)


def keep_references(
    connection: psycopg.Connection, book_id: int, references: list[tuple[str, str]]
) -> None:
    """Write what clients call transfers: (transfer id, reference)."""
    named = {
        "book_id": book_id,
        "transfer_ids": [transfer_id for transfer_id, _ in references],
        "references": [reference for _, reference in references],
    }
    connection.execute(_KEEP_REFERENCES, named, prepare=True)
