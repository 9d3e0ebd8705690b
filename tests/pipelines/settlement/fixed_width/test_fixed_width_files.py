"""Fixed-width files: what is written is read back, declared totals are checked, damage is told."""

import io
import random
from collections.abc import Iterable
from datetime import UTC, date, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pipelines.settlement.fixed_width.layout import Layout, layouts
from pipelines.settlement.fixed_width.reader import read, recognise
from pipelines.settlement.fixed_width.writer import write
from pipelines.settlement.payment_batch import payment_batch
from pipelines.settlement.problems import FileRefused
from pipelines.settlement.profile import profile
from pipelines.settlement.reading import Records, summarise
from pipelines.settlement.writing import FileIdentity, Institution

IDENTITY = FileIdentity(
    "M1",
    datetime(2026, 11, 23, 9, 30, tzinfo=UTC),
    Institution("Own"),
    Institution("Clearing"),
    sequence=7,
)
DIGITS = st.from_regex(r"[1-9][0-9]{0,10}", fullmatch=True)
HELD = ("amount_minor", "execution_date", "debtor_account", "debtor_agent_member", "creditor_account",
        "creditor_agent_member", "creditor_name", "end_to_end_id")  # fmt: skip


@st.composite
def payments(draw: st.DrawFn) -> pl.DataFrame:
    count = draw(st.integers(1, 8))
    rows = [
        {
            "instruction_id": f"I{number}",
            "end_to_end_id": draw(st.none() | st.from_regex(r"[A-Z0-9]{1,20}", fullmatch=True)),
            "currency": "ZAR",
            "amount_minor": draw(st.integers(1, 10**9)),
            "execution_date": draw(st.sampled_from([date(2026, 11, 24), date(2026, 11, 25)])),
            "debtor_account": draw(st.sampled_from(["62010091234", "7"])),
            "debtor_agent_member": draw(st.sampled_from(["051001", "632005"])),
            "creditor_account": draw(DIGITS | st.from_regex(r"[1-9][0-9]{11,19}", fullmatch=True)),
            "creditor_agent_member": draw(st.sampled_from(["051001", "250655"])),
            "creditor_name": draw(st.from_regex(r"[A-Z]{1,30}", fullmatch=True)),
        }
        for number in range(count)
    ]
    return payment_batch(pl.DataFrame(rows, schema_overrides={"end_to_end_id": pl.String}))


def content_of(batch: pl.DataFrame, name: str = "eft180") -> bytes:
    return b"".join(write(batch, identity=IDENTITY, profile=profile(name)))


def by_text(rows: Iterable[tuple[object, ...]]) -> list[tuple[object, ...]]:
    return sorted(rows, key=repr)


def rows_of(content: bytes) -> list[tuple[object, ...]]:
    frames = [part.frame for part in read(io.BytesIO(content)) if isinstance(part, Records)]
    return by_text(row for frame in frames for row in frame.select(HELD).iter_rows())


def example() -> pl.DataFrame:
    """Two payments of one contra record."""
    row = {
        "currency": "ZAR", "amount_minor": 12345, "execution_date": date(2026, 11, 24),
        "debtor_account": "62010091234", "debtor_agent_member": "051001",
        "creditor_account": "712345678", "creditor_agent_member": "250655",
        "creditor_name": "A RECEIVER", "end_to_end_id": "INV 1",
    }  # fmt: skip
    return payment_batch(pl.DataFrame([row | {"instruction_id": "I1"}, row | {"instruction_id": "I2"}]))


@settings(max_examples=30, deadline=None)
@given(payments())
def test_what_is_written_is_read_back(batch: pl.DataFrame) -> None:
    content = content_of(batch)
    summary = summarise(read(io.BytesIO(content)))
    assert recognise(content)
    assert summary.refused == []
    assert rows_of(content) == by_text(batch.select(HELD).iter_rows())
    assert rows_of(content.replace(b"\r\n", b"")) == rows_of(content)


