"""One simulated bank: it receives files, answers them, keeps its book and closes its day.

Belongs here: the order of things between receipt and answers, the same for every transport. It may be
called from several threads; it does one thing at a time. Everything it knows stands in its folder.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from threading import RLock

import polars as pl

from pipelines.settlement.problems import FileRefused
from pipelines.simulation.bank import answers as written
from pipelines.simulation.bank.behaviour import Misbehaviour, Rule
from pipelines.simulation.bank.book import Book, Step
from pipelines.simulation.bank.configuration import BankConfig, Clock, StatementFormat
from pipelines.simulation.bank.decisions import EXECUTED, REJECTED
from pipelines.simulation.bank.faults import Faults
from pipelines.simulation.bank.journal import Journal, Line
from pipelines.simulation.bank.messages import Envelope
from pipelines.simulation.bank.orders import Orders, Recalls, orders, reason_of
from pipelines.simulation.bank.outbox import Answer, Outbox
from pipelines.simulation.bank.returns import payment_returns
from pipelines.simulation.bank.statements import Day, mt940, notification, statement

_OF_ANSWERS = (
    Misbehaviour.LATE,
    Misbehaviour.DUPLICATE,
    Misbehaviour.REORDERED,
    Misbehaviour.TRUNCATED,
)
_WORDS = {EXECUTED: "accepted", written.PARTLY: "partly_accepted", REJECTED: "rejected"}


@dataclass(frozen=True, slots=True)
class Received:
    """A file that came in whole."""

    number: int
    """From 1, in the order of arrival."""
    name: str
    file_id: str
    """Of the HTTP upload; the name where there is none."""
    transport: str
    sha256: str
    size: int
    received_at: str
    duplicate_of: int | None
    """Number of the file with the same content, or the same message id, that was there before."""
    message_id: str | None
    """None when it could not be read."""
    status: str
    """accepted, partly_accepted, rejected or resolved (of a recall)."""
    reason: str | None


class SimulatedBank:
    """A bank on a folder; `clock` gives the time of everything that it does."""

    def __init__(self, config: BankConfig, *, folder: Path, clock: Clock) -> None:
        self.config = config
        self.folder = folder
        self._clock = clock
        self._lock = RLock()
        self._journal = Journal(folder)
        lines = self._journal.lines
        self._book = Book(
            config, folder / "book", steps=max((line.get("steps", 0) for line in lines), default=0)
        )
        self._outbox = Outbox(self._journal, folder / "sftp")
        self._received = [Received(**line["file"]) for line in lines if line["event"] == "received"]
        self._faults = Faults(config.misbehaviour, self._journal)
        self._closed = [date.fromisoformat(line["day"]) for line in lines if line["event"] == "closed"]

    def now(self) -> datetime:
        """The bank's time."""
        return self._clock()

    def misbehaviour(self, fault: Misbehaviour, *subjects: str) -> Rule | None:
        """The rule by which the bank shows that fault now, counted as once; None when it behaves."""
        with self._lock:
            return self._faults.show(fault, *subjects)

    def drops_at(self, *subjects: str) -> int | None:
        """Byte of an upload at which the connection is to end; None: it is not. Counts nothing yet."""
        with self._lock:
            rule = self._faults.due(Misbehaviour.DROPPED, *subjects)
            return None if rule is None else rule.byte or 0

    def misbehaved(self) -> list[tuple[str, str]]:
        """Faults shown so far, with the name of the file, in order."""
        with self._lock:
            return self._faults.shown()

    def receive(self, content: bytes, *, name: str, file_id: str, transport: str) -> Received:
        """Take a whole file, decide on it and answer."""
        with self._lock:
            at = self.now()
            digest = self._journal.keep(content)
            file = Received(
                number=len(self._received) + 1,
                name=name,
                file_id=file_id,
                transport=transport,
                sha256=digest,
                size=len(content),
                received_at=at.isoformat(timespec="seconds"),
                duplicate_of=next((f.number for f in self._received if f.sha256 == digest), None),
                message_id=None,
                status="rejected",
                reason=None,
            )
            envelope = Envelope(self.config, at, f"{file.number}/{digest}")
            with self._step() as lines:
                file, replies = self._handled(content, file, envelope)
                lines.extend(self._put(replies, subject=name, also=(file_id,)))
                lines.append({"event": "received", "file": asdict(file)})
            self._received.append(file)
            return file

    def received(self) -> list[Received]:
        """Every file that came in whole, in order."""
        with self._lock:
            return list(self._received)

    def duplicates(self) -> int:
        """How many files the bank had seen before."""
        return sum(file.duplicate_of is not None for file in self.received())

    def find(self, file_id: str) -> Received | None:
        """The first file received under that id or name."""
        return next((file for file in self.received() if file_id in (file.file_id, file.name)), None)

    def look(self, after: int = 0) -> list[Answer]:
        """Answers beyond a cursor, as a client sees them when it looks; counts as a poll."""
        with self._lock:
            with self._step() as lines:
                lines.extend(self._outbox.look(self.now()))
            return self._outbox.after(after)

    def answers(self) -> list[Answer]:
        """Every answer that shows, without looking."""
        with self._lock:
            return self._outbox.after(0)

    def content(self, answer: Answer) -> bytes:
        """The bytes of an answer."""
        return self._outbox.content(answer)

    def balance(self, account: str) -> int:
        """Balance of an account that the bank keeps, minor units."""
        with self._lock:
            return self._book.balance(account)

    def payments(self) -> pl.DataFrame:
        """What the bank was asked to pay, and what it decided (`book.PAYMENTS`)."""
        with self._lock:
            return self._book.payments

    def entries(self) -> pl.DataFrame:
        """Entries of the accounts that the bank keeps (`book.ENTRIES`)."""
        with self._lock:
            return self._book.entries

    def business_date(self) -> date:
        """Date on which entries are booked now: that of the clock, or the one after the last close."""
        today = self.now().date()
        return max([today, *(day + timedelta(days=1) for day in self._closed[-1:])])

    def close_day(self, day: date) -> list[Answer]:
        """Send back what is to come back, then close the day with a statement an account.

        Days are closed in order; one that is closed already gives nothing more. The new answers.
        """
        with self._lock:
            if self._closed and day <= self._closed[-1]:
                return []
            before = len(self._outbox.answers)
            at = self.now()
            with self._step() as lines:
                due = self._book.due_back(day)
                for (file,), rows in due.group_by("file", maintain_order=True):
                    subject = self._received_name(int(str(file)))
                    envelope = Envelope(self.config, at, f"{day}/{file}")
                    replies = self._take_back(rows, envelope, day, subject)
                    lines.extend(self._put(replies, subject=subject))
                self._closed.append(day)
                for kept in self.config.accounts:
                    subject = f"statement-{kept.account}-{day}"
                    lines.extend(self._put([self.statement(kept.account, day)], subject=subject))
                lines.append({"event": "closed", "day": day.isoformat()})
            return self._outbox.after(before)

    def statement(self, account: str, day: date) -> tuple[str, bytes]:
        """Statement of an account that the bank keeps, as far as the day has gone: type and bytes.

        Raises `KeyError` for another account.
        """
        with self._lock:
            kept = self.config.kept(account)
            if kept is None:
                raise KeyError(account)
            following = day + timedelta(days=1)
            of_day = Day(
                kept=kept,
                on=day,
                opening_minor=self._book.balance(account, before=day),
                closing_minor=self._book.balance(account, before=following),
                entries=self._book.entries_on(account, day),
                number=sum(closed < day for closed in self._closed) + 1,
            )
            rule = self.misbehaviour(Misbehaviour.WRONG_BALANCE, f"statement-{account}-{day}")
            envelope = Envelope(self.config, self.now(), f"{account}/{day}")
            write = mt940 if self.config.statement_format is StatementFormat.MT940 else statement
            return write(envelope, of_day, off_by=rule.minor if rule else 0)

    @contextmanager
    def _step(self) -> Iterator[list[Line]]:
        """Lines that the journal gets when the step is done; files for SFTP follow."""
        lines: list[Line] = []
        yield lines
        if lines:
            lines[-1] = lines[-1] | {"steps": self._book.steps}
            self._journal.add(lines)
            self._outbox.publish(lines)

    def _put(
        self, replies: list[tuple[str, bytes]], *, subject: str, also: tuple[str, ...] = ()
    ) -> list[Line]:
        found = {fault: self.misbehaviour(fault, subject, *also) for fault in _OF_ANSWERS}
        faults = {fault: rule for fault, rule in found.items() if rule is not None}
        return self._outbox.put(replies, subject=subject, at=self.now(), faults=faults)

    def _received_name(self, number: int) -> str:
        return self._received[number - 1].name

    def _handled(
        self, content: bytes, file: Received, envelope: Envelope
    ) -> tuple[Received, list[tuple[str, bytes]]]:
        """What becomes of a file, and the answers to it."""
        unknown = written.Original("NOTPROVIDED", "NOTPROVIDED")
        try:
            given = orders(content)
        except FileRefused as refused:
            reason = reason_of(refused)
            answer = written.refusal(
                envelope, unknown, reason=reason, sentence=f"{file.name}: {refused}"
            )
            return replace(file, reason=reason), [answer]
        file = replace(file, message_id=given.message_id)
        if isinstance(given, Recalls):
            return self._recalled(given, file, envelope)
        original = written.Original(given.message_id, given.message_type)
        same = (f.number for f in self._received if f.message_id == given.message_id)
        earlier = next(same, file.duplicate_of)
        if earlier is not None:
            answer = written.refusal(
                envelope, original, reason="DU01", sentence=f"{file.name}: seen before"
            )
            return replace(file, duplicate_of=earlier, reason="DU01"), [answer]
        rule = self.misbehaviour(Misbehaviour.REJECTED, file.name, file.file_id)
        if rule is not None:
            answer = written.refusal(
                envelope, original, reason=rule.reason, sentence=f"{file.name}: not processed"
            )
            return replace(file, reason=rule.reason), [answer]
        return self._executed(given, original, file, envelope)

    def _executed(
        self, given: Orders, original: written.Original, file: Received, envelope: Envelope
    ) -> tuple[Received, list[tuple[str, bytes]]]:
        names = (file.name, file.file_id)
        wrong = self.misbehaviour(Misbehaviour.WRONG_TOTALS, *names)
        off_by = wrong.minor if wrong else 0
        step = self._book.execute(
            given,
            file=file.number,
            on=self.business_date(),
            partial=self.misbehaviour(Misbehaviour.PARTIAL, *names),
        )
        replies = [
            written.receipt(envelope, original),
            written.status(envelope, original, step.payments, off_by=off_by),
            *self._notifications(step, envelope, off_by),
        ]
        status = _WORDS[written.group_status(step.payments)]
        return replace(file, status=status), replies

    def _notifications(self, step: Step, envelope: Envelope, off_by: int) -> list[tuple[str, bytes]]:
        """A camt.054 for each account that a step moved, in the order of the configuration."""
        found = []
        for kept in self.config.accounts if self.config.notifies else ():
            entries = step.entries.filter(pl.col("account") == kept.account)
            if entries.height:
                about = replace(envelope, about=f"{envelope.about}/{kept.account}/{self._book.steps}")
                found.append(notification(about, kept, entries, off_by=off_by))
        return found

    def _take_back(
        self, rows: pl.DataFrame, envelope: Envelope, on: date, subject: str
    ) -> list[tuple[str, bytes]]:
        """Book the returns of one file, and what is told of them."""
        wrong = self.misbehaviour(Misbehaviour.WRONG_TOTALS, subject)
        off_by = wrong.minor if wrong else 0
        step = self._book.take_back(rows, on=on)
        returns = payment_returns(envelope, rows, on=on, off_by=off_by)
        return [*returns, *self._notifications(step, envelope, off_by)]

    def _recalled(
        self, given: Recalls, file: Received, envelope: Envelope
    ) -> tuple[Received, list[tuple[str, bytes]]]:
        """camt.029 to a camt.056, and the returns of what is granted."""
        resolutions, granted = self._book.resolve(given.recalls)
        replies = [written.resolution(envelope, given.message_id, resolutions)]
        if granted.height:
            replies += self._take_back(granted, envelope, self.business_date(), file.name)
        return replace(file, status="resolved"), replies
