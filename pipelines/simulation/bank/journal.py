"""What a simulated bank did, in order, so that one that was stopped knows it when it starts again.

Belongs here: lines of JSON in one file, those of a step written and forced to the disk at once; the
line that a stopped process left half written is dropped. Contents are kept beside it by their hash.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

Line = dict[str, Any]


class Journal:
    """The journal of one bank in a folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "journal.jsonl"
        self._contents = folder / "contents"
        self._contents.mkdir(parents=True, exist_ok=True)
        self.lines: list[Line] = []
        if self._path.exists():
            written = self._path.read_bytes()
            whole = written[: written.rfind(b"\n") + 1]
            if whole != written:
                os.truncate(self._path, len(whole))
            self.lines = [json.loads(line) for line in whole.splitlines()]

    def add(self, lines: list[Line]) -> None:
        """Keep the lines of one step: all of them or none."""
        text = "".join(json.dumps(line, sort_keys=True) + "\n" for line in lines)
        with self._path.open("ab") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        self.lines += lines

    def keep(self, content: bytes) -> str:
        """Keep a content; its SHA-256 in hexadecimal."""
        digest = hashlib.sha256(content).hexdigest()
        path = self._contents / digest
        if not path.exists():
            part = path.with_suffix(".part")
            part.write_bytes(content)
            part.replace(path)
        return digest

    def content(self, digest: str) -> bytes:
        """What was kept under that hash."""
        return (self._contents / digest).read_bytes()
