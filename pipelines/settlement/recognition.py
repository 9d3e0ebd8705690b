"""Reading a bank file of unknown kind: what it is, and what it holds.

Belongs here: from a path to a summary, whatever the path leads to. Nothing that a file contains makes
this raise: what cannot be read is refused with a code, a place and a sentence.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.settlement.formats import HEAD_BYTES, READABLE, Readable
from pipelines.settlement.problems import FileRefused
from pipelines.settlement.reading import Part, Summary, summarise

_PACKED = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"\x28\xb5\x2f\xfd": "zstandard",
}
_PGP_ARMOUR = b"-----BEGIN PGP MESSAGE-----"


@dataclass(frozen=True, slots=True)
class FileRead:
    """One file: its summary, or why there is none."""

    path: Path
    size: int
    """Octets; 0 where it could not be opened."""
    sha256: str
    """Empty where it could not be opened."""
    summary: Summary | None
    refused: FileRefused | None


def read_file(path: Path, *, among: Sequence[Readable] = READABLE) -> FileRead:
    """Recognise and read one file, in bounded memory."""
    try:
        size, digest = path.stat().st_size if path.is_file() else 0, _digest(path)
    except OSError as error:
        refused = FileRefused("unreadable", path.name, error.strerror or str(error))
        return FileRead(path, 0, "", None, refused)
    except FileRefused as refused:
        return FileRead(path, 0, "", None, refused)
    try:
        summary = summarise(parts_of(path, among=among))
    except FileRefused as refused:
        return FileRead(path, size, digest, None, refused)
    except Exception as error:
        sentence = f"its reader failed with {type(error).__name__}: {error}; please report the file"
        return FileRead(path, size, digest, None, FileRefused("reader_failed", "file", sentence))
    return FileRead(path, size, digest, summary, None)


def parts_of(path: Path, *, among: Sequence[Readable] = READABLE) -> Iterator[Part]:
    """The parts of a file. Raises `FileRefused` where it is of no kind that is known, or broken."""
    with path.open("rb") as source:
        readable = recognised(source.read(HEAD_BYTES), among=among)
        source.seek(0)
        yield from readable.read(source)


def recognised(head: bytes, *, among: Sequence[Readable] = READABLE) -> Readable:
    """The format of a file that begins so. Raises `FileRefused` when none is like it."""
    if not head.strip(b"\x00 \t\r\n"):
        raise FileRefused("empty", "file", "it is empty")
    for beginning, name in _PACKED.items():
        if head.startswith(beginning):
            raise FileRefused("packed", "file", f"it is packed with {name}: unpack it first")
    if head.lstrip().startswith(_PGP_ARMOUR):
        raise FileRefused("encrypted", "file", "it is encrypted by OpenPGP: decrypt it first")
    for readable in among:
        if readable.recognise(head):
            return readable
    names = ", ".join(readable.name for readable in among)
    raise FileRefused("format_unknown", "file", f"it is of no format that is read here: {names}")


def _digest(path: Path) -> str:
    if not path.is_file():
        raise FileRefused("not_a_file", path.name, "there is no regular file of that name")
    with path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()
