"""Whatever the bytes are, the reader reads or refuses them, and never gives money that is not there."""

import random
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipelines.settlement.iso20022 import read_text
from pipelines.settlement.iso20022.read_message import read, recognise
from pipelines.settlement.iso20022.read_shapes import Shapes
from pipelines.settlement.problems import FileRefused
from pipelines.settlement.reading import Part, Records, Refused

BEFORE = (
    '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>'
    "<GrpHdr><MsgId>M</MsgId><CreDtTm>2026-03-02T10:00:00</CreDtTm></GrpHdr>"
    "<Stmt><Id>S</Id><Acct><Id><Othr><Id>7</Id></Othr></Id></Acct>"
)
ENTRY = (
    '<Ntry><Amt Ccy="KES">1.25</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>'
    "<BookgDt><Dt>2026-03-02</Dt></BookgDt><NtryDtls><TxDtls><Refs><EndToEndId>E</EndToEndId></Refs>"
    "</TxDtls></NtryDtls></Ntry>"
)
AFTER = "</Stmt></BkToCstmrStmt></Document>"


def statement(*entries: str) -> str:
    return BEFORE + "".join(entries) + AFTER


def parts_of(content: str | bytes) -> list[Part]:
    return list(read(BytesIO(content.encode() if isinstance(content, str) else content)))


def rows_of(parts: list[Part]) -> pl.DataFrame:
    return pl.concat([part.frame for part in parts if isinstance(part, Records)])


def refusals(parts: list[Part]) -> list[tuple[str, str | None, str]]:
    return [(one.place, one.field, one.code) for one in parts if isinstance(one, Refused)]


LAUGHS = '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>' + statement(ENTRY)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", "empty"),
        (" \n ", "empty"),
        ("no markup", "not_well_formed"),
        ("<a><b></a>", "not_well_formed"),
        (LAUGHS, "doctype"),
        ('<!DOCTYPE a SYSTEM "file:///etc/hostname"><a/>', "doctype"),
        (statement(ENTRY.replace("1.25", "&who;")), "not_well_formed"),
        ("<a>" * 10_000, "too_deep"),
        (BEFORE + "<Ntry>" + "<x>" * 10_000, "too_deep"),
        (statement(ENTRY.replace("1.25", "1" * 3_000_000)), "token_too_long"),
        (statement(f"<!--{'-x' * 2_000_000}-->"), "token_too_long"),
        ("<Document><BkToCstmrStmt/></Document>", "message_unknown"),
        ('<Document xmlns="urn:example"><a/></Document>', "message_unknown"),
        (statement(ENTRY).replace("camt.053", "admi.004"), "message_unknown"),
        (statement(ENTRY).replace("001.08", "001.99"), "version_unknown"),
        ('<?xml version="1.0" encoding="rot13"?>' + statement(ENTRY), "encoding_unknown"),
        (b'<?xml version="1.0" encoding="UTF-8"?><a>\xff</a>', "encoding_wrong"),
    ],
)
def test_a_file_that_cannot_be_trusted_is_refused(content: str | bytes, code: str) -> None:
    with pytest.raises(FileRefused) as refused:
        parts_of(content)
    assert refused.value.code == code


@pytest.mark.parametrize(
    "content",
    [
        statement(ENTRY).encode("utf-16"),
        statement(ENTRY).encode("utf-16-be"),
        b"\xef\xbb\xbf \n" + statement(ENTRY).encode(),
        b'<?xml version="1.0" encoding="ISO-8859-1"?>' + statement(ENTRY).encode("latin-1"),
        statement(ENTRY)
        .replace("<", "<n:")
        .replace("<n:/", "</n:")
        .replace("xmlns=", "xmlns:n=")
        .encode(),
        f"<a><b>{statement(ENTRY)}</b></a>".encode(),
        statement(ENTRY.replace("1.25", "1<!-- 7 -->.<?x 8?><![CDATA[25]]>")).encode(),
        statement(ENTRY.replace("1.25", "&#49;.25")).encode(),
        statement(ENTRY.replace("Ccy=", "x='>9.00' Ccy=")).encode(),
        statement(ENTRY.replace("</Ntry>", "</Ntry \n>")).encode(),
        statement(ENTRY.replace("</Ntry>", "<AddtlNtryInf>a > b</AddtlNtryInf></Ntry>")).encode(),
    ],
)
def test_one_entry_is_one_entry_in_any_dress(content: bytes) -> None:
    assert recognise(content)
    (row,) = rows_of(parts_of(content)).to_dicts()
    assert (row["amount_minor"], row["currency"], row["end_to_end_id"]) == (125, "KES", "E")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (('Ccy="KES"', ""), ("amount", "unknown_currency")),
        (('Ccy="KES"', 'Ccy="XQX"'), ("amount", "unknown_currency")),
        (("1.25", "1,25"), ("amount", "not_a_number")),
        (("1.25", "-1.25"), ("amount", "negative")),
        (("1.25", "1.250"), ("amount", "too_many_decimals")),
        (("1.25", "NaN"), ("amount", "not_a_number")),
        (("1.25", "9" * 30), ("amount", "amount_overflow")),
        (("1.25", ""), ("amount", "missing")),
        (("CRDT", "BOTH"), ("direction", "direction_unknown")),
        (("2026-03-02", "2026-02-30"), ("booking_date", "not_a_date")),
        (("2026-03-02", "02.03.2026"), ("booking_date", "not_a_date")),
        (("<Cd>BOOK</Cd>", ""), ("status", "missing")),
    ],
)
def test_one_bad_entry_is_refused_and_the_others_are_read(
    change: tuple[str, str], problem: tuple[str, str]
) -> None:
    parts = parts_of(statement(ENTRY, ENTRY.replace(*change), ENTRY))
    assert refusals(parts) == [("Stmt 1 Ntry 2", *problem)]
    assert rows_of(parts)["entry"].to_list() == [1, 3]


