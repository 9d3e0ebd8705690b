"""Uploads over HTTPS that are not whole yet: their bytes and the digest that the client announced.

Belongs here: resuming one where it ended, and refusing pieces of something else.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path


class UploadRefused(ValueError):
    """A piece that does not belong where it was sent: `status` is HTTP's, `kind` stable."""

    def __init__(self, status: int, kind: str, detail: str) -> None:
        self.status = status
        self.kind = kind
        super().__init__(detail)


@dataclass(frozen=True, slots=True)
class Upload:
    """One file on its way."""

    path: Path
    sha256: str

    def size(self) -> int:
        """Bytes that have arrived."""
        return self.path.stat().st_size

    def append(self, data: bytes) -> None:
        """Keep the next bytes."""
        with self.path.open("ab") as file:
            file.write(data)

    def whole(self) -> bytes:
        """The content; raises `UploadRefused` and forgets it when it is not what was announced."""
        content = self.path.read_bytes()
        if hashlib.sha256(content).hexdigest() != self.sha256:
            self.forget()
            raise UploadRefused(409, "digest-differs", "the content is not that of Repr-Digest")
        return content

    def forget(self) -> None:
        """The upload is over."""
        self.path.unlink()
        self.path.with_suffix(".sha256").unlink()


class Uploads:
    """Those of one bank, in a folder; a restarted bank goes on with them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def size(self, file_id: str) -> int | None:
        """Bytes that the bank has of a file; None when it has not begun."""
        path = self._path(file_id)
        return path.stat().st_size if path.exists() else None

    def resume(self, file_id: str, *, sha256: str, offset: int) -> Upload:
        """The upload to go on with at `offset`; raises `UploadRefused`."""
        upload = Upload(self._path(file_id), sha256)
        announced = upload.path.with_suffix(".sha256")
        if not upload.path.exists():
            announced.write_text(sha256)
            upload.path.touch()
        elif announced.read_text() != sha256:
            raise UploadRefused(409, "content-differs", "another content was announced for this file")
        if offset != upload.size():
            raise UploadRefused(409, "offset-differs", f"the bank has {upload.size()} bytes")
        return upload

    def _path(self, file_id: str) -> Path:
        return self._folder / (hashlib.sha256(file_id.encode()).hexdigest() + ".part")
