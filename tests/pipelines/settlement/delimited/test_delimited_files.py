"""Delimited files: providers' reports become entries, batches are written and read back."""

# ruff: noqa: E501  # a header line of a report is as long as it is
import io
import random
from datetime import UTC, date, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.settlement.delimited.layout import layouts
from pipelines.settlement.delimited.reader import read, recognise
from pipelines.settlement.delimited.writer import write
from pipelines.settlement.payment_batch import payment_batch
from pipelines.settlement.problems import FileRefused
from pipelines.settlement.profile import profile
from pipelines.settlement.reading import Records, summarise
from pipelines.settlement.writing import FileIdentity, Institution

IDENTITY = FileIdentity("M", datetime(2026, 11, 23, tzinfo=UTC), Institution("A"), Institution("B"))

MPESA = """Account Holder:,An Organisation
Short Code:,600100

Receipt No.,Completion Time,Initiation Time,Details,Transaction Status,Paid In,Withdrawn,Balance,Other Party Info,A/C No.
SJK1,04-10-2026 08:15:22,04-10-2026 08:15:20,Pay Bill,Completed,"1,500.00",,"1,500.00",2547 - AMINA,1043
SJK2,04-10-2026 08:15:22,04-10-2026 08:15:20,Pay Bill Charge,Completed,,-15.00,"1,485.00",,
SJK3,04-10-2026 08:16:22,04-10-2026 08:15:20,Pay Bill,Failed,700.00,,"1,485.00",,
"""
PAYPAL = """\ufeff"Date","Time","TimeZone","Name","Type","Status","Currency","Gross","Fee","Net","Transaction ID","Reference Txn ID"
"10/09/2026","14:30:00","PDT","Ana","Payment","Completed","USD","1,500.00","-58.80","1,441.20","1A",""
"10/13/2026","14:30:00","PDT","Ana","Hold","Pending","JPY","-1,500","0","-1,500","1B",""
"""
STL = """"RH",2026/08/21 02:44:19 -0700,"A","X",009,
"FH",01
"SH",2026/08/20 00:00:00 -0700,2026/08/20 23:59:59 -0700,"ACC",""
"CH","Transaction ID","Invoice ID","Transaction Event Code","Transaction Completion Date","Transaction Debit or Credit","Gross Transaction Amount","Gross Transaction Currency","Fee Debit or Credit","Fee Amount","Fee Currency","Custom Field"
"SB","T1","INV","T0006",2026/08/20 00:01:17 -0700,"CR",10000,"USD","DR",350,"USD","c"
"SB","T2","","T0000",2026/08/20 23:59:17 -0700,"DR",3000,"USD","",,"",""
"SC",2
"""
STRIPE = """balance_transaction_id,created_utc,available_on_utc,currency,gross,fee,net,reporting_category,source_id,description
txn_1,2026-10-01 09:12:00,2026-10-03 00:00:00,eur,45.91,0.94,44.97,charge,ch_1,"An order, with a comma"
txn_2,2026-10-02 08:00:00,2026-10-02 08:00:00,eur,-19.00,0.00,-19.00,refund,,=cmd()
"""
SEMICOLON = """Account;Date;Value Date;Description;Reference;Currency;Amount
123;24.11.2026;25.11.2026;Möbel;R1;EUR;-1.234,50
123;24.11.2026;25.11.2026;Bad;R2;EUR;1.23
"""


def rows_of(text: str, encoding: str = "utf-8") -> list[dict[str, object]]:
    parts = read(io.BytesIO(text.encode(encoding)))
    return [row for part in parts if isinstance(part, Records) for row in part.frame.to_dicts()]


def told(text: str, encoding: str = "utf-8") -> list[tuple[int, str]]:
    return [(each.row, each.code) for each in summarise(read(io.BytesIO(text.encode(encoding)))).refused]


def test_a_mpesa_statement_becomes_entries() -> None:
    paid, charge, failed = rows_of(MPESA)
    assert (paid["account"], paid["amount_minor"], paid["direction"]) == ("600100", 150000, "C")
    assert (charge["amount_minor"], charge["direction"], charge["currency"]) == (1500, "D", "KES")
    assert (paid["booking_date"], failed["status"]) == (date(2026, 10, 4), "INFO")
    assert (paid["end_to_end_id"], paid["bank_reference"]) == ("1043", "SJK1")


