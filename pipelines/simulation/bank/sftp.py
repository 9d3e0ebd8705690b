"""A simulated bank over SFTP: uploads to /inbox, answers in /outbox and /statements.

Belongs here: the folder as the client sees it, and the faults of the connection. A file counts as
received when it is renamed to a name that does not end in `.part`: a torn upload never is.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path, PurePosixPath

import asyncssh
from asyncssh.misc import MaybeAwait

from pipelines.simulation.bank.bank import SimulatedBank
from pipelines.simulation.bank.behaviour import Misbehaviour

_PART = ".part"
_DROPPED = ""
"""Stands for the name of an upload whose connection was ended: what is still on its way is lost."""


class BankFolder(asyncssh.SFTPServer):
    """The folder of one bank, for one session; nothing outside it can be reached."""

    def __init__(self, channel: "asyncssh.SSHServerChannel[bytes]", *, bank: SimulatedBank) -> None:
        self._bank = bank
        self._connection = channel.get_connection()
        self._root = bank.folder / "sftp"
        self._uploads: dict[object, str] = {}
        super().__init__(channel, chroot=os.fsencode(self._root))

    async def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        """A file to read or write; what is written is a `.part` in /inbox."""
        if not pflags & (asyncssh.FXF_WRITE | asyncssh.FXF_APPEND):
            return super().open(path, pflags, attrs)
        name = self._upload(path)
        if name is None or not self._is_part(path):
            raise asyncssh.SFTPPermissionDenied("upload to /inbox/NAME.part, then rename to NAME")
        await self._hindered(name)
        file = super().open(path, pflags, attrs)
        self._uploads[file] = name
        return file

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:
        """As much as the bank takes before it drops the connection."""
        name = self._uploads[file_obj]
        if name == _DROPPED:
            raise asyncssh.SFTPConnectionLost("connection dropped")
        drop = self._bank.drops_at(name)
        limit = self._bank.config.max_file_bytes if drop is None else drop
        written = super().write(file_obj, offset, data[: max(0, limit - offset)])
        if offset + len(data) > limit:
            if drop is not None:
                self._bank.misbehaviour(Misbehaviour.DROPPED, name)
            self._uploads[file_obj] = _DROPPED
            self._connection.abort()
            raise asyncssh.SFTPConnectionLost("connection dropped")
        return written if isinstance(written, int) else await written

    def close(self, file_obj: object) -> MaybeAwait[None]:
        """Close a file."""
        self._uploads.pop(file_obj, None)
        return super().close(file_obj)

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        """Rename without replacing; a part that gets its final name is received."""
        await self._renamed(oldpath, newpath)

    async def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        """As `rename`: what was received is never replaced."""
        await self._renamed(oldpath, newpath)

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        """The names in a folder, sorted; a look at /outbox or /statements is a poll."""
        if PurePosixPath(os.fsdecode(path)).name in ("outbox", "statements"):
            await asyncio.to_thread(self._bank.look)
        found = [name async for name in super().scandir(path)]
        for name in sorted(found, key=lambda name: name.filename):
            yield name

    def remove(self, path: bytes) -> None:
        """Only unfinished uploads can be removed."""
        if self._upload(path) is None or not self._is_part(path):
            raise asyncssh.SFTPPermissionDenied("answers are moved to taken, not removed")
        super().remove(path)

    def symlink(self, oldpath: bytes, newpath: bytes) -> MaybeAwait[None]:
        """Nothing is linked: a link could lead out of the folder."""
        raise asyncssh.SFTPPermissionDenied("there are no links")

    def link(self, oldpath: bytes, newpath: bytes) -> MaybeAwait[None]:
        """As `symlink`."""
        raise asyncssh.SFTPPermissionDenied("there are no links")

    def mkdir(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> MaybeAwait[None]:
        """The folders are the bank's."""
        raise asyncssh.SFTPPermissionDenied("the folders are the bank's")

    def rmdir(self, path: bytes) -> MaybeAwait[None]:
        """As `mkdir`."""
        raise asyncssh.SFTPPermissionDenied("the folders are the bank's")

    async def _renamed(self, oldpath: bytes, newpath: bytes) -> None:
        old, new = (Path(os.fsdecode(self.map_path(path))) for path in (oldpath, newpath))
        name = self._upload(newpath)
        uploaded = self._upload(oldpath) and self._is_part(oldpath)
        arrives = uploaded and name is not None and not self._is_part(newpath)
        taken = not uploaded and new == old.parent / "taken" / old.name
        if not (arrives or taken):
            raise asyncssh.SFTPPermissionDenied("uploads get their name, answers go to taken")
        if await asyncio.to_thread(new.exists):
            raise asyncssh.SFTPFailure("a file of that name is there")
        if name is not None:
            await self._hindered(name)
        super().rename(oldpath, newpath)
        if name is not None:
            await asyncio.to_thread(receive_upload, self._bank, name)

    async def _hindered(self, name: str) -> None:
        slow = self._bank.misbehaviour(Misbehaviour.SLOW, name)
        if slow is not None:
            await asyncio.sleep(slow.seconds)
        if self._bank.misbehaviour(Misbehaviour.UNAVAILABLE, name):
            raise asyncssh.SFTPFailure("not available, try again later")

    def _is_part(self, path: bytes) -> bool:
        return os.fsdecode(path).endswith(_PART)

    def _upload(self, path: bytes) -> str | None:
        """The final name of a file in /inbox; None of any other path."""
        mapped = Path(os.fsdecode(self.map_path(path)))
        return mapped.name.removesuffix(_PART) if mapped.parent == self._root / "inbox" else None


class _Gate(asyncssh.SSHServer):
    """Lets the one client in, by its key or its password."""

    def __init__(self, user: str, password: str) -> None:
        self._user, self._password = user, password

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (self._user, self._password)


def receive_upload(bank: SimulatedBank, name: str) -> None:
    """Take a file that stands in /inbox under its final name."""
    path = bank.folder / "sftp" / "inbox" / name
    bank.receive(path.read_bytes(), name=name, file_id=name, transport="sftp")


def receive_left_over(bank: SimulatedBank) -> None:
    """Take what was uploaded whole when the bank stopped before it had noted it."""
    inbox = bank.folder / "sftp" / "inbox"
    inbox.mkdir(parents=True, exist_ok=True)
    known = {file.name for file in bank.received() if file.transport == "sftp"}
    for path in sorted(inbox.iterdir()):
        if path.suffix != _PART and path.name not in known:
            receive_upload(bank, path.name)


async def serve_sftp(
    bank: SimulatedBank, *, host_key: Path, client_key: Path, password: str
) -> asyncssh.SSHAcceptor:
    """Listen on a free port of loopback."""
    return await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=lambda: _Gate(bank.config.client_id, password),
        server_host_keys=[str(host_key)],
        authorized_client_keys=str(client_key),
        sftp_factory=lambda channel: BankFolder(channel, bank=bank),
        allow_scp=False,
    )
