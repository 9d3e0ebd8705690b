"""All formats of bank files: how each is recognised, read and written.

Belongs here: one row a format. A format is a module of `iso20022/`, `swift/`, `nacha/`, `fixed_width/`
or `delimited/`; nothing else of ours knows which there are.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pipelines.settlement.delimited import reader as delimited_reader
from pipelines.settlement.delimited import writer as delimited_writer
from pipelines.settlement.fixed_width import reader as fixed_width_reader
from pipelines.settlement.fixed_width import writer as fixed_width_writer
from pipelines.settlement.iso20022 import (
    read_message,
    write_camt056,
    write_camt060,
    write_pacs004,
    write_pacs008,
    write_pacs009,
    write_pacs028,
    write_pacs029,
    write_pain001,
    write_pain008,
)
from pipelines.settlement.nacha import reader as nacha_reader
from pipelines.settlement.nacha import writer as nacha_writer
from pipelines.settlement.reading import Reader
from pipelines.settlement.swift import payment_messages
from pipelines.settlement.swift import reader as swift_reader
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
    Readable("SWIFT FIN", swift_reader.recognise, swift_reader.read),
    Readable("NACHA", nacha_reader.recognise, nacha_reader.read),
    Readable("fixed width", fixed_width_reader.recognise, fixed_width_reader.read),
    Readable("delimited", delimited_reader.recognise, delimited_reader.read),
)
"""In the order in which they are tried: those that are surest of themselves first."""

WRITABLE: Mapping[str, Writer] = {
    "pain.001.001.09": write_pain001.write,
    "pain.008.001.08": write_pain008.write,
    "pacs.004.001.09": write_pacs004.write,
    "pacs.008.001.08": write_pacs008.write_v08,
    "pacs.008.001.10": write_pacs008.write_v10,
    "pacs.009.001.08": write_pacs009.write_core,
    "pacs.009.001.08-cov": write_pacs009.write_cover,
    "pacs.028.001.03": write_pacs028.write,
    "pacs.029.001.02": write_pacs029.write,
    "camt.056.001.08": write_camt056.write,
    "camt.060.001.05": write_camt060.write,
    "mt103": payment_messages.write_mt103,
    "mt202": payment_messages.write_mt202,
    "mt202cov": payment_messages.write_mt202cov,
    "nacha": nacha_writer.write,
    "nacha-return": nacha_writer.write_returns,
    "nacha-change": nacha_writer.write_changes,
    "eft180": fixed_width_writer.write,
    "delimited": delimited_writer.write,
}
"""By the name that `wgi files write --format` takes; each has a profile of the same name."""
