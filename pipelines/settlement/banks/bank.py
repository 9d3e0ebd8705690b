"""What every bank offers, whatever the wire: submit, status, answers, statement, balance, recall.

Belongs here: the interface, what passes through it, and how it fails. The wires are `sftp.py`,
`https.py` and `folder.py`; when a file goes and what its answers mean is `delivery.py`.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class OutgoingFile:
    """A file for one bank."""

    bank_id: str
    file_id: str
    """Its message id; unique for the bank."""
    business_date: date
    name: str
    """Under which the bank gets it."""
    format: str
    path: Path
    sha256: str
    size: int
    payments: int
    currency: str
    total_minor: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """The bank has the file, whole: by its name or id, size and hash."""

    file_id: str
    sha256: str
    resumed_at: int
    """Octets that the bank had from an earlier try."""
    known: bool
    """Whether the bank had all of it before this call, and nothing was sent."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A file that the bank left for us."""

    name: str
    """As the bank names it."""
    cursor: str | None
    """Where to go on asking; None of what was asked for by name."""
    content: bytes


@dataclass(frozen=True, slots=True)
class BankBalance:
    """What the bank says that an account has."""

    account: str
    currency: str
    amount_minor: int
    as_of: datetime


class BankError(Exception):
    """Something between us and a bank; `bank_id` and a sentence."""

    def __init__(self, bank_id: str, sentence: str) -> None:
        self.bank_id = bank_id
        self.sentence = sentence
        super().__init__(f"bank {bank_id}: {sentence}")


class BankUnreachable(BankError):
    """The connection could not be made, broke, or the bank asked to wait: try again."""

    def __init__(self, bank_id: str, sentence: str, *, retry_after_s: int = 0) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(bank_id, sentence)


class CredentialsRefused(BankError):
    """The bank does not know us: keys, certificate or secret must be mended."""


class BankUnproven(BankError):
    """Who answers is not the bank: its host key or certificate is another. Nothing was sent."""


class FileDiffers(BankError):
    """The bank has a file of that name or id with another content: it is never sent over it."""


class FileNotTaken(BankError):
    """The bank refuses the file as such: too large, or not allowed."""


class BankNotUnderstood(BankError):
    """What the bank said is not what was agreed; what it did is not known: ask again later."""


class AnswerNotTaken(BankError):
    """An answer is larger than what is taken: it stays at the bank."""


class NotOffered(BankError):
    """The bank does not offer that over this wire."""


def is_answer(name: str) -> bool:
    """Whether a name in an outbox is that of a whole file: neither hidden nor still being written."""
    return not name.startswith(".") and not name.endswith((".part", ".filepart", ".tmp"))


class Bank(Protocol):
    """A session with a bank; an asynchronous context manager that opens and closes it.

    Every method raises `BankError`s only. A session is used by one task.
    """

    bank_id: str

    async def __aenter__(self) -> "Bank":
        """Connect. Raises `BankUnreachable`, `CredentialsRefused`, `BankUnproven`."""
        ...

    async def __aexit__(self, *exception: object) -> None:
        """Disconnect."""
        ...

    async def submit(
        self, file: OutgoingFile, *, uploaded: bool, on_uploaded: Callable[[], None]
    ) -> Receipt:
        """Send a file, going on where an earlier try ended; a file that the bank has is not sent.

        `on_uploaded` is called when the bank has all octets, before it is told that they are a file;
        `uploaded` says that an earlier try came so far. Raises `FileDiffers` when the bank has another
        file under that name or id.
        """
        ...

    async def status(self, file: OutgoingFile) -> str | None:
        """What the bank says of a file now; None when it does not have it whole."""
        ...

    def answers(self, *, after: str | None) -> AsyncIterator[Answer | BankError]:
        """What the bank left for us beyond a cursor, in its order.

        In place of an answer that has to stay at the bank while the others are taken, why.
        """
        ...

    async def taken(self, answer: Answer) -> None:
        """Tell the bank that an answer is ours now; called after it is kept."""
        ...

    async def statement(self, account: str, *, on: date) -> bytes:
        """The statement of an account, as a file. Raises `NotOffered` where there is none."""
        ...

    async def balance(self, account: str) -> BankBalance:
        """The balance of an account now. Raises `NotOffered` where statements alone tell it."""
        ...

    async def recall(self, name: str, content: bytes) -> Receipt:
        """Ask for payments back: a camt.056; the bank answers it among its answers."""
        ...