def test_a_paypal_activity_has_its_fees() -> None:
    paid, held = rows_of(PAYPAL)
    assert (paid["amount_minor"], paid["charges_minor"], paid["status"]) == (144120, 5880, "BOOK")
    assert (held["amount_minor"], held["currency"], held["status"]) == (1500, "JPY", "PDNG")


def test_a_paypal_settlement_report_is_in_minor_units_less_its_fees() -> None:
    credit, debit = rows_of(STL)
    assert (credit["amount_minor"], credit["charges_minor"], credit["direction"]) == (9650, 350, "C")
    assert (debit["amount_minor"], debit["charges_minor"], debit["direction"]) == (3000, None, "D")
    assert told(STL) == []
    assert told(STL.replace('"SC",2', '"SC",3')) == [(0, "control_total")]


def test_a_stripe_report_keeps_texts_as_they_are() -> None:
    charge, refund = rows_of(STRIPE)
    assert (charge["amount_minor"], charge["charges_minor"], charge["currency"]) == (4497, 94, "EUR")
    assert (refund["direction"], refund["remittance"]) == ("D", "=cmd()")


def test_a_decimal_comma_is_never_taken_for_grouping() -> None:
    (row,) = rows_of(SEMICOLON, "latin-1")
    assert (row["amount_minor"], row["direction"], row["remittance"]) == (123450, "D", "Möbel")
    assert told(SEMICOLON, "latin-1") == [(2, "not_a_number")]
    assert told(MPESA.replace('"1,500.00",,', '"1,5",,')) == [(1, "not_a_number")]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("txn_3,2026-10-01", "cells"),
        ("txn_3,2026-10-01,2026-10-01,eur,1,0,1.005,charge,c,d", "too_many_decimals"),
        ("txn_3,2026-13-01,,eur,1,0,1.00,charge,c,d", "not_a_date"),
        ("txn_3,2026-10-01,,zzz,1,0,1.00,charge,c,d", "unknown_currency"),
        ("txn_3,2026-10-01,,eur,1,0,,charge,c,d", "missing"),
        ("txn_3,2026-10-01,,eur,1,0,1e5,charge,c,d", "not_a_number"),
        ("txn_3,2026-10-01,,eur,1,0,1.00,charge,c\x00,d", "nul_byte"),
        ('txn_3,2026-10-01,,eur,1,0,1.00,charge,"c"x,d', "quoting"),
        ("y" * 300_000, "line_too_long"),
        ("," * 600, "too_many_cells"),
    ],
)
def test_a_bad_row_is_refused_alone(line: str, code: str) -> None:
    lines = STRIPE.splitlines()
    text = "\n".join([*lines[:2], line, *lines[2:], ""])
    assert [found for _, found in told(text)] == [code] or code == "too_many_cells"
    assert len(rows_of(text)) == 2


def test_octets_that_are_not_of_the_encoding_are_refused() -> None:
    content = STRIPE.encode().replace(b"An order", b"An \xff order")
    summary = summarise(read(io.BytesIO(content)))
    assert [refused.code for refused in summary.refused] == ["encoding"]
    assert summary.records == {"entries": 1}


@pytest.mark.parametrize("text", [MPESA, PAYPAL, STL, STRIPE], ids=["mpesa", "paypal", "stl", "stripe"])
def test_truncations_give_no_money_that_is_not_in_the_file(text: str) -> None:
    content = text.encode()
    whole = [(row["row"], row["amount_minor"]) for row in rows_of(text)]
    for end in range(0, len(content), 3):
        try:
            parts = list(read(io.BytesIO(content[:end])))
        except FileRefused:
            continue
        frames = [part.frame for part in parts if isinstance(part, Records)]
        found = [row for frame in frames for row in frame.select("row", "amount_minor").iter_rows()]
        assert set(found) <= set(whole)


