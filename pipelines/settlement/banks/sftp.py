"""A bank over SFTP: the pinned host key, resumed uploads, one name for one content.

Belongs here: the session (asyncssh) and its errors in the words of `bank.py`. An upload goes to
`NAME.part` and gets its name by one rename, so the bank never sees half a file. What the bank has of an
earlier try is read back and compared before it is added to.
"""

import hashlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager, suppress
from datetime import date
from pathlib import Path

import asyncssh

from pipelines.settlement.banks.bank import (
    Answer,
    AnswerNotTaken,
    BankBalance,
    BankError,
    BankUnproven,
    BankUnreachable,
    CredentialsRefused,
    FileDiffers,
    FileNotTaken,
    NotOffered,
    OutgoingFile,
    Receipt,
    is_answer,
)
from pipelines.settlement.banks.connection import Connection, Sftp
from pipelines.settlement.banks.openpgp import Seal

_PIECE = 256 * 1024
_CONNECT_SECONDS = 15
_ANSWER_BYTES = 256 << 20
"""Largest answer that is taken, held in memory: some 200,000 entries; a larger one stays there."""


class SftpBank:
    """A session with a bank over SFTP (`bank.Bank`)."""

    def __init__(self, connection: Connection, transport: Sftp, *, secrets: Mapping[str, str]) -> None:
        self.bank_id = connection.bank_id
        self._at = transport
        self._secrets = secrets
        self._seal = Seal(self.bank_id, transport.open_pgp) if transport.open_pgp else None
        self._open = AsyncExitStack()
        self._sftp: asyncssh.SFTPClient

    async def __aenter__(self) -> "SftpBank":
        """Connect, accepting the pinned host key alone."""
        at = self._at
        password = self._secrets.get(at.password_secret) if at.password_secret else None
        try:
            pinned = asyncssh.read_public_key(at.host_key)
            keys = [asyncssh.read_private_key(at.client_key)] if at.client_key else []
        except (OSError, ValueError) as error:
            raise CredentialsRefused(self.bank_id, f"the SSH keys cannot be read: {error}") from error
        with self._told():
            session = await self._open.enter_async_context(
                asyncssh.connect(
                    at.host,
                    at.port,
                    username=at.user,
                    password=password,
                    client_keys=keys,
                    known_hosts=([pinned], [], []),
                    config=None,
                    agent_path=None,
                    connect_timeout=_CONNECT_SECONDS,
                    keepalive_interval=30,
                )
            )
            self._sftp = await self._open.enter_async_context(session.start_sftp_client())
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Close the session."""
        await self._open.aclose()

    async def submit(
        self, file: OutgoingFile, *, uploaded: bool, on_uploaded: Callable[[], None]
    ) -> Receipt:
        """Upload what the bank does not have yet, then give it its name."""
        outgoing = self._seal.sealed(file) if self._seal else file
        final = f"{self._at.inbox}/{outgoing.name}"
        part = f"{final}.part"
        with self._told():
            if await self._sftp.exists(final):
                await self._must_be(final, outgoing)
                return Receipt(file.file_id, outgoing.sha256, resumed_at=outgoing.size, known=True)
            held = await self._sftp.getsize(part) if await self._sftp.exists(part) else None
            if held is None and uploaded:
                # Only the rename takes the part away: the bank has the file, and has moved it on.
                return Receipt(file.file_id, outgoing.sha256, resumed_at=outgoing.size, known=True)
            resumed_at = await self._resumable(part, held or 0, outgoing.path, outgoing.size)
            # A part that another process began meanwhile is not emptied under its hands.
            mode = "xb" if held is None else "r+b" if resumed_at else "wb"
            await self._upload(outgoing.path, part, resumed_at, mode)
            if await self._sftp.getsize(part) != outgoing.size:
                raise BankUnreachable(self.bank_id, f"{part} is not of {outgoing.size} bytes there")
            on_uploaded()
            await self._sftp.rename(part, final)
        return Receipt(file.file_id, outgoing.sha256, resumed_at=resumed_at, known=False)

    async def _must_be(self, path: str, file: OutgoingFile) -> None:
        """The file of that name is ours: by its content, or its size where it cannot be read."""
        size = await self._sftp.getsize(path)
        digest = await self._digest(path, size) if size == file.size else None
        if size != file.size or digest not in (None, file.sha256):
            raise FileDiffers(self.bank_id, f"{path} is there with another content")

    async def _digest(self, path: str, size: int) -> str | None:
        """SHA-256 of the first octets of a file; None where it may not be read."""
        digest = hashlib.sha256()
        try:
            async with self._sftp.open(path, "rb") as source:
                while size > 0:
                    piece: bytes = await source.read(min(_PIECE, size))
                    if not piece:
                        break
                    digest.update(piece)
                    size -= len(piece)
        except asyncssh.SFTPPermissionDenied:
            return None
        return digest.hexdigest()

    async def _resumable(self, part: str, held: int, path: Path, size: int) -> int:
        """Where to go on: behind what the bank has, if that is how the file begins."""
        if not 0 < held <= size:
            return 0
        own, left = hashlib.sha256(), held
        with path.open("rb") as source:
            while left and (piece := source.read(min(_PIECE, left))):
                own.update(piece)
                left -= len(piece)
        return held if await self._digest(part, held) == own.hexdigest() else 0

    async def _upload(self, path: Path, part: str, resumed_at: int, mode: str) -> None:
        with path.open("rb") as source:
            source.seek(resumed_at)
            async with self._sftp.open(part, mode) as target:
                offset = resumed_at
                while piece := source.read(_PIECE):
                    await target.write(piece, offset)
                    offset += len(piece)
                with suppress(asyncssh.SFTPOpUnsupported):
                    await target.fsync()

    async def status(self, file: OutgoingFile) -> str | None:
        """Whether the file stands in the inbox; what became of it the answers tell."""
        name = self._seal.sealed(file).name if self._seal else file.name
        with self._told():
            return "received" if await self._sftp.exists(f"{self._at.inbox}/{name}") else None

    async def answers(self, *, after: str | None) -> AsyncIterator[Answer | BankError]:
        """All that is in the outbox, by name: what is ours was moved away."""
        with self._told():
            names = sorted(filter(is_answer, map(str, await self._sftp.listdir(self._at.outbox))))
        for name in names:
            path = f"{self._at.outbox}/{name}"
            with self._told():
                if not await self._sftp.isfile(path):
                    continue
            try:
                with self._told():
                    content = await self._content(path)
                opened = self._seal.opened(name, content) if self._seal else content
            except (AnswerNotTaken, BankUnproven) as error:
                yield error
            else:
                yield Answer(name, name, opened)

    async def _content(self, path: str) -> bytes:
        if (await self._sftp.getsize(path) or 0) > _ANSWER_BYTES:
            raise AnswerNotTaken(self.bank_id, f"{path} is larger than {_ANSWER_BYTES} bytes")
        async with self._sftp.open(path, "rb") as source:
            content: bytes = await source.read()
        return content

    async def taken(self, answer: Answer) -> None:
        """Move it to the folder of those taken; banks give a name to more than one answer."""
        taken = f"{self._at.taken}/{answer.name}"
        with self._told():
            if await self._sftp.exists(taken):
                taken = f"{taken}.{hashlib.sha256(answer.content).hexdigest()}"
                if await self._sftp.exists(taken):
                    await self._sftp.remove(taken)
            await self._sftp.rename(f"{self._at.outbox}/{answer.name}", taken)

    async def statement(self, account: str, *, on: date) -> bytes:
        """The newest file of the statements that has account and date in its name."""
        with self._told():
            names = sorted(map(str, await self._sftp.listdir(self._at.statements)))
            found = [name for name in names if is_answer(name) and account in name and str(on) in name]
            if not found:
                raise NotOffered(self.bank_id, f"there is no statement of {account} on {on}")
            return await self._content(f"{self._at.statements}/{found[-1]}")

    async def balance(self, account: str) -> BankBalance:
        """Statements alone tell it."""
        raise NotOffered(self.bank_id, f"the balance of {account} is in its statements")

    async def recall(self, name: str, content: bytes) -> Receipt:
        """A file as any other."""
        digest, final = hashlib.sha256(content).hexdigest(), f"{self._at.inbox}/{name}"
        with self._told():
            if await self._sftp.exists(final):
                if await self._digest(final, len(content)) not in (None, digest):
                    raise FileDiffers(self.bank_id, f"{final} is there with another content")
                return Receipt(name, digest, resumed_at=len(content), known=True)
            async with self._sftp.open(f"{final}.part", "wb") as target:
                await target.write(content)
            await self._sftp.rename(f"{final}.part", final)
        return Receipt(name, digest, resumed_at=0, known=False)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """asyncssh's errors in the words of `bank.py`."""
        try:
            yield
        except asyncssh.HostKeyNotVerifiable as error:
            raise BankUnproven(self.bank_id, f"its host key is not the pinned one: {error}") from error
        except asyncssh.PermissionDenied as error:
            raise CredentialsRefused(self.bank_id, f"it does not let us in: {error}") from error
        except asyncssh.SFTPPermissionDenied as error:
            raise FileNotTaken(self.bank_id, f"it refuses the file: {error}") from error
        except (asyncssh.Error, TimeoutError, OSError) as error:
            raise BankUnreachable(self.bank_id, str(error) or type(error).__name__) from error
