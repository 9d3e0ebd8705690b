"""Reading camt.053: the real corpus, the arithmetic of a statement, and files that attack the reader."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from pipelines.reconciliation.camt053 import (
    Refusal,
    StatementFrames,
    StatementRefused,
    read_statement_file,
    read_statement_files,
)

Reader = Callable[..., StatementFrames]
EXPONENTS = {"EUR": 2, "SEK": 2, "CHF": 2, "JPY": 0, "RON": 2, "TND": 3}

ENTRY = """<Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{direction}</CdtDbtInd><Sts>{status}</Sts>
<BookgDt><Dt>2026-01-05</Dt></BookgDt><ValDt><Dt>2026-01-06</Dt></ValDt>{rest}</Ntry>"""


def _entry(amount: str = "10.00", direction: str = "CRDT", status: str = "BOOK", rest: str = "") -> str:
    return ENTRY.format(amount=amount, direction=direction, status=status, rest=rest)


def _statement(
    *entries: str, opening: str = "100.00", closing: str = "110.00", version: str = "02"
) -> str:
    balances = "".join(
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy='EUR'>{amount}</Amt>"
        "<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-01-05</Dt></Dt></Bal>"
        for code, amount in (("OPBD", opening), ("CLBD", closing))
    )
    return (
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}"><BkToCstmrStmt>'
        "<GrpHdr><MsgId>1</MsgId></GrpHdr><Stmt><Id>S1</Id>"
        "<Acct><Id><Othr><Id>nostro:GB:EUR</Id></Othr></Id><Ccy>EUR</Ccy></Acct>"
        f"{balances}{''.join(entries)}</Stmt></BkToCstmrStmt></Document>"
    )


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    def read_text(text: str | bytes, **limits: int) -> StatementFrames:
        path = tmp_path / "statement.xml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_statement_file(path, file="statement.xml", exponents=EXPONENTS, **limits)

    return read_text


def test_every_camt_053_of_the_corpus_is_read_and_the_others_are_refused_by_name(
    shared_data: Path,
) -> None:
    folder = shared_data / "statements" / "camt"
    read, refused = set(), {}
    for path in sorted(folder.glob("*.xml")):
        try:
            frames = read_statement_file(path, file=path.name, exponents=EXPONENTS)
        except StatementRefused as refusal:
            refused[path.name] = refusal
        else:
            read.add(path.name)
            assert frames.statements["account"].null_count() == 0
    assert {name for name in read if name[:7] not in ("camt053", "camt53.")} == set()
    assert refused.pop("camt053.v2.wrong.xml").reason == Refusal.NO_STATEMENT
    assert {refusal.reason for refusal in refused.values()} == {Refusal.OTHER_MESSAGE}
    assert all("camt.05" in refusal.detail for refusal in refused.values())
    assert len(read) == 11
    assert len(read) + len(refused) + 1 == len(list(folder.glob("*.xml")))


def test_a_multi_statement_file_of_the_corpus_balances(shared_data: Path) -> None:
    path = shared_data / "statements" / "camt" / "camt053.v2.multi.statement.xml"
    frames = read_statement_file(path, file=path.name, exponents=EXPONENTS)
    assert frames.statements["balance_difference_minor"].to_list() == [0, 0]
    assert frames.statements["closing_minor"].to_list() == [2700, 2000]
    assert frames.entries["end_to_end_id"].to_list() == ["000000001", "000000002"]


def test_a_wrong_closing_balance_of_the_corpus_is_told(shared_data: Path) -> None:
    path = shared_data / "statements" / "camt" / "camt053.v2.five.decimals.xml"
    frames = read_statement_file(path, file=path.name, exponents=EXPONENTS)
    assert frames.statements["balance_difference_minor"].item() == 2705 - 1815 - 885


def test_a_balance_in_another_currency_is_not_used(shared_data: Path) -> None:
    path = shared_data / "statements" / "camt" / "camt053.v8.xml"
    frames = read_statement_file(path, file=path.name, exponents=EXPONENTS)
    assert frames.statements["closing_minor"].item() is None
    assert frames.statements["balance_difference_minor"].item() is None
    assert frames.rejected["code"].to_list() == ["balance_currency"]


@pytest.mark.parametrize("version", ["02", "03", "04", "08", "10", "12"])
def test_the_same_statement_reads_alike_in_every_version(read: Reader, version: str) -> None:
    frames = read(_statement(_entry(), version=version))
    assert frames.statements.select("opening_minor", "closing_minor", "balance_difference_minor").row(
        0
    ) == (
        10000,
        11000,
        0,
    )
    assert frames.entries["amount_minor"].item() == 1000


@pytest.mark.parametrize("version", ["01", "13"])
def test_an_unknown_version_is_refused(read: Reader, version: str) -> None:
    with pytest.raises(StatementRefused, match=f"camt.053.001.{version}"):
        read(_statement(_entry(), version=version))


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        (_entry(amount="10.005"), "too_many_decimals"),
        (_entry(amount="1e3"), "invalid_amount"),
        (_entry(amount="-10.00"), "invalid_amount"),
        (_entry(amount="0.00"), "zero_amount"),
        (_entry(amount="999999999999999999"), "amount_out_of_range"),
        (_entry(direction="BOTH"), "invalid_direction"),
        (_entry(status="PDNG"), "not_booked"),
        (_entry().replace("EUR", "XXX"), "unknown_currency"),
        (_entry().replace("2026-01-06", "2026-13-06"), "invalid_date"),
    ],
)
def test_an_unusable_entry_is_rejected_and_shows_in_the_balance(
    read: Reader, entry: str, code: str
) -> None:
    frames = read(_statement(_entry(), entry, closing="115.00"))
    assert frames.rejected.select("row", "code").row(0) == (2, code)
    assert frames.entries.height == 1
    assert frames.statements["balance_difference_minor"].item() == 500


def test_zeros_below_the_minor_unit_need_no_rounding(read: Reader) -> None:
    assert read(_statement(_entry(amount="10.00000"))).entries["amount_minor"].item() == 1000


def test_a_reversal_keeps_its_direction(read: Reader) -> None:
    frames = read(_statement(_entry(rest="<RvslInd>true</RvslInd>")))
    assert frames.entries.select("direction", "is_reversal").row(0) == ("CRDT", True)
    assert frames.statements["balance_difference_minor"].item() == 0


def _details(*amounts: str) -> str:
    return (
        "<NtryDtls>"
        + "".join(
            f"<TxDtls><Refs><EndToEndId>E{number}</EndToEndId></Refs>"
            f"<AmtDtls><TxAmt><Amt Ccy='EUR'>{amount}</Amt></TxAmt></AmtDtls></TxDtls>"
            for number, amount in enumerate(amounts, 1)
        )
        + "</NtryDtls>"
    )


def test_a_batch_booking_is_split_where_its_transactions_add_up(read: Reader) -> None:
    entries = read(_statement(_entry(rest=_details("4.00", "6.00")))).entries
    assert entries.select("detail_ordinal", "end_to_end_id", "amount_minor").rows() == [
        (1, "E1", 400),
        (2, "E2", 600),
    ]


def test_a_batch_booking_that_does_not_add_up_stays_one_entry(read: Reader) -> None:
    entries = read(_statement(_entry(rest=_details("4.00", "7.00")))).entries
    assert entries.select("detail_ordinal", "end_to_end_id", "amount_minor").rows() == [(0, None, 1000)]


def test_a_reference_that_says_not_provided_is_none(read: Reader) -> None:
    details = _details("10.00").replace("E1", "NOTPROVIDED")
    assert read(_statement(_entry(rest=details))).entries["end_to_end_id"].item() is None


TENFOLD = "".join(
    f'<!ENTITY {name} "{f"&{before};" * 10}">'
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
BOMB = f'<!DOCTYPE Document [<!ENTITY a "ha">{TENFOLD}]>'


@pytest.mark.parametrize(
    "prologue",
    [
        BOMB,
        '<!DOCTYPE Document SYSTEM "http://192.0.2.1/camt.dtd">',
        '<!DOCTYPE Document PUBLIC "-//X//Y" "file:///etc/passwd">',
        '<!DOCTYPE Document [<!ENTITY file SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE Document [<!ENTITY % outside SYSTEM "http://192.0.2.1/x"> %outside;]>',
    ],
)
@pytest.mark.parametrize("entity", ["10.00", "&i;", "&file;"])
def test_a_document_type_is_refused(read: Reader, prologue: str, entity: str) -> None:
    with pytest.raises(StatementRefused) as refusal:
        read(prologue + _statement(_entry(amount=entity)))
    assert refusal.value.reason in (Refusal.DOCUMENT_TYPE, Refusal.MALFORMED)


def test_a_document_type_in_another_encoding_is_refused(read: Reader) -> None:
    text = '<?xml version="1.0" encoding="UTF-16"?>' + BOMB + _statement(_entry(amount="&i;"))
    with pytest.raises(StatementRefused) as refusal:
        read(text.encode("utf-16"))
    assert refusal.value.reason == Refusal.DOCUMENT_TYPE


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not xml",
        _statement(_entry())[:-30],
        _statement(_entry(amount="&undeclared;")),
        _statement("<a>" * 5000 + "</a>" * 5000),
        _statement(_entry()) + "<again/>",
    ],
)
def test_a_file_that_is_not_well_formed_is_refused(read: Reader, text: str) -> None:
    with pytest.raises(StatementRefused) as refusal:
        read(text)
    assert refusal.value.reason == Refusal.MALFORMED


def test_limits_of_size_and_entries_are_kept(read: Reader) -> None:
    with pytest.raises(StatementRefused, match="bytes"):
        read(_statement(_entry()), max_bytes=100)
    with pytest.raises(StatementRefused, match="more than 2 entries"):
        read(_statement(*[_entry()] * 3), max_entries=2)


def test_one_refused_file_does_not_hide_the_others(tmp_path: Path) -> None:
    (tmp_path / "good.xml").write_text(_statement(_entry()))
    (tmp_path / "bad.xml").write_text("<Document/>")
    paths = {path.name: path for path in tmp_path.glob("*.xml")}
    frames = read_statement_files(paths, exponents=EXPONENTS)
    assert frames.statements["file"].to_list() == ["good.xml"]
    assert frames.rejected.select("source_file", "row", "code").rows() == [
        ("bad.xml", 0, "other_message")
    ]
    assert frames.entries.schema["amount_minor"] == pl.Int64
