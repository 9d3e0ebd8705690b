"""Delivery: each file reaches its bank once, in order, in time, and its answers find it.

Belongs here: the states of a file, when it is tried again, when it is given up, and what is kept before
what. The log (`DeliveryLog`) is durable and is written before the step that it announces, so a delivery
that was killed anywhere goes on from its last event: a file that may have been sent is asked for at the
bank before anything is sent again.
"""

import asyncio
import hashlib
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from pipelines.settlement.banks.bank import (
    Answer,
    Bank,
    BankError,
    BankNotUnderstood,
    BankUnproven,
    BankUnreachable,
    CredentialsRefused,
    NotOffered,
    OutgoingFile,
)
from pipelines.settlement.banks.connection import Connection


class State(StrEnum):
    """Where a file is in its life."""

    QUEUED = "queued"
    """It is written and has its number."""
    WAITING = "waiting"
    """It came after the cut-off and goes when the bank takes files again."""
    SENDING = "sending"
    """A try began; what the bank has is known to the bank alone."""
    UPLOADED = "uploaded"
    """The bank has all octets, and is about to be told that they are a file."""
    DELIVERED = "delivered"
    """The bank has the file."""
    OVERDUE = "overdue"
    """The bank did not answer in its time: somebody must ask. An answer still counts."""
    ACKNOWLEDGED = "acknowledged"
    """The bank could read it."""
    ACCEPTED = "accepted"
    """The bank executes all of its payments."""
    PARTLY_ACCEPTED = "partly_accepted"
    """The bank executes some of its payments."""
    REJECTED = "rejected"
    """The bank executes none of its payments."""
    DEAD_LETTER = "dead_letter"
    """It was given up: somebody must look, and may queue it again."""


_SENT = frozenset(
    {State.DELIVERED, State.OVERDUE, State.ACKNOWLEDGED}
    | {State.ACCEPTED, State.PARTLY_ACCEPTED, State.REJECTED}
)
FINAL = frozenset({State.ACCEPTED, State.PARTLY_ACCEPTED, State.REJECTED})
"""What the bank said last: a state never goes back from these, nor to an earlier one."""

_OPEN = frozenset({State.DELIVERED, State.OVERDUE, State.ACKNOWLEDGED})
ALARMS = frozenset({State.DEAD_LETTER, State.OVERDUE, State.REJECTED})
"""States that a person must see."""

_ANSWERED = frozenset({State.ACKNOWLEDGED}) | FINAL
"""What a bank says of a file; it says nothing of one that it does not have."""

_NEXT: Mapping[State, frozenset[State]] = {
    State.QUEUED: frozenset({State.WAITING, State.SENDING, State.DELIVERED, State.DEAD_LETTER}),
    State.WAITING: frozenset({State.SENDING, State.DELIVERED, State.DEAD_LETTER}),
    State.SENDING: frozenset(
        {State.SENDING, State.WAITING, State.UPLOADED, State.DELIVERED, State.DEAD_LETTER}
    )
    | _ANSWERED,
    State.UPLOADED: frozenset({State.SENDING, State.DELIVERED, State.DEAD_LETTER}) | _ANSWERED,
    State.DELIVERED: frozenset({State.OVERDUE}) | _ANSWERED,
    State.OVERDUE: _ANSWERED,
    State.ACKNOWLEDGED: frozenset({State.OVERDUE}) | FINAL,
    State.ACCEPTED: frozenset(),
    State.PARTLY_ACCEPTED: frozenset(),
    State.REJECTED: frozenset(),
    State.DEAD_LETTER: frozenset({State.QUEUED}) | _ANSWERED,
}


def follows(before: State, after: State) -> bool:
    """Whether a file may pass from one state to the other."""
    return after in _NEXT[before]


@dataclass(frozen=True, slots=True)
class FileEvent:
    """One step of a file's life."""

    number: int
    state: State
    at: datetime
    detail: str | None


class FileConflict(ValueError):
    """A file cannot be queued: its id, number or content is that of another file for the bank."""

    def __init__(self, bank_id: str, file_id: str, sentence: str) -> None:
        self.bank_id = bank_id
        self.file_id = file_id
        super().__init__(f"file {file_id} for {bank_id}: {sentence}")


