"""Posting under keys: the poster's batches, with the records of their answers in the same transaction.

A batch is one transaction: which keys have a record, one statement that posts the transfers of the
others, their references and their records. Refusals are recorded too: the same request is answered the
same. Where all transfers are plain and no key has a record, which is nearly always, that is one
statement (`plain_batch`): tried first, and when a key turns out to have a record nothing of it was done.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, TypeAlias, cast

import psycopg

from api.errors import PROBLEM, Overloaded, Refusal, problem_content
from api.idempotency.arrays import dates, identifiers, instants, long_integers, texts, texts_or_null
from api.idempotency.keys import Key
from api.idempotency.records import Answer, OvertakenByAnother, find, keep, record_columns
from api.problem_catalog import LedgerRefused
from ledger_service.ledger.arrays import array_cursor
from ledger_service.ledger.lanes import post_batch
from ledger_service.ledger.results import TransferResult
from ledger_service.ledger.submissions import Answer as PosterAnswer
from ledger_service.ledger.submissions import Request, Transfer

TRIES: Final = 5
"""Of a batch that others overtake."""

_POST_PLAIN: Final = Path(__file__).with_name("post_plain.sql").read_bytes()
_KEEP_REFERENCES: Final = Path(__file__).with_name("keep_references.sql").read_bytes()


class BusinessDateClosed(RuntimeError):
    """The book closed the date meanwhile; nothing was booked, and nothing recorded."""


Answered: TypeAlias = Answer | Callable[[psycopg.Connection], Answer]


@dataclass(slots=True, eq=False)
class Recorded:
    """What commits with a request to the poster, and how it is answered."""

    key: Key
    answered: Answered
    """The answer where all of it was booked, or what makes it within the transaction."""
    reference: str | None = None
    """The client's, of the first transfer."""
    tried: bool = False
    """Whether it has been on its way to the ledger before, and the connection was lost."""


@dataclass(frozen=True, slots=True)
class PlainBatch:
    """Transfers that move money at once, each with the answer that it is given when it is booked."""

    transfers: list[Transfer]
    answered: list[tuple[Key, Answer]]
    references: list[str | None]

    def posted(self, connection: psycopg.Connection, book_id: int, business_date: date) -> list[str]:
        """Post all and record those that were booked; raises `UniqueViolation` if a key has a record."""
        transfers = self.transfers
        named = {
            "book_id": book_id,
            "business_date": business_date,
            "transfer_ids": identifiers([each.transfer_id for each in transfers]),
            "debits": long_integers([each.debit_account_id or 0 for each in transfers]),
            "credits": long_integers([each.credit_account_id or 0 for each in transfers]),
            "amounts": long_integers([each.amount_minor or 0 for each in transfers]),
            "kinds": texts([each.kind for each in transfers]),
            "payment_ids": identifiers([each.payment_id for each in transfers]),
            "event_times": instants([each.event_at for each in transfers]),
            "value_dates": dates([each.value_date for each in transfers]),
            "references": texts_or_null(self.references),
            **record_columns(self.answered),
        }
        with array_cursor(connection) as cursor:
            row = cursor.execute(_POST_PLAIN, named, prepare=True).fetchone()
        return list(row[0]) if row else []


def plain_batch(requests: Sequence[Request]) -> PlainBatch | None:
    """The requests as a plain batch; None where any of them is not plain."""
    batch = PlainBatch([], [], [])
    for request in requests:
        record = cast("Recorded | None", request.record)
        items = request.items
        if record is None or not isinstance(items, tuple) or len(items) != 1:
            return None
        transfer = items[0]
        plain = transfer.phase == "single" and transfer.reverses_id is None
        if not plain or transfer.booked_at or transfer.balancing:
            return None
        if not isinstance(record.answered, Answer) or None in (
            transfer.debit_account_id,
            transfer.credit_account_id,
            transfer.amount_minor,
        ):
            return None
        batch.transfers.append(transfer)
        batch.answered.append((record.key, record.answered))
        batch.references.append(record.reference)
    return batch


