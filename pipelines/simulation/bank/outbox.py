"""The answers of a simulated bank: when they show, under which names, how often, how whole.

Belongs here: releasing what the bank wrote, with the faults that concern answers (late, duplicate,
re-ordered, truncated). An answer is known by its cursor, which rises in the order of release; its name
begins with time and cursor, so that names sort in that order.
"""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

from pipelines.simulation.bank.behaviour import Misbehaviour, Rule
from pipelines.simulation.bank.journal import Journal, Line


@dataclass(frozen=True, slots=True)
class Answer:
    """A file for the client to fetch."""

    cursor: int
    """Rises by one an answer, from 1."""
    name: str
    message_type: str
    """As pacs.002.001.10, or MT940."""
    subject: str
    """Name of the file that it answers, or statement-ACCOUNT-DATE."""
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """An answer that does not show yet."""

    message_type: str
    subject: str
    sha256: str
    polls: int
    """Looks at the outbox that do not see it yet; a bank that starts again counts them anew."""


class Outbox:
    """Released and waiting answers; files for SFTP stand in `folder`/outbox and `folder`/statements."""

    def __init__(self, journal: Journal, folder: Path) -> None:
        self._journal = journal
        self._folder = folder
        for name in ("outbox/taken", "statements"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self.answers: list[Answer] = []
        self._waiting: list[tuple[int, Waiting]] = []
        self._looks = 0
        for line in journal.lines:
            if line["event"] == "answer":
                self.answers.append(Answer(**line["answer"]))
                shown = Waiting(**line["waited"])
                self._waiting.remove((shown.polls, shown))
            elif line["event"] == "waiting":
                waiting = Waiting(**line["waiting"])
                self._waiting.append((waiting.polls, waiting))
        for answer in self.answers:
            self._publish(answer)

    def put(
        self,
        written: Iterable[tuple[str, bytes]],
        *,
        subject: str,
        at: datetime,
        faults: dict[Misbehaviour, Rule],
    ) -> list[Line]:
        """Lines that put answers (type and bytes) out as the faults say."""
        late = faults.get(Misbehaviour.LATE)
        answers = [
            Waiting(message_type, subject, self._journal.keep(content), late.polls if late else 0)
            for message_type, content in written
        ]
        if Misbehaviour.REORDERED in faults:
            answers.reverse()
        if Misbehaviour.DUPLICATE in faults:
            answers = [answer for answer in answers for _ in range(2)]
        torn = faults.get(Misbehaviour.TRUNCATED)
        if torn is not None:
            later = [replace(answer, polls=answer.polls + torn.polls) for answer in answers]
            answers = [*(self._torn(answer, torn) for answer in answers), *later]
        self._waiting += [(self._looks + answer.polls, answer) for answer in answers]
        held: list[Line] = [{"event": "waiting", "waiting": asdict(answer)} for answer in answers]
        return held + self._release(at)

    def look(self, at: datetime) -> list[Line]:
        """Lines that show what has waited enough, now that a client looks at the outbox."""
        self._looks += 1
        return self._release(at)

    def _release(self, at: datetime) -> list[Line]:
        lines: list[Line] = []
        for due, waiting in list(self._waiting):
            if waiting.polls == 0 or due < self._looks:
                self._waiting.remove((due, waiting))
                answer = self._named(waiting, at)
                self.answers.append(answer)
                lines.append({"event": "answer", "answer": asdict(answer), "waited": asdict(waiting)})
        return lines

    def publish(self, lines: list[Line]) -> None:
        """Write the files of released answers where SFTP serves them, after the journal has them."""
        for line in lines:
            if line["event"] == "answer":
                self._publish(Answer(**line["answer"]))

    def after(self, cursor: int) -> list[Answer]:
        """Released answers beyond a cursor, in order."""
        return self.answers[cursor:] if cursor >= 0 else list(self.answers)

    def content(self, answer: Answer) -> bytes:
        """The bytes of an answer."""
        return self._journal.content(answer.sha256)

    def _torn(self, answer: Waiting, rule: Rule) -> Waiting:
        content = self._journal.content(answer.sha256)
        end = len(content) // 2 if rule.byte is None else rule.byte
        return replace(answer, sha256=self._journal.keep(content[:end]))

    def _named(self, waiting: Waiting, at: datetime) -> Answer:
        cursor = len(self.answers) + 1
        about = re.sub(r"[^A-Za-z0-9._-]", "_", waiting.subject)[:80]
        suffix = "sta" if waiting.message_type == "MT940" else "xml"
        name = f"{at:%Y%m%dT%H%M%S}-{cursor:06}-{waiting.message_type}-{about}"
        return Answer(
            cursor=cursor,
            name=f"{name.removesuffix('.xml')}.{suffix}",
            message_type=waiting.message_type,
            subject=waiting.subject,
            size=len(self._journal.content(waiting.sha256)),
            sha256=waiting.sha256,
        )

    def _publish(self, answer: Answer) -> None:
        """Once: an answer that the client took already is not put out again."""
        of_day = answer.message_type == "MT940" or answer.message_type.startswith("camt.053")
        folder = self._folder / ("statements" if of_day else "outbox")
        if (folder / "taken" / answer.name).exists() or (folder / answer.name).exists():
            return
        part = self._folder / f".{answer.name}"
        part.write_bytes(self.content(answer))
        part.replace(folder / answer.name)
