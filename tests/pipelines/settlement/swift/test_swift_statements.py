"""Statements: what is written is read again, quirks of banks are read, broken files are told."""

import contextlib
import io
from datetime import date

import mt940
import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from pipelines.settlement.problems import FileRefused
from pipelines.settlement.reading import ENTRIES_READ, Balance, Head, Part, Records, Refused, summarise
from pipelines.settlement.swift.reader import read, recognise
from pipelines.settlement.swift.statement_messages import STATEMENTS_WRITTEN, write_statements
from tests.pipelines.settlement.swift.swift_payments import (
    IDENTITY,
    accounts,
    bics,
    maybe,
    references,
    texts,
    uetrs,
)

MODEST = settings(
    max_examples=10,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def parts_of(text: str | bytes) -> list[Part]:
    return list(read(io.BytesIO(text.encode() if isinstance(text, str) else text)))


def entries_of(text: str | bytes) -> pl.DataFrame:
    frames = [part.frame for part in parts_of(text) if isinstance(part, Records)]
    return pl.concat([pl.DataFrame(schema=dict(ENTRIES_READ)), *frames])


def codes(text: str | bytes) -> list[str]:
    return [part.code for part in parts_of(text) if isinstance(part, Refused)]


@st.composite
def entry(draw: st.DrawFn) -> dict[str, object]:
    day = draw(st.dates(date(2010, 1, 1), date(2039, 12, 31)))
    late = draw(st.integers(-20, 20))
    booked = date.fromordinal(min(max(day.toordinal() + late, 733773), 744700))
    return {
        "amount_minor": draw(st.integers(0, 10**11)),
        "direction": draw(st.sampled_from("CD")),
        "reversal": draw(st.booleans()),
        "value_date": day,
        "booking_date": draw(st.sampled_from([None, booked])),
        "transaction_code": draw(st.sampled_from(["NTRF", "NMSC", "FCHG", "S103"])),
        "bank_reference": draw(maybe(references)),
        "instruction_id": draw(maybe(references)),
        "end_to_end_id": draw(maybe(references)),
        "mandate_id": draw(maybe(references)),
        "uetr": draw(maybe(uetrs)),
        "counterparty_name": draw(maybe(texts(40))),
        "counterparty_account": draw(maybe(accounts)),
        "counterparty_agent": draw(maybe(bics)),
        "remittance": draw(texts(100)),
    }


def books(
    rows: list[list[dict[str, object]]], currency: str = "KES"
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Entries and balances of statements that follow one another."""
    entries, statements, balance = [], [], -500
    for number, page in enumerate(rows, start=1):
        opening = balance
        for row in page:
            signed = int(str(row["amount_minor"])) * (-1 if row["direction"] == "D" else 1)
            balance += signed
            known = {"message_id": f"ST{number}", "currency": currency, "status": "BOOK"}
            entries.append(row | known)
        statements.append(
            {
                "message_id": f"ST{number}", "account": "0100123456", "number": number,
                "currency": currency, "opened_on": date(2026, 3, number), "opening_minor": opening,
                "closed_on": date(2026, 3, number), "closing_minor": balance,
                "available_minor": balance if number % 2 else None,
            }
        )  # fmt: skip
    schema = {name: ENTRIES_READ[name] for name in entries[0]} if entries else dict(ENTRIES_READ)
    return pl.DataFrame(entries, schema=schema), pl.DataFrame(
        statements, schema=dict(STATEMENTS_WRITTEN)
    )


@MODEST
@given(
    st.lists(st.lists(entry(), max_size=4), min_size=1, max_size=3).filter(any),
    st.sampled_from(["KES", "XOF", "TND"]),
)
def test_a_statement_is_read_as_it_was_written(
    rows: list[list[dict[str, object]]], currency: str
) -> None:
    entries, statements = books(rows, currency)
    data = b"".join(write_statements(entries, statements, kind="MT940", identity=IDENTITY))
    summary = summarise(parts_of(data))
    assert not summary.refused
    assert not summary.discontinuities()
    read_again = entries_of(data).with_columns(pl.col("message_id").str.split(" ").list.first())
    assert_frame_equal(read_again.select(entries.columns), entries)


@MODEST
@given(st.lists(entry(), min_size=1, max_size=4))
def test_a_statement_is_read_alike_by_an_independent_parser(rows: list[dict[str, object]]) -> None:
    entries, statements = books([rows])
    data = b"".join(write_statements(entries, statements, kind="MT940", identity=IDENTITY))
    (theirs,) = mt940.parser.parse_statements(
        data.partition(b"{4:\r\n")[2].replace(b"-}", b"-"), options=mt940.Options.all()
    )
    found = [
        (
            int(entry.data["amount"].amount * 100),
            entry.data["date"],
            entry.data["id"],
            entry.data["bank_reference"],
        )
        for entry in theirs.transactions
    ]
    signed = pl.col("amount_minor") * pl.when(pl.col("direction") == "D").then(-1).otherwise(1)
    assert found == entries.select(signed, "value_date", "transaction_code", "bank_reference").rows()
    assert (
        int(theirs.data["final_closing_balance"].amount.amount * 100) == statements["closing_minor"][0]
    )


def test_an_mt942_states_sums_and_expected_entries_and_an_mt950_no_details() -> None:
    row: dict[str, object] = {
        "amount_minor": 1050, "direction": "C", "reversal": False, "value_date": date(2026, 3, 2),
        "remittance": "Rent",
    }  # fmt: skip
    entries, statements = books([[row, row | {"reversal": True}, row | {"direction": "D"}]])
    expected = entries.with_columns(status=pl.Series(["PDNG", "BOOK", "BOOK"]))
    data = b"".join(write_statements(expected, statements, kind="MT942", identity=IDENTITY))
    assert b":90D:2KES21,00\r\n:90C:1KES10,50" in data
    assert not codes(data)
    assert entries_of(data)["status"].to_list() == ["PDNG", "BOOK", "BOOK"]
    assert [part.format for part in parts_of(data) if isinstance(part, Head)] == ["MT942"]
    assert codes(data.replace(b":90C:1", b":90C:2")) == ["control_total"]
    data = b"".join(write_statements(entries, statements, kind="MT950", identity=IDENTITY))
    assert b":86:" not in data
    assert summarise(parts_of(data)).discontinuities() == []
    with pytest.raises(FileRefused, match="expected"):
        list(write_statements(expected, statements, kind="MT940", identity=IDENTITY))


def statement(*lines: str) -> str:
    return "\r\n".join(
        [
            ":20:S1",
            ":25:0100123456",
            ":28C:1/1",
            ":60F:C260301KES0,",
            *lines,
            ":62F:C260302KES0,",
            "-",
            "",
        ]
    )


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (":61:260230C1,NTRFX", "impossible_date"),
        (":61:2603020230C1,NTRFX", "impossible_date"),
        (":61:260302C1.5NTRFX", "not_a_statement_line"),
        (":61:260302C15NTRFX", "not_a_statement_line"),
        (":61:260302X1,NTRFX", "not_a_statement_line"),
        (":61:260302C1,234NTRFX", "too_many_decimals"),
        (":61:260302C999999999999999999,NTRFX", "amount_overflow"),
        (":61:260302C1\x1800,NTRFX", "not_a_statement_line"),
        (":25:another", "field_repeated"),
        (":32A:260302KES1,", "field_unexpected"),
        (":65:C260302KES1,234", "too_many_decimals"),
        (":86:" + "x\r\n" * 300, "field_too_long"),
    ],
)
def test_what_is_wrong_with_a_line_is_told_and_the_others_are_read(line: str, code: str) -> None:
    text = statement(":61:260302C1,NTRFA", line, ":61:260302D1,NTRFB")
    assert codes(text) == [code]
    assert entries_of(text)["instruction_id"].to_list() == ["A", "B"]


def test_a_field_that_no_statement_has_is_told() -> None:
    assert codes(statement().replace(":28C:", ":99:what\r\n:28C:")) == ["field_unknown"]


def test_entry_dates_are_of_the_year_nearest_to_the_value_date() -> None:
    text = statement(":61:2512310102C1,NTRFA", ":61:2601021231C1,NTRFB", ":61:8001010101C1,NTRFC")
    assert entries_of(text)["booking_date"].to_list() == [
        date(2026, 1, 2),
        date(2025, 12, 31),
        date(1980, 1, 1),
    ]


def test_reversals_move_the_account_the_other_way() -> None:
    text = statement(":61:260302RC1,NTRFA", ":61:260302RDS2,5NTRFB")
    assert entries_of(text).select("direction", "reversal", "amount_minor").rows() == [
        ("D", True, 100),
        ("C", True, 250),
    ]


def test_pages_of_a_statement_are_one_statement() -> None:
    text = (
        ":20:A\n:25:1\n:28C:1/1\n:60F:C260301KES10,\n:61:260302C5,NTRFX\n:62M:C260302KES15,\n-\n"
        ":20:A\n:25:1\n:28C:1/2\n:60M:C260302KES15,\n:61:260302C5,NTRFY\n:62F:C260302KES20,\n-\n"
    )
    assert summarise(parts_of(text)).discontinuities() == []
    assert entries_of(text).select("message_id", "entry").rows() == [("A 1/1", 1), ("A 1/1", 2)]
    kinds = [part.kind for part in parts_of(text) if isinstance(part, Balance)]
    assert kinds == ["OPBD", "ITBD", "ITBD", "CLBD"]


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        (
            ":86:166?00GUTSCHRIFT?20EREF+E-1?21MREF+M-1?22SVWZ+Rent for the new sh?23op?30BANKDEFF\r\n"
            "?31DE02?32Some Na?33me",
            ("E-1", "M-1", "Some Na me", "DE02", "Rent for the new sh op", None),
        ),
        (":86:109?00RETOURE?20SVWZ+Back?34914", (None, None, None, None, "Back", "914")),
        (
            ":86:/TRTP/SEPA/IBAN/NL01/BIC/ABNANL2A/NAME/J. Doe/REMI/for\r\n ever/EREF/E-2/MARF/M-2",
            ("E-2", "M-2", "J. Doe", "NL01", "for ever", None),
        ),
        (
            ":86:/EREF/E-3/CNTP/NL02/ABNANL2A/Jane/Town/REMI/USTD//a/b",
            ("E-3", None, "Jane", "NL02", "a/b", None),
        ),
        (
            ":NS:01First\r\n02Second\r\n15Na\r\n16me\r\n3477",
            (None, None, "Name", "77", "First Second", None),
        ),
        (
            ":86:Free text at T16\r\n:26:37 o'clock",
            (None, None, None, None, "Free text at T16 :26:37 o'clock", None),
        ),
        (
            ":86:Free text at T16\r\n:20:37 o'clock",
            (None, None, None, None, "Free text at T16 :20:37 o'clock", None),
        ),
    ],
)  # fmt: skip
def test_details_are_read_in_every_way_that_banks_write_them(
    details: str, expected: tuple[str | None, ...]
) -> None:
    found = entries_of(statement(":61:260302C1,NTRFNONREF", details)).select(
        "end_to_end_id", "mandate_id", "counterparty_name", "counterparty_account", "remittance",
        "reason_code",
    )  # fmt: skip
    assert found.row(0) == expected


def test_a_statement_without_end_is_told_and_what_was_read_is_kept() -> None:
    text = statement(":61:260302C1,NTRFA", ":61:260302D1,50NTRFB")
    assert codes(text[: text.index(":62F")]) == ["truncated"]
    assert entries_of(text[: text.index(":62F")]).height == 2
    assert codes(text[: text.index("50NTRFB")]) == ["truncated", "truncated"]
    cut = parts_of(text.replace("KES0,\r\n-\r\n", "KES0,1")[: text.rindex("KES0,") + 6])
    assert [part.code for part in cut if isinstance(part, Refused)] == ["truncated"]


class _Endless(io.RawIOBase):
    """A stream of one octet, over and over, that counts what was taken of it."""

    def __init__(self, beginning: bytes, repeated: bytes, octets: int) -> None:
        self.left, self.beginning, self.repeated = octets, beginning, repeated

    def read(self, size: int = -1) -> bytes:
        beginning, self.beginning = self.beginning, b""
        if self.left <= 0:
            return beginning
        piece = self.repeated * (min(size, self.left) // len(self.repeated) + 1)
        self.left -= len(piece)
        return beginning + piece


@pytest.mark.parametrize("repeated", [b"x", b":", b"{1:", b"\x00", b"\xff"])
def test_a_line_without_end_is_refused_before_it_fills_memory(repeated: bytes) -> None:
    source = _Endless(b":20:A\n:86:", repeated, 1 << 30)
    with pytest.raises(FileRefused, match="line_too_long"):
        list(read(source))  # type: ignore[arg-type]  # a raw stream reads as a BinaryIO does
    assert source.left > 1_000_000_000


@pytest.mark.parametrize(
    "repeated", [b"x\n", b":\n", b"\r\r", b":20:A\n", b":61:\n", b":86:\n", b"{1:\n", b"-}\n"]
)
def test_hostile_repetitions_end_and_give_nothing_to_book(repeated: bytes) -> None:
    parts = list[Part]()
    with contextlib.suppress(FileRefused):
        parts = list(read(_Endless(b":20:A\n", repeated, 1 << 16)))  # type: ignore[arg-type]  # as above
    assert not [part for part in parts if isinstance(part, Records | Balance)]


@given(
    st.binary(max_size=300), st.sampled_from([b"", b":20:", b"{1:F01", b":20:A\n:61:", b":20:A\n:32A:"])
)
@MODEST
def test_random_octets_never_crash(data: bytes, beginning: bytes) -> None:
    recognise(beginning + data)
    with contextlib.suppress(FileRefused):
        parts_of(beginning + data)
