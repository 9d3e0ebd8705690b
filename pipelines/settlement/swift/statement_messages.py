"""MT940, MT942 and MT950 written from the entries and balances of statements, set-based.

Belongs here: what a bank sends of its customers' accounts; the simulated banks answer with it. One
message a statement, in the order given. Field 86 is written in ISO code words between slashes.
Reversals are RC and RD; an expected entry (PDNG) is EC or ED, in an MT942 alone.
"""

from collections.abc import Iterator, Mapping

import polars as pl

from pipelines.settlement.problems import FileRefused
from pipelines.settlement.reading import ENTRIES_READ
from pipelines.settlement.swift.envelope import SEPARATORS, headers
from pipelines.settlement.swift.texts import (
    LINE_END,
    REFERENCE,
    field,
    message,
    refuse,
    with_amount,
)
from pipelines.settlement.writing import FileIdentity

STATEMENTS_WRITTEN: Mapping[str, pl.DataType | type[pl.DataType]] = {
    "message_id": pl.String,  # reference of the statement, 16x; that of its entries
    "account": pl.String,
    "number": pl.UInt32,
    "currency": pl.String,
    "opened_on": pl.Date,
    "opening_minor": pl.Int64,  # negative when a debit balance; not used of an MT942
    "closed_on": pl.Date,
    "closing_minor": pl.Int64,
    "available_minor": pl.Int64,  # null when it is not said
}
"""A statement's balances: one row a statement."""

_NEEDED = (
    "message_id", "currency", "amount_minor", "direction", "reversal", "status", "booking_date",
    "value_date", "transaction_code", "bank_reference", "instruction_id", "end_to_end_id", "mandate_id",
    "uetr", "counterparty_name", "counterparty_account", "counterparty_agent", "remittance",
)  # fmt: skip
_WORDS = (
    ("IBAN", "counterparty_account"), ("BIC", "counterparty_agent"), ("NAME", "counterparty_name"),
    ("EREF", "end_to_end_id"), ("MARF", "mandate_id"), ("UETR", "uetr"), ("REMI", "remittance"),
)  # fmt: skip
_DETAILS_WIDTH, _DETAILS_LINES = 65, 6
_CHUNK = 5_000


def write_statements(
    entries: pl.DataFrame, statements: pl.DataFrame, *, kind: str, identity: FileIdentity
) -> Iterator[bytes]:
    """Messages of `kind` (MT940, MT942, MT950), one a row of `statements` (`STATEMENTS_WRITTEN`).

    `entries` has the columns of `ENTRIES_READ` that are needed, absent ones are null; each belongs to
    the statement of its `message_id`, in the order given. Raises `FileRefused` for what does not fit.
    """
    if kind not in {"MT940", "MT942", "MT950"}:
        raise FileRefused("not_sayable", kind, "statements are MT940, MT942 or MT950")
    rows = entries.select(
        (pl.col(name) if name in entries.columns else pl.lit(None)).cast(ENTRIES_READ[name]).alias(name)
        for name in _NEEDED
    ).with_row_index("row", offset=1)
    orphan = ~pl.col("message_id").is_in(statements["message_id"].implode())
    refuse(rows, orphan.fill_null(True), field="message_id", sentence="no statement has that reference")
    for first in range(0, statements.height, _CHUNK):
        chunk = statements.slice(first, _CHUNK).with_row_index("row", offset=first + 1)
        own = rows.filter(pl.col("message_id").is_in(chunk["message_id"].implode()))
        begins = headers(identity, kind=kind[2:])
        texts = _statements(chunk, _entries(own, kind), kind=kind, identity=identity, begins=begins)
        yield ("" if first == 0 else SEPARATORS["lines"]).encode() + texts.encode("ascii")