def test_a_file_that_ends_early_is_kept_up_to_there() -> None:
    parts = parts_of(statement(ENTRY, ENTRY, ENTRY)[: -len(AFTER) - 20])
    assert rows_of(parts)["entry"].to_list() == [1, 2]
    (refused,) = [part for part in parts if isinstance(part, Refused)]
    assert refused.code == "truncated"
    assert "Stmt 1 Ntry 3" in refused.place


def test_declared_totals_that_are_not_found_are_told() -> None:
    summary = (
        "<TxsSummry><TtlNtries><NbOfNtries>3</NbOfNtries><Sum>2.50</Sum></TtlNtries>"
        "<TtlCdtNtries><NbOfNtries>2</NbOfNtries><Sum>9</Sum></TtlCdtNtries></TxsSummry>"
    )
    parts = parts_of(statement(summary, ENTRY, ENTRY))
    assert refusals(parts) == [
        ("Stmt 1 TxsSummry/TtlNtries", "NbOfNtries", "control_total"),
        ("Stmt 1 TxsSummry/TtlCdtNtries", "Sum", "control_total"),
    ]


def test_statements_of_one_id_are_told_apart() -> None:
    content = f"<a>{statement(ENTRY)}{statement(ENTRY)}</a>"
    rows = rows_of(parts_of(content))
    assert rows["message_id"].to_list() == ["S", "S (2)"]
    assert rows["place"].to_list() == ["Stmt 1 Ntry 1", "Message 2 Stmt 1 Ntry 1"]


def batch(transactions: int) -> str:
    one = '<TxDtls><Refs><EndToEndId>E{}</EndToEndId></Refs><Amt Ccy="KES">0.25</Amt></TxDtls>'
    return (
        ENTRY.partition("<TxDtls>")[0]
        + "".join(map(one.format, range(transactions)))
        + "</NtryDtls></Ntry>"
    )


def test_a_batch_entry_longer_than_what_is_held_is_read() -> None:
    rows = rows_of(parts_of(statement(ENTRY, batch(12_000), ENTRY)))
    assert rows.filter(detail=0)["amount_minor"].to_list() == [125, 125, 125]
    details = rows.filter(pl.col("detail") > 0)
    assert details["detail"].to_list() == list(range(1, 12_001))
    assert details["end_to_end_id"].to_list() == [f"E{number}" for number in range(12_000)]
    assert details["row"].unique().to_list() == [2]


def _texts() -> st.SearchStrategy[str]:
    return st.sampled_from(["", "a", "&amp;b", "c>d", "<!-- e -->f", "<![CDATA[<g>]]>", " h "])


@st.composite
def _entries(draw: st.DrawFn) -> str:
    details = draw(st.integers(0, 3))
    one = (
        "<TxDtls><Refs><EndToEndId>{}</EndToEndId></Refs>"
        "<RmtInf><Ustrd>{}</Ustrd><Ustrd>{}</Ustrd></RmtInf></TxDtls>"
    )
    inside = "".join(one.format(draw(_texts()), draw(_texts()), draw(_texts())) for _ in range(details))
    information = draw(st.sampled_from(["", "<AddtlNtryInf>{}</AddtlNtryInf>", "<X><Ntry/>{}</X>"]))
    return (
        ENTRY.partition("<TxDtls>")[0]
        + inside
        + "</NtryDtls>"
        + information.format(draw(_texts()))
        + "</Ntry>"
    )


@settings(deadline=None, max_examples=60)
@given(entries=st.lists(_entries(), max_size=8), octets=st.integers(1, 90))
def test_reading_by_shape_is_reading_by_walk_in_any_pieces(entries: list[str], octets: int) -> None:
    content = statement(*entries)
    by_shape = parts_of(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Shapes, "cells", lambda *_: None)
        patch.setattr(read_text, "CHUNK_OCTETS", octets)
        by_walk = parts_of(content)
    assert len(by_shape) == len(by_walk)
    for one, other in zip(by_shape, by_walk, strict=True):
        if isinstance(one, Records) and isinstance(other, Records):
            assert one.frame.equals(other.frame)
        else:
            assert one == other


@settings(deadline=None, max_examples=80)
@given(content=st.binary(max_size=300))
@example(content=b"<?xml")
@example(content=b"\xff\xfe<")
def test_any_bytes_are_refused(content: bytes) -> None:
    recognise(content)
    with pytest.raises(FileRefused):
        parts_of(content)


def flipped(content: bytes, *, seed: int, times: int) -> Iterator[bytes]:
    draw = random.Random(seed)
    for _ in range(times):
        changed = bytearray(content)
        for _ in range(draw.randint(1, 3)):
            changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
        yield bytes(changed)


def test_a_flipped_bit_never_gives_money_that_is_not_there(shared_data: Path) -> None:
    folders = (shared_data / "statements" / "camt", shared_data / "iso20022" / "examples")
    for path in sorted(path for folder in folders for path in folder.glob("*.xml")):
        content = path.read_bytes()
        for changed in flipped(content, seed=len(content), times=8):
            try:
                parts = parts_of(changed)
            except FileRefused:
                continue
            for part in parts:
                if isinstance(part, Records) and part.frame["amount_minor"].count():
                    for minor in part.frame["amount_minor"].drop_nulls():
                        whole, cents = divmod(minor, 100)
                        said = (f"{whole}.{cents:02}", f"{whole}.{cents // 10}", f"{whole}", f"{minor}")
                        assert any(f">{text}<".encode() in changed for text in said), path.name
