"""Reading delimited text that may be broken in any way, without ever failing and with line numbers.

Every physical line is one record, so that one unbalanced quote spoils its own row and no other; a
quoted field may hold separators and doubled quotes, not line breaks. Nothing is typed here: all fields
are text, an empty one is null.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from ledger_service.payments.quarantine import (
    Refusal,
    empty_quarantine,
    refused_file,
    refused_rows,
)

FILE_LIMIT_BYTES: Final = 512 * 1024 * 1024
"""Larger files are refused unread."""


@dataclass(frozen=True, slots=True)
class DelimitedFile:
    """What was read of a file.

    `rows`: row (Int64, 1-based line), the asked columns (String, null where empty), content (the line
    as received). `quarantine` has `QUARANTINE_SCHEMA`. `received` counts the lines after the header
    that are not blank.
    """

    rows: pl.DataFrame
    quarantine: pl.DataFrame
    sha256: str
    received: int


def read_delimited(
    data: bytes, *, source_file: str, columns: Sequence[str], separator: str = ","
) -> DelimitedFile:
    """Read `columns` of a file with a header line, in any order; surplus columns are passed over."""
    sha256 = hashlib.sha256(data).hexdigest()

    def refused(code: Refusal, value: str = "") -> DelimitedFile:
        return DelimitedFile(_no_rows(columns), refused_file(source_file, code, value=value), sha256, 0)

    if len(data) > FILE_LIMIT_BYTES:
        return refused(Refusal.FILE_TOO_LARGE, str(len(data)))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return refused(Refusal.NOT_UTF8, f"byte {error.start} is {data[error.start]:#04x}")
    if not text.strip():
        return refused(Refusal.EMPTY_FILE)
    first, *rest = text.split("\n")
    header = [name.strip().strip('"') for name in first.removesuffix("\r").split(separator)]
    if missing := [name for name in columns if name not in header]:
        return refused(Refusal.MISSING_COLUMNS, ", ".join(missing))
    if repeated := [name for name in columns if header.count(name) > 1]:
        return refused(Refusal.DUPLICATE_COLUMNS, ", ".join(repeated))
    lines = (
        pl.DataFrame({"content": rest}, schema={"content": pl.String})
        .with_columns(pl.col("content").str.strip_suffix("\r"))
        .with_columns(row=pl.int_range(2, pl.len() + 2, dtype=pl.Int64))
        .filter(pl.col("content") != "")
    )
    split, quarantine = _split(lines, width=len(header), source_file=source_file, separator=separator)
    fields = {name: pl.col("fields").list.get(header.index(name)).replace("", None) for name in columns}
    rows = split.select("row", **fields, content="content")
    return DelimitedFile(rows, quarantine, sha256, lines.height)


def _no_rows(columns: Sequence[str]) -> pl.DataFrame:
    return pl.DataFrame(
        schema={"row": pl.Int64, **dict.fromkeys(columns, pl.String), "content": pl.String}
    )


def _split(
    lines: pl.DataFrame, *, width: int, source_file: str, separator: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The sound lines with their list `fields` of `width`, and the broken lines as quarantine."""
    field = f'(?:"(?:[^"]|"")*"|[^"{separator}]*)'
    content = pl.col("content")
    judged = lines.with_columns(
        control=content.str.contains(r"[\x00-\x08\x0a-\x1f\x7f]"),
        quoted=content.str.contains('"', literal=True),
    ).with_columns(broken=pl.col("quoted") & ~content.str.contains(f"^{field}(?:{separator}{field})*$"))
    sound = judged.filter(~pl.col("control"), ~pl.col("broken"))
    bare = sound.filter(~pl.col("quoted")).with_columns(fields=content.str.split(separator))
    # Led by a separator, every field is one match, and no match is empty.
    matches = (pl.lit(separator) + content).str.extract_all(separator + field)
    unquoted = (
        pl.element().str.strip_prefix(separator).str.replace('^"(.*)"$', "$1").str.replace_all('""', '"')
    )
    quoted = sound.filter("quoted").with_columns(fields=matches.list.eval(unquoted))
    split = pl.concat([bare, quoted]).sort("row").with_columns(count=pl.col("fields").list.len())
    fits = pl.col("count") == width
    quarantine = [
        _refused(judged.filter("control"), Refusal.CONTROL_CHARACTER, source_file),
        _refused(judged.filter(~pl.col("control"), "broken"), Refusal.BROKEN_QUOTES, source_file),
        _refused(split.filter(~fits), Refusal.WRONG_COLUMNS, source_file, pl.col("count")),
    ]
    return split.filter(fits), pl.concat([empty_quarantine(), *quarantine])


def _refused(
    rows: pl.DataFrame, code: Refusal, source_file: str, value: pl.Expr | None = None
) -> pl.DataFrame:
    readable = rows.with_columns(
        pl.col("content").str.replace_all(r"[\x00-\x08\x0a-\x1f\x7f]", "\N{REPLACEMENT CHARACTER}")
    )
    return refused_rows(
        readable, code, source_file=source_file, field="", value=pl.lit("") if value is None else value
    )