def _entries(rows: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Fields 61 and 86 of all entries of a statement, and the sums of an MT942."""
    missing = pl.col("value_date").is_null()
    refuse(rows, missing, field="value_date", sentence="field 61 has a value date")
    known = pl.col("direction").is_in(["C", "D"]).fill_null(False)
    refuse(rows, ~known, field="direction", sentence="it is C or D")
    expected = pl.col("status") == "PDNG"
    wrong = expected if kind != "MT942" else expected & pl.col("reversal")
    refuse(rows, wrong, field="status", sentence=f"an {kind} cannot say that it is expected")
    rows = with_amount(
        rows, minor="amount_minor", currency="currency", on="value_date", written="amount"
    )
    code = pl.col("transaction_code").fill_null("NMSC")
    refuse(
        rows, ~code.str.contains("^[A-Z][A-Z0-9]{3}$"), field="transaction_code",
        sentence="field 61 has a letter and three letters or digits, such as NTRF",
    )  # fmt: skip
    for name in ("instruction_id", "bank_reference"):
        bad = ~pl.col(name).str.contains(REFERENCE)
        refuse(rows, bad, field=name, sentence="a reference has 16 characters, no slash at its ends")
    opposite = pl.col("direction").replace_strict({"C": "RD", "D": "RC"}, default=None)
    mark = (
        pl.when(pl.col("reversal").fill_null(False))
        .then(opposite)
        .when(expected.fill_null(False))
        .then(pl.lit("E") + pl.col("direction"))
        .otherwise("direction")
    )
    line = pl.concat_str(
        pl.col("value_date").dt.strftime("%y%m%d"),
        pl.col("booking_date").dt.strftime("%m%d").fill_null(""),
        mark,
        "amount",
        code,
        pl.col("instruction_id").fill_null("NONREF"),
        pl.concat_str(pl.lit("//"), "bank_reference").fill_null(""),
    )
    words = [pl.concat_str(pl.lit(f"/{word}/"), pl.col(name)) for word, name in _WORDS]
    told = pl.concat_str(words, ignore_nulls=True)
    rows = rows.with_columns(line=field("61", line), told=told)
    if kind != "MT950":
        rows = rows.with_columns(told=_folded(rows["told"]))
        long = pl.col("told").str.count_matches(LINE_END, literal=True) >= _DETAILS_LINES
        refuse(rows, long, field="remittance", sentence="field 86 has six lines of 65 characters")
        details = field("86", pl.when(pl.col("told") != "").then("told"))
        rows = rows.with_columns(line=message([pl.col("line"), details]))
    amount = pl.col("amount_minor").cast(pl.Int128)
    moved = rows.with_columns(mark=mark.str.slice(-1)).group_by("message_id", maintain_order=True)
    return moved.agg(
        lines=pl.col("line").str.join(""),
        **{f"count_{side}": (pl.col("mark") == side).sum() for side in "DC"},
        **{f"sum_{side}": amount.filter(pl.col("mark") == side).sum() for side in "DC"},
    )


def _folded(texts: pl.Series) -> pl.Series:
    """Texts on lines that are full, so that whoever joins them has the text again.

    Only where a plain cut would end a line with a blank, or begin one as a field or message ends, is a
    text cut one by one.
    """
    lines = texts.str.extract_all(f".{{1,{_DETAILS_WIDTH}}}")
    folded = lines.list.join(LINE_END)
    odd = folded.str.contains(f" {LINE_END}|{LINE_END}[:-]").fill_null(False)
    if odd.any():
        cut = texts.filter(odd).map_elements(_folded_at_leisure, return_dtype=pl.String)
        folded = folded.scatter(odd.arg_true(), cut)
    return folded


def _folded_at_leisure(text: str) -> str:
    lines, begun = [], 0
    while begun < len(text):
        ends = begun + _DETAILS_WIDTH
        while begun + 1 < ends < len(text) and (text[ends] in ":-" or text[ends - 1] == " "):
            ends -= 1
        lines.append(text[begun:ends])
        begun = ends
    return LINE_END.join(lines)


def _statements(
    chunk: pl.DataFrame, entries: pl.DataFrame, *, kind: str, identity: FileIdentity, begins: str
) -> str:
    bad = ~pl.col("message_id").str.contains(REFERENCE)
    refuse(
        chunk, bad, field="message_id", sentence="a reference has 16 characters, no slash at its ends"
    )
    other = ~pl.col("account").str.contains("^[a-zA-Z0-9/\\-?:().,'+ ]{1,35}$")
    refuse(
        chunk, other | pl.col("account").is_null(), field="account", sentence="it has 1 to 35 characters"
    )
    refuse(chunk, pl.col("number") > 99_999, field="number", sentence="it has at most five digits")
    rows = chunk.join(entries, on="message_id", how="left", maintain_order="left").with_columns(
        pl.col("count_D", "count_C", "sum_D", "sum_C").fill_null(0)
    )
    rows = _with_balances(rows, kind)
    head = [
        field("20", pl.col("message_id")),
        field("25", pl.col("account")),
        field("28C", pl.format("{}/1", pl.col("number"))),
    ]
    if kind == "MT942":
        created = identity.created_at.strftime("%y%m%d%H%M%z")
        sums = [
            field(f"90{side}", pl.concat_str(f"count_{side}", "currency", f"sum_{side}_text"))
            for side in "DC"
        ]
        floor = field("34F", pl.concat_str("currency", pl.lit("0,")))
        text = message([*head, floor, field("13D", pl.lit(created)), pl.col("lines"), *sums])
    else:
        text = message(
            [*head, pl.col("opening"), pl.col("lines"), pl.col("closing"), pl.col("available")]
        )
    whole = pl.concat_str(pl.lit(f"{begins}{{4:"), text, pl.lit(f"{LINE_END}-}}{LINE_END}"))
    texts: str = rows.select(whole.str.join("")).item()
    if not texts.isascii():
        raise FileRefused("not_sayable", chunk["message_id"].item(0), "it has characters not of set x")
    return texts


def _with_balances(rows: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Fields 60F, 62F and 64, or the sums of an MT942 as texts."""
    if kind == "MT942":
        for side in "DC":
            rows = with_amount(
                rows,
                minor=f"sum_{side}",
                currency="currency",
                on="closed_on",
                written=f"sum_{side}_text",
            )
        return rows
    for name, tag, on, written in (
        ("opening_minor", "60F", "opened_on", "opening"),
        ("closing_minor", "62F", "closed_on", "closing"),
        ("available_minor", "64", "closed_on", "available"),
    ):
        rows = with_amount(rows, minor=name, currency="currency", on=on, written="stated")
        mark = pl.when(pl.col(name) < 0).then(pl.lit("D")).otherwise(pl.lit("C"))
        text = pl.concat_str(mark, pl.col(on).dt.strftime("%y%m%d"), "currency", "stated")
        rows = rows.with_columns(field(tag, text).alias(written)).drop("stated")
    return rows