def post_recorded_batch(
    connection: psycopg.Connection, book_id: int, business_date: date, requests: list[Request]
) -> Iterable[PosterAnswer]:
    """Post the requests of a batch with their records (`PostBatch` of the poster).

    To a request with a `Recorded` the answer is an `Answer`, `KeyReused` or `BusinessDateClosed`; to
    others what the ledger says.
    """
    records = [cast("Recorded | None", request.record) for request in requests]
    tried = {n for n, record in enumerate(records) if record is not None and record.tried}
    for record in records:
        if record is not None:
            record.tried = True
    if (batch := plain_batch(requests)) is not None:
        with suppress(psycopg.errors.UniqueViolation):
            codes = batch.posted(connection, book_id, business_date)
            return _told(connection, batch, codes)
    for _ in range(TRIES):
        try:
            with connection.transaction():
                return _posted(connection, book_id, business_date, requests, tried=tried)
        except OvertakenByAnother:
            continue
    if len(requests) > 1:
        raise OvertakenByAnother  # the lane finds out which of them it is
    return [Overloaded("others write the same all the time", retry_after_s=1)]


def _told(connection: psycopg.Connection, batch: PlainBatch, codes: list[str]) -> list[PosterAnswer]:
    """The answers to a plain batch that was booked; refusals, which have no effect, are recorded now."""
    answers: list[PosterAnswer] = []
    refused: list[tuple[Key, Answer]] = []
    for (key, answer), code in zip(batch.answered, codes, strict=True):
        if code == TransferResult.CREATED:
            answers.append(answer)
        elif code == TransferResult.BUSINESS_DATE_CLOSED:
            answers.append(BusinessDateClosed())
        else:
            refusal = refusal_answer(LedgerRefused(code), key.request_id)
            answers.append(refusal)
            refused.append((key, refusal))
    if refused:
        answers = _recorded(connection, answers, refused)
    return answers


def _recorded(
    connection: psycopg.Connection, answers: list[PosterAnswer], refused: list[tuple[Key, Answer]]
) -> list[PosterAnswer]:
    """The same answers with the refusals recorded; where a key had an answer before, that one."""
    for _ in range(TRIES):
        try:
            with connection.transaction():
                known = find(connection, [key for key, _ in refused])
                new = [pair for n, pair in enumerate(refused) if n not in known]
                if new:
                    keep(connection, new)
        except OvertakenByAnother:
            continue
        earlier = {id(refused[n][1]): found for n, found in known.items()}
        return [earlier.get(id(answer), answer) for answer in answers]
    return answers


def _posted(
    connection: psycopg.Connection,
    book_id: int,
    business_date: date,
    requests: list[Request],
    *,
    tried: set[int],
) -> list[PosterAnswer]:
    records = [cast("Recorded | None", request.record) for request in requests]
    answers: dict[int, PosterAnswer] = _known(connection, records, tried=tried)
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
    connection: psycopg.Connection, records: Sequence[Recorded | None], *, tried: set[int]
) -> dict[int, PosterAnswer]:
    """By position, the answers to requests whose keys have a record."""
    keyed = [(n, record) for n, record in enumerate(records) if record is not None]
    if not keyed:
        return {}
    answers: dict[int, PosterAnswer] = {}
    for position, found in find(connection, [record.key for _, record in keyed]).items():
        n, _ = keyed[position]
        if isinstance(found, Answer) and n in tried:
            found.replayed = False  # its own, committed when the connection was lost
        answers[n] = found
    return answers


def _answer(
    connection: psycopg.Connection, record: Recorded, results: list[TransferResult]
) -> Answer | BusinessDateClosed:
    """What a client is told of the results of its transfer or chain."""
    if all(result == TransferResult.CREATED for result in results):
        answered = record.answered
        return answered if isinstance(answered, Answer) else answered(connection)
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
