"""A bank behind a local folder: a mounted share, or the hot folder of a gateway.

The layout is that of SFTP: files appear in `inbox` under their name, whole; answers lie in `outbox` and
go to `outbox/taken` when they are ours.
"""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from pipelines.settlement.banks.bank import (
    Answer,
    BankBalance,
    BankError,
    BankUnproven,
    BankUnreachable,
    FileDiffers,
    NotOffered,
    OutgoingFile,
    Receipt,
    is_answer,
)
from pipelines.settlement.banks.connection import Connection, LocalFolder
from pipelines.settlement.banks.openpgp import Seal

_PIECE = 1 << 20


class FolderBank:
    """A session with a bank behind a folder (`bank.Bank`)."""

    def __init__(self, connection: Connection, transport: LocalFolder) -> None:
        self.bank_id = connection.bank_id
        self._root = transport.path
        self._seal = Seal(self.bank_id, transport.open_pgp) if transport.open_pgp else None

    async def __aenter__(self) -> "FolderBank":
        """The folder must be there: a share that is not mounted looks like an empty one."""
        if not (self._root / "inbox").is_dir():
            raise BankUnreachable(self.bank_id, f"there is no folder {self._root / 'inbox'}")
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Nothing is held."""

    async def submit(
        self, file: OutgoingFile, *, uploaded: bool, on_uploaded: Callable[[], None]
    ) -> Receipt:
        """Copy, `fsync`, rename."""
        with self._told():
            outgoing = self._seal.sealed(file) if self._seal else file
            return await asyncio.to_thread(self._submit, outgoing, uploaded, on_uploaded)

    def _submit(self, file: OutgoingFile, uploaded: bool, on_uploaded: Callable[[], None]) -> Receipt:
        final = self._root / "inbox" / file.name
        part = final.with_name(f"{file.name}.part")
        if final.exists():
            if _sha256(final) != file.sha256:
                raise FileDiffers(self.bank_id, f"{final} has another content")
            return Receipt(file.file_id, file.sha256, resumed_at=file.size, known=True)
        if uploaded and not part.exists():
            return Receipt(file.file_id, file.sha256, resumed_at=file.size, known=True)
        with file.path.open("rb") as source, part.open("wb") as target:
            while piece := source.read(_PIECE):
                target.write(piece)
            target.flush()
            os.fsync(target.fileno())
        on_uploaded()
        part.rename(final)
        return Receipt(file.file_id, file.sha256, resumed_at=0, known=False)

    async def status(self, file: OutgoingFile) -> str | None:
        """Whether the file stands in the inbox; what became of it the answers tell."""
        outgoing = self._seal.sealed(file) if self._seal else file
        return "received" if (self._root / "inbox" / outgoing.name).exists() else None

    async def answers(self, *, after: str | None) -> AsyncIterator[Answer | BankError]:
        """All that is in the outbox: what is ours was moved away."""
        for path in sorted((self._root / "outbox").glob("*")):
            if path.is_file() and is_answer(path.name):
                with self._told():
                    content = await asyncio.to_thread(path.read_bytes)
                try:
                    opened = self._seal.opened(path.name, content) if self._seal else content
                except BankUnproven as error:
                    yield error
                else:
                    yield Answer(path.name, path.name, opened)

    async def taken(self, answer: Answer) -> None:
        """Move it to `taken`."""
        taken = self._root / "outbox" / "taken"
        with self._told():
            await asyncio.to_thread(taken.mkdir, exist_ok=True)
            await asyncio.to_thread((self._root / "outbox" / answer.name).replace, taken / answer.name)

    async def statement(self, account: str, *, on: date) -> bytes:
        """The newest file of `statements` that has account and date in its name."""
        names = sorted(path.name for path in (self._root / "statements").glob("*"))
        found = [name for name in names if is_answer(name) and account in name and str(on) in name]
        if not found:
            raise NotOffered(self.bank_id, f"there is no statement of {account} on {on}")
        with self._told():
            return (self._root / "statements" / found[-1]).read_bytes()

    async def balance(self, account: str) -> BankBalance:
        """Statements alone tell it."""
        raise NotOffered(self.bank_id, f"the balance of {account} is in its statements")

    async def recall(self, name: str, content: bytes) -> Receipt:
        """A file as any other."""
        final, part = (self._root / "inbox" / text for text in (name, f"{name}.part"))
        digest = hashlib.sha256(content).hexdigest()
        with self._told():
            if final.exists():
                if _sha256(final) != digest:
                    raise FileDiffers(self.bank_id, f"{final} has another content")
                return Receipt(name, digest, resumed_at=len(content), known=True)
            await asyncio.to_thread(part.write_bytes, content)
            await asyncio.to_thread(part.rename, final)
        return Receipt(name, digest, resumed_at=0, known=False)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """The file system's errors in the words of `bank.py`."""
        try:
            yield
        except OSError as error:
            raise BankUnreachable(self.bank_id, f"{error.strerror}: {error.filename}") from error


def _sha256(path: Path) -> str:
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()
