"""The log of bank files: what goes to which bank, what became of it, and what banks answered.

Belongs here: reading and adding to the tables `payments.bank_file`, `bank_file_event` and
`bank_answer`. What the states mean, and which follows which, is the delivery's business; here they are
words in an order that no two processes can both continue.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final

import psycopg

_FOLDER: Final = Path(__file__).parent
_QUEUE, _KEEP_ANSWER, _LIVES, _IN_EXCHANGE = (
    (_FOLDER / f"{name}.sql").read_bytes()
    for name in ("queue_bank_file", "keep_bank_answer", "bank_files", "bank_files_in_exchange")
)


@dataclass(frozen=True, slots=True)
class BankFile:
    """A file for a bank."""

    bank_id: str
    file_id: str
    business_date: date
    name: str
    format: str
    sha256: str
    size: int
    payments: int
    currency: str
    total_minor: int


@dataclass(frozen=True, slots=True)
class BankFileLife:
    """A file and one event of it."""

    file: BankFile
    sequence: int
    number: int
    state: str
    at: datetime
    detail: str | None


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """A file that a bank sent."""

    bank_id: str
    sha256: str
    number: int
    name: str
    received_at: datetime


class BankFileConflict(ValueError):
    """The bank has a file of that id with other facts, or of that content with another id."""

    def __init__(self, bank_id: str, file_id: str, sentence: str) -> None:
        self.bank_id = bank_id
        self.file_id = file_id
        self.sentence = sentence
        super().__init__(f"file {file_id} for {bank_id}: {sentence}")


def last_exchange_date(connection: psycopg.Connection) -> date | None:
    """The latest business date whose files were brought to banks; None before the first."""
    row = connection.execute("SELECT max(exchange_date) FROM payments.bank_file_event").fetchone()
    return row[0] if row else None


class BankFileLog:
    """The tables, on a connection in autocommit mode: each call is committed when it returns.

    `exchange_date`: the business date whose exchange with the banks it is; what is added is known then.
    """

    def __init__(self, connection: psycopg.Connection, *, exchange_date: date) -> None:
        self._connection = connection
        self.exchange_date = exchange_date

    def queue(self, file: BankFile, *, at: datetime) -> str:
        """Take a file up with the next number of its date, or find it; returns its state.

        Raises `BankFileConflict`.
        """
        while True:
            known = self.events(file.bank_id, file.file_id)
            if known:
                if known[-1].file != file:
                    raise BankFileConflict(
                        file.bank_id, file.file_id, "that id is taken by another content"
                    )
                return known[-1].state
            try:
                with self._connection.transaction():
                    self._connection.execute(_QUEUE, asdict(file))
                    self.add(file.bank_id, file.file_id, number=1, state="queued", at=at, detail=None)
            except psycopg.errors.UniqueViolation as error:
                # Another process took the number, the id or the content; the numbers have no gaps.
                if error.diag.constraint_name == "bank_file_bank_id_sha256_key":
                    raise BankFileConflict(
                        file.bank_id, file.file_id, "its content was queued under another id"
                    ) from error

    def events(self, bank_id: str, file_id: str) -> list[BankFileLife]:
        """The life of a file, in order; empty when it is not known."""
        return self._lives(_LIVES, {"bank_id": bank_id, "file_ids": [file_id]})

    def lives(
        self, file_ids: Sequence[str] | None = None, *, bank_id: str | None = None
    ) -> list[BankFileLife]:
        """The lives of all files, of some ids or of one bank, by bank, date, number and event."""
        named = {"bank_id": bank_id, "file_ids": None if file_ids is None else list(file_ids)}
        return self._lives(_LIVES, named)

    def in_exchange(self, *, ended: Collection[str]) -> list[BankFileLife]:
        """What concerns the exchange, as it was known in it.

        The date's files, and earlier ones that were not in an `ended` state or have an event in it.
        """
        return self._lives(_IN_EXCHANGE, {"exchange_date": self.exchange_date, "ended": list(ended)})

    def _lives(self, query: bytes, named: Mapping[str, object]) -> list[BankFileLife]:
        rows = self._connection.execute(query, named).fetchall()
        return [BankFileLife(BankFile(*row[:10]), *row[10:]) for row in rows]

    def add(
        self, bank_id: str, file_id: str, *, number: int, state: str, at: datetime, detail: str | None
    ) -> None:
        """Event `number` of a file; another process that was there first makes it a unique violation."""
        self._connection.execute(
            "INSERT INTO payments.bank_file_event VALUES (%s, %s, %s, %s, %s, %s, %s)",
            [bank_id, file_id, number, state, at, self.exchange_date, detail],
        )

    def cursor(self, bank_id: str) -> str | None:
        """Of the last answer that was kept."""
        row = self._connection.execute(
            """SELECT cursor FROM payments.bank_answer WHERE bank_id = %s AND cursor IS NOT NULL
            ORDER BY number DESC LIMIT 1""",
            [bank_id],
        ).fetchone()
        return str(row[0]) if row else None

    def keep_answer(
        self, bank_id: str, *, sha256: str, name: str, cursor: str | None, size: int, at: datetime
    ) -> bool:
        """Note an answer; False when its content was noted before."""
        named = {
            "bank_id": bank_id,
            "sha256": sha256,
            "name": name,
            "cursor": cursor,
            "size": size,
            "received_at": at,
            "exchange_date": self.exchange_date,
        }
        return self._connection.execute(_KEEP_ANSWER, named).fetchone() == (False,)

    def answers(self) -> list[KeptAnswer]:
        """What the exchange brought, by bank in the order of receipt."""
        rows = self._connection.execute(
            """SELECT bank_id, sha256, number, name, received_at FROM payments.bank_answer
            WHERE exchange_date = %s AND NOT repeated ORDER BY bank_id, number""",
            [self.exchange_date],
        ).fetchall()
        return [KeptAnswer(*row) for row in rows]