class DeliveryLog(Protocol):
    """What is remembered of files and answers; every call is durable when it returns."""

    def queue(self, file: OutgoingFile, *, at: datetime) -> State:
        """Take a file up with the next number of its date, or find it: its state. `FileConflict`."""
        ...

    def events(self, bank_id: str, file_id: str) -> list[FileEvent]:
        """The life of a file, in order."""
        ...

    def add(self, file: OutgoingFile, state: State, *, at: datetime, detail: str | None = None) -> None:
        """The next event of a file."""
        ...

    def cursor(self, bank_id: str) -> str | None:
        """Of the last answer that was kept."""
        ...

    def keep_answer(self, bank_id: str, answer: Answer, *, sha256: str, at: datetime) -> bool:
        """Note an answer; False when its content was noted before."""
        ...


@dataclass(frozen=True, slots=True)
class Inbox:
    """Answers as they came: a file a content, below `folder/<bank>`; nothing is ever changed there."""

    folder: Path

    def path(self, bank_id: str, sha256: str) -> Path:
        """Where the answer of that content lies."""
        return self.folder / bank_id / sha256

    def keep(self, bank_id: str, content: bytes) -> str:
        """Keep a content, durably; its SHA-256."""
        digest = hashlib.sha256(content).hexdigest()
        path = self.path(bank_id, digest)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_name(f".{digest}.{os.getpid()}")
            with unfinished.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        return digest


@dataclass(slots=True)
class Exchange:
    """What one exchange with a bank did, and what a person must see."""

    bank_id: str
    sent: int = 0
    resumed: int = 0
    found_there: int = 0
    waiting: int = 0
    dead: int = 0
    answers: int = 0
    repeated_answers: int = 0
    alarms: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Deliverer:
    """Brings files to one bank and its answers home."""

    connection: Connection
    open_bank: Callable[[], Bank]
    log: DeliveryLog
    inbox: Inbox
    clock: Callable[[], datetime]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def exchange(
        self, files: Sequence[OutgoingFile], *, statements_on: date | None = None
    ) -> Exchange:
        """Send what is not there yet, in the given order; then take what the bank left.

        With `statements_on` the statements of our accounts at the bank on that date are fetched too.

        A bank that cannot be reached, proven or understood is an alarm of the exchange; its files stay
        where they are. Raises `FileConflict`.
        """
        done = Exchange(self.connection.bank_id)
        due = [file for file in files if self._is_due(file, done)]
        for attempt in range(self.connection.tries):
            try:
                async with self.open_bank() as bank:
                    for file in due:
                        if self._state(file) not in _SENT | {State.DEAD_LETTER}:
                            await self._deliver(bank, file, done)
                    await self._take_answers(bank, done)
                    for account in self.connection.accounts if statements_on else ():
                        await self._take_statement(bank, account, statements_on or date.min, done)
                break
            except BankUnreachable as error:
                if attempt + 1 == self.connection.tries:
                    done.alarms.append(str(error))
                else:
                    await self._wait(attempt, error)
            except BankError as error:
                done.alarms.append(str(error))
                break
        return done

    def _is_due(self, file: OutgoingFile, done: Exchange) -> bool:
        """Whether to send it now; puts off what came after the cut-off."""
        now = self.clock()
        state = self.log.queue(file, at=now)
        if state in _SENT | {State.DEAD_LETTER}:
            return False
        if state in {State.QUEUED, State.WAITING} and self._is_late(file):
            self._put_off(file, done)
            return False
        return True

    def _is_late(self, file: OutgoingFile) -> bool:
        now = self.clock()
        return self.connection.takes_from(file.currency, now) > now

    def _put_off(self, file: OutgoingFile, done: Exchange) -> None:
        now = self.clock()
        if self._state(file) is not State.WAITING:
            until = self.connection.takes_from(file.currency, now).isoformat()
            self.log.add(file, State.WAITING, at=now, detail=f"until {until}")
        done.waiting += 1

    def _state(self, file: OutgoingFile) -> State:
        return self.log.events(file.bank_id, file.file_id)[-1].state

    async def _deliver(self, bank: Bank, file: OutgoingFile, done: Exchange) -> None:
        """Send one file; `BankUnreachable` ends the session, and the next one goes on."""
        events = self.log.events(file.bank_id, file.file_id)
        # Ever, not since it was queued again: a bank may have moved on what it got from an early try.
        uploaded = any(event.state is State.UPLOADED for event in events)
        tries = sum(event.state is State.SENDING for event in _since_queued(events))
        late = not uploaded and self._is_late(file)
        why = None
        if tries >= self.connection.tries:
            why = f"{tries} tries failed"
        elif not await asyncio.to_thread(_is_as_queued, file):
            why = f"{file.path} is not the content that was queued"
        if why is not None or late:
            begun = any(event.state is State.SENDING for event in events)
            if begun and await bank.status(file) is not None:
                self.log.add(file, State.DELIVERED, at=self.clock(), detail="the bank had it")
                done.found_there += 1
            elif why is not None:
                self._give_up(file, why, done)
            else:
                self._put_off(file, done)
            return
        self.log.add(file, State.SENDING, at=self.clock(), detail=f"try {tries + 1}")

        def on_uploaded() -> None:
            self.log.add(file, State.UPLOADED, at=self.clock())

        try:
            receipt = await bank.submit(file, uploaded=uploaded, on_uploaded=on_uploaded)
        except (BankUnreachable, BankUnproven, BankNotUnderstood, CredentialsRefused):
            raise
        except BankError as error:
            self._give_up(file, error.sentence, done)
            return
        how = "the bank had it" if receipt.known else f"from octet {receipt.resumed_at}"
        self.log.add(file, State.DELIVERED, at=self.clock(), detail=how)
        done.sent += not receipt.known
        done.found_there += receipt.known
        done.resumed += not receipt.known and receipt.resumed_at > 0

    def _give_up(self, file: OutgoingFile, why: str, done: Exchange) -> None:
        self.log.add(file, State.DEAD_LETTER, at=self.clock(), detail=why)
        done.dead += 1
        done.alarms.append(f"file {file.file_id} for {file.bank_id} is given up: {why}")

    async def _take_statement(self, bank: Bank, account: str, on: date, done: Exchange) -> None:
        """Keep the statement of an account; a bank that does not offer it sends it by itself."""
        try:
            content = await bank.statement(account, on=on)
        except NotOffered:
            return
        statement = Answer(f"statement-{account}-{on}", None, content)
        sha256 = self.inbox.keep(bank.bank_id, content)
        done.answers += self.log.keep_answer(bank.bank_id, statement, sha256=sha256, at=self.clock())

    async def _take_answers(self, bank: Bank, done: Exchange) -> None:
        """Keep each answer, note it, and only then tell the bank that it is ours."""
        bank_id = self.connection.bank_id
        async for answer in bank.answers(after=self.log.cursor(bank_id)):
            if isinstance(answer, BankError):
                done.alarms.append(str(answer))
                continue
            sha256 = self.inbox.keep(bank_id, answer.content)
            fresh = self.log.keep_answer(bank_id, answer, sha256=sha256, at=self.clock())
            done.answers += fresh
            done.repeated_answers += not fresh
            await bank.taken(answer)

    async def _wait(self, attempt: int, error: BankUnreachable) -> None:
        await self.sleep(max(self.connection.first_wait_s * 2**attempt, error.retry_after_s))


