"""All formats of bank files: how each is recognised, read and written.

Belongs here: one row a format. A format is a module of `iso20022/`, `swift/`, `nacha/`, `fixed_width/`
or `delimited/`; nothing else of ours knows which there are.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pipelines.settlement.iso20022 import read_message
from pipelines.settlement.reading import Reader
from pipelines.settlement.swift import reader as swift_fin
from pipelines.settlement.writing import Writer

HEAD_BYTES = 64 * 1024
"""How much of a file it is recognised by."""


@dataclass(frozen=True, slots=True)
class Readable:
    """A format, or a family of formats, that can be read."""

    name: str
    recognise: Callable[[bytes], bool]
    """Whether a file that begins with these bytes (`HEAD_BYTES` at most) is of it; never raises."""
    read: Reader


READABLE: tuple[Readable, ...] = (
    Readable("ISO 20022", read_message.recognise, read_message.read),
    Readable("swift-fin", swift_fin.recognise, swift_fin.read),
)
"""In the order in which they are tried: those that are surest of themselves first."""

WRITABLE: Mapping[str, Writer] = {}
"""By the name that `wgi files write --format` takes; each has a profile of the same name."""
