"""ISO 20022 messages as streams of bytes: one of a batch, or many of a day at once.

Belongs here: what all messages have in common, from the XML declaration to the last closing tag. What
stands in one is its `Definition`, in the module of its name. Records are rendered by the chunk, so that
a file of any length takes the memory of a chunk, and a thousand small messages cost as much as one.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, groupby
from operator import itemgetter

import polars as pl

from pipelines.settlement.iso20022.columns import SOURCES, contents
from pipelines.settlement.iso20022.elements import Markup, Record, constant, element, sequence
from pipelines.settlement.iso20022.envelope import application_header
from pipelines.settlement.iso20022.texts import utf8
from pipelines.settlement.payment_batch import PAYMENT_BATCH
from pipelines.settlement.problems import FileRefused
from pipelines.settlement.profile import Profile

CHUNK_RECORDS = 20_000
"""Records rendered at a time: bounds the memory of a file of any length."""

Part = Callable[[Record, Profile], Markup | None]
"""What renders a part of a message from columns, as a profile wants it."""


@dataclass(frozen=True, slots=True)
class Group:
    """A level between message and record, such as the PmtInf of a pain.001."""

    by: tuple[str, ...]
    """Columns in which the records of a group agree."""
    opening: Part
    """From the columns of its first record and group_id, group_transactions, group_sum."""
    closing: str


@dataclass(frozen=True)
class Definition:
    """What stands in one message."""

    name: str
    """As ISO 20022 names it: pacs.008.001.08."""
    root: str
    """The element below Document."""
    header: Part
    """Everything before the records, from the columns of `heads.py`."""
    record: Part
    """One record, from the columns of a payment and those that `columns.py` makes of them."""
    after: str = ""
    """What closes, below the root, after the last record."""
    group: Group | None = None
    required: tuple[str, ...] = ()
    """Columns of a payment batch without which there is no record."""
    ignored: tuple[str, ...] = ()
    """Columns that every payment batch has to have, and this message has no place for."""

    @property
    def namespace(self) -> str:
        """Of its Document."""
        return f"urn:iso:std:iso:20022:tech:xsd:{self.name}"

    def said(self, profile: Profile) -> frozenset[str]:
        """Columns of a payment batch that have a place in this message."""
        record = Record(pl.DataFrame({name: [""] for name in (*PAYMENT_BATCH, *SOURCES)}))
        self.record(record, profile)
        if self.group is not None:
            self.group.opening(record, profile)
            record.asked.update(self.group.by)
        sources = {source for name in record.asked for source in SOURCES.get(name, (name,))}
        return frozenset(sources & PAYMENT_BATCH.keys())

    def refuse_columns_not_said(self, payments: pl.DataFrame, profile: Profile) -> None:
        """Raise `FileRefused` for the first column with values that this message has no place for."""
        said = self.said(profile)
        for name in PAYMENT_BATCH:
            if name not in said and name not in self.ignored and payments[name].count():
                sentence = f"{self.name} has no place for it: leave the column out"
                raise FileRefused("column_not_in_format", name, sentence)


@dataclass(frozen=True)
class Messages:
    """Messages of one definition, ready to be streamed.

    `heads` has a row a message (columns as `heads.py` says), `rows` their records with exponents, those
    of a message together and in the order of the heads. `rows` has `message_id` when there are several.
    """

    definition: Definition
    profile: Profile
    heads: pl.DataFrame
    rows: pl.DataFrame

    def documents(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Each message's id and its UTF-8 bytes in pieces, to be consumed in order."""
        openings = iter(self._openings)
        for message_id, pieces in groupby(self._pieces(), key=itemgetter(0)):
            records = (piece for _, piece in pieces)
            yield message_id, chain([next(openings).encode()], records, [self._closing.encode()])

    @cached_property
    def _enveloped(self) -> bool:
        return "envelope" in self.profile.settings

    @cached_property
    def _says_uetr(self) -> bool:
        return "uetr" in self.definition.said(self.profile)

    @cached_property
    def _openings(self) -> pl.Series:
        heads = contents(self.heads)
        record = Record(heads)
        name = self.definition.name
        before = application_header(record, self.profile, name) if self._enveloped else None
        opening = sequence(
            constant('<?xml version="1.0" encoding="UTF-8"?>\n'),
            before,
            constant(f'<Document xmlns="{self.definition.namespace}">\n<{self.definition.root}>\n'),
            self.definition.header(record, self.profile),
        )
        return _texts(heads, opening)

    @cached_property
    def _closing(self) -> str:
        group = self.definition.group
        grouped = "" if group is None else f"{group.closing}\n"
        enveloped = "</Envelope>\n" if self._enveloped else ""
        return f"{grouped}{self.definition.after}</{self.definition.root}>\n</Document>\n{enveloped}"

    def _pieces(self) -> Iterator[tuple[str, bytes]]:
        """Chunks of records, cut at message borders."""
        several = "message_id" in self.rows.columns
        only = None if several else str(self.heads["message_id"][0])
        for start in range(0, self.rows.height, CHUNK_RECORDS):
            chunk = self.rows.slice(start, CHUNK_RECORDS)
            records = self._rendered(chunk, only)
            if only is not None:
                yield only, utf8(records)
                continue
            first = 0
            for length, message_id in chunk["message_id"].rle().struct.unnest().iter_rows():
                yield message_id, utf8(records.slice(first, length))
                first += length

    def _rendered(self, chunk: pl.DataFrame, message_id: str | None) -> pl.Series:
        content = contents(chunk, message_id=message_id if self._says_uetr else None)
        records = _texts(content, self.definition.record(Record(content), self.profile))
        group = self.definition.group
        if group is None:
            return records
        firsts = content.filter("group_opens")
        if firsts.is_empty():
            return records
        closing = pl.when(pl.col("group_number") == 0).then(pl.lit("")).otherwise(pl.lit(group.closing))
        opening = group.opening(Record(firsts), self.profile)
        opened = _texts(firsts, sequence(Markup("{}\n", (closing,)), opening))
        where = content["group_opens"].arg_true()
        before = pl.Series("before", [""]).new_from_index(0, content.height).scatter(where, opened)
        return before + records


def _texts(frame: pl.DataFrame, markup: Markup | None) -> pl.Series:
    """The XML of each row."""
    if markup is None:
        return pl.repeat("", frame.height, eager=True)
    return frame.select(
        pl.repeat("", pl.len()) if not markup.values else markup.expression()
    ).to_series()


def line(tag: str, *content: Markup | None) -> Markup | None:
    """An element on a line of its own: a record, a header."""
    return sequence(element(tag, *content), constant("\n"))