def _since_queued(events: list[FileEvent]) -> list[FileEvent]:
    """The events since the file was queued or put off last: a person may have queued it again."""
    anew = (State.QUEUED, State.WAITING)
    begun = max((event.number for event in events if event.state in anew), default=0)
    return [event for event in events if event.number > begun]


def _is_as_queued(file: OutgoingFile) -> bool:
    """Whether the file still has the content that the log knows."""
    try:
        with file.path.open("rb") as source:
            return hashlib.file_digest(source, "sha256").hexdigest() == file.sha256
    except OSError:
        return False


def mark_answered(
    log: DeliveryLog, file: OutgoingFile, state: State, *, at: datetime, detail: str | None = None
) -> bool:
    """Note what an answer says of a file; False where that is behind what is known already."""
    known = log.events(file.bank_id, file.file_id)[-1].state
    if not follows(known, state):
        return False
    log.add(file, state, at=at, detail=detail)
    return True


def mark_overdue(
    log: DeliveryLog, files: Sequence[OutgoingFile], *, within: timedelta, now: datetime
) -> list[OutgoingFile]:
    """Files that were delivered longer ago than `within` and have no status; each is marked once."""
    late = []
    for file in files:
        events = log.events(file.bank_id, file.file_id)
        delivered = [event.at for event in events if event.state is State.DELIVERED]
        state = events[-1].state
        if delivered and state in _OPEN - {State.OVERDUE} and now - delivered[-1] > within:
            log.add(file, State.OVERDUE, at=now, detail=f"no status within {within}")
            late.append(file)
    return late