def test_the_records_are_as_published() -> None:
    lines = content_of(example()).decode().split("\r\n")
    assert [line[:2] for line in lines] == ["02", "04", "10", "10", "12", "92", "94", ""]
    assert {len(line) for line in lines[:-1]} == {180}
    standard = lines[2]
    assert standard[:36] == "100510016201009123400000000012506550"[:36]
    assert standard[35:46] == "00712345678"
    assert standard[47:58] == "00000012345"
    assert standard[58:64] == "261124"
    assert standard[70:100].rstrip() == "WEKEZA    INV 1"
    assert standard[100:130].rstrip() == "A RECEIVER"
    contra = lines[4]
    assert (contra[23:29], contra[47:58], contra[80:86]) == ("000003", "00000024690", "CONTRA")
    trailer = lines[5]
    assert trailer[30:48] == "000001" + "000002" + "000001"
    assert trailer[48:72] == "000000024690" * 2
    assert int(trailer[72:84]) == (2 * 712345678 + 62010091234) % 10**12


def test_a_debit_file_has_the_debit_records() -> None:
    lines = content_of(example(), "eft180-debit").decode().split("\r\n")
    assert [line[:2] for line in lines[2:5]] == ["50", "50", "52"]
    assert lines[2][35:46] == "62010091234"
    assert summarise(read(io.BytesIO(content_of(example(), "eft180-debit")))).refused == []


def test_a_changed_digit_of_an_amount_is_told() -> None:
    content = content_of(example())
    damaged = content.replace(b"00000012345", b"00000012346", 1)
    fields = {refused.field for refused in summarise(read(io.BytesIO(damaged))).refused}
    assert fields == {"amount", "total_credits"}


def test_truncations_and_flips_are_told_and_never_crash() -> None:
    content = content_of(example())
    total = 24690
    chance = random.Random(1)
    for end in range(0, len(content) - 190, 7):
        try:
            summary = summarise(read(io.BytesIO(content[:end])))
        except FileRefused:
            continue
        assert "truncated" in {refused.code for refused in summary.refused}
        assert sum(minor for _, minor in summary.totals.values()) in (0, 12345, total)
    for _ in range(300):
        damaged = bytearray(content)
        damaged[chance.randrange(len(content) - 190)] ^= 1 << chance.randrange(8)
        try:
            summary = summarise(read(io.BytesIO(bytes(damaged))))
        except FileRefused:
            continue
        assert sum(minor for _, minor in summary.totals.values()) == total or summary.refused


def test_zeros_in_headers_declare_nothing() -> None:
    lines = content_of(example()).decode().split("\r\n")
    lines[0], lines[1] = "02" + "0" * 178, "04" + "0" * 178
    assert summarise(read(io.BytesIO("\r\n".join(lines).encode()))).refused == []


@pytest.mark.parametrize("content", [b"", b"02", b"\x00" * 1000, b"0200\n1000\n", b"x" * 70_000])
def test_what_is_of_no_layout_is_refused(content: bytes) -> None:
    assert not recognise(content)
    with pytest.raises(FileRefused):
        list(read(io.BytesIO(content)))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("creditor_account", "12AB"),
        ("amount_minor", 10**11),
        ("currency", "KES"),
        ("end_to_end_id", "X" * 21),
    ],
)
def test_what_the_layout_cannot_say_is_refused(column: str, value: object) -> None:
    batch = example().with_columns(pl.lit(value).alias(column))
    with pytest.raises(FileRefused):
        content_of(batch)


def test_a_file_of_broken_records_is_refused_in_the_end() -> None:
    content = b"\r\n".join(content_of(example()).split(b"\r\n")[:2]) + b"\r\n" + b"10\r\n" * 200_000
    with pytest.raises(FileRefused) as refused:
        for _ in read(io.BytesIO(content)):
            pass
    assert refused.value.code == "too_many_refusals"


def test_a_layout_whose_fields_do_not_fill_its_record_is_none() -> None:
    given = layouts()[0].model_dump()
    given["record_length"] = 181
    with pytest.raises(ValidationError):
        Layout.model_validate(given)