@pytest.mark.parametrize("text", [MPESA, PAYPAL, STL, STRIPE, SEMICOLON], ids=range(5))
def test_flipped_bits_never_crash(text: str) -> None:
    chance = random.Random(text)
    for _ in range(80):
        damaged = bytearray(text.encode())
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        recognise(bytes(damaged))
        try:
            summarise(read(io.BytesIO(bytes(damaged))))
        except FileRefused:
            continue


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_any_octets_below_a_header_are_read_or_refused(tail: bytes) -> None:
    header = STRIPE.splitlines()[0].encode() + b"\n"
    summarise(read(io.BytesIO(header + tail)))
    with pytest.raises(FileRefused):
        list(read(io.BytesIO(b"x," + tail)))


WORD = (
    st.text("abc ,;\"'\n=é", max_size=8).map(str.strip).map(lambda text: " ".join(text.split()) or None)
)
HELD = ("instruction_id", "end_to_end_id", "execution_date", "amount_minor", "currency", "debtor_account",
        "creditor_name", "creditor_account", "remittance")  # fmt: skip


@st.composite
def payments(draw: st.DrawFn) -> pl.DataFrame:
    rows = [
        {
            "instruction_id": f"I{number}",
            "end_to_end_id": draw(WORD),
            "execution_date": draw(st.dates(date(2026, 1, 1), date(2027, 1, 1))),
            "amount_minor": draw(st.integers(1, 2**62)),
            "currency": draw(st.sampled_from(["KES", "JPY", "TND", "USD"])),
            "debtor_account": draw(WORD),
            "creditor_name": draw(WORD),
            "creditor_account": draw(WORD),
            "remittance": draw(WORD),
        }
        for number in range(draw(st.integers(1, 5)))
    ]
    return payment_batch(
        pl.DataFrame(
            rows, schema_overrides=dict.fromkeys(HELD[5:], pl.String) | {"end_to_end_id": pl.String}
        )
    )


@settings(max_examples=50, deadline=None)
@given(payments())
def test_payments_that_are_written_are_read_back(batch: pl.DataFrame) -> None:
    content = b"".join(write(batch, identity=IDENTITY, profile=profile("delimited")))
    texts = [name for name in HELD if batch.schema[name] == pl.String]
    neutral = batch.with_columns(pl.col(name).str.replace(r"^([=+\-@])", "'${1}") for name in texts)
    found = pl.DataFrame(rows_of(content.decode()), schema_overrides=dict(batch.schema))
    assert found.select(HELD).rows() == neutral.select(HELD).rows()


def test_telephone_numbers_are_written_with_their_country() -> None:
    row = {
        "currency": "KES",
        "amount_minor": 10000,
        "execution_date": date(2026, 11, 24),
        "creditor_name": "=A",
    }
    numbers = ["0712345678", "+254 712 345 678", "254712345678", "712345678"]
    batch = payment_batch(
        pl.DataFrame(
            [row | {"instruction_id": f"I{n}", "creditor_account": m} for n, m in enumerate(numbers)]
        )
    )
    lines = (
        b"".join(write(batch, identity=IDENTITY, profile=profile("mpesa-b2c"))).decode().split("\r\n")
    )
    assert [line.split(",")[:3] for line in lines[1:5]] == [["254712345678", "100", "'=A"]] * 4


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("amount_minor", 10050, "not_whole"),
        ("creditor_account", "07x", "msisdn"),
        ("currency", "USD", "currency"),
    ],
)
def test_what_mobile_money_cannot_pay_is_refused(column: str, value: object, code: str) -> None:
    row = {"instruction_id": "I", "currency": "KES", "amount_minor": 10000,
           "execution_date": date(2026, 11, 24), "creditor_account": "0712345678"}  # fmt: skip
    batch = payment_batch(pl.DataFrame([row | {column: value}]))
    with pytest.raises(FileRefused) as refused:
        b"".join(write(batch, identity=IDENTITY, profile=profile("mpesa-b2c")))
    assert refused.value.code == code


def test_no_two_layouts_have_one_header() -> None:
    for layout in layouts():
        content = layout.delimiter.join(sorted(layout.needed)).encode() + b"\n"
        assert next(iter(read(io.BytesIO(content)))).format == layout.name  # type: ignore[union-attr]  # a head is first
