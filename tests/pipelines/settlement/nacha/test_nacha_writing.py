"""NACHA files that are written are read back alike, and are those of the corpus where it has them."""

import io
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.settlement.nacha.reader import read
from pipelines.settlement.nacha.writer import write, write_changes, write_returns
from pipelines.settlement.payment_batch import PAYMENT_BATCH, payment_batch
from pipelines.settlement.problems import FileRefused
from pipelines.settlement.profile import Profile, profile
from pipelines.settlement.reading import Records, summarise
from pipelines.settlement.writing import FileIdentity, Institution

IDENTITY = FileIdentity(
    message_id="20261123-1",
    created_at=datetime(2026, 11, 23, 9, 30, tzinfo=UTC),
    sender=Institution("Bank of Origin", member="121042882"),
    receiver=Institution("Federal Reserve Bank", member="231380104"),
)
WORD = st.text("ABCabc019-.", min_size=1, max_size=9)
ADDRESSES = (
    *("debtor_street", "debtor_town", "debtor_postcode", "debtor_agent_name"),
    *("creditor_street", "creditor_town", "creditor_postcode", "creditor_agent_name", "creditor_id"),
)
LEFT_OUT = (
    *("instruction_id", "transaction_id", "category_purpose"),
    *("debtor_account", "debtor_agent_member", "debtor_agent_clearing", "creditor_agent_clearing"),
)
"""Columns that the file has in another form: its own numbers, defaults, and the company's bank."""
OTHER = ("121042882", "231380104", "031300012", "091400606")


@st.composite
def payments(
    draw: st.DrawFn, *, classes: tuple[str, ...] = ("CCD", "PPD", "CTX", "IAT")
) -> pl.DataFrame:
    """A batch with every optional field that the classes have."""
    count = draw(st.integers(1, 6))
    rows = []
    for number in range(count):
        kind = draw(st.sampled_from(classes))
        row = {
            "instruction_id": f"I{number}",
            "end_to_end_id": draw(WORD),
            "currency": "USD",
            "amount_minor": draw(st.integers(1, 9_999_999_999)),
            "execution_date": draw(st.dates(date(2026, 1, 1), date(2027, 12, 31))),
            "local_instrument": kind,
            "category_purpose": draw(st.none() | WORD),
            "debtor_name": draw(WORD),
            "debtor_id": draw(WORD),
            "debtor_account": "1000200030",
            "debtor_agent_member": "121042882",
            "creditor_name": draw(WORD),
            "creditor_account": draw(WORD),
            "creditor_agent_member": draw(st.sampled_from(OTHER)),
            "remittance": draw(
                st.none() | st.text("AB z", min_size=1, max_size={"CTX": 700, "IAT": 160}.get(kind, 80))
            ),
        }
        if kind == "IAT":
            row |= {name: draw(WORD) for name in ADDRESSES}
            row |= {"debtor_country": "US", "creditor_country": draw(st.sampled_from(["KE", "ZA"]))}
            row |= {"instructed_currency": "USD", "purpose": draw(st.sampled_from(["BUS", "SAL"]))}
            row["instructed_amount_minor"] = draw(st.integers(1, 10**15))
            row["intermediary_bic"] = draw(st.none() | st.just("BARCKENX"))
        rows.append(row)
    frame = payment_batch(pl.DataFrame(rows, schema_overrides={"remittance": pl.String}))
    spaced = pl.col("remittance").str.replace_all(r" +", " ").str.strip_chars(" ").replace("", None)
    return frame.with_columns(spaced)


def parts(content: bytes) -> pl.DataFrame:
    frames = [part.frame for part in read(io.BytesIO(content)) if isinstance(part, Records)]
    return pl.concat(frames)


def comparable(frame: pl.DataFrame) -> list[dict[str, object]]:
    """What the file holds of each payment, in an order of its own."""
    names = [name for name in PAYMENT_BATCH if name in frame.columns and name not in LEFT_OUT]
    rows = frame.select(names)
    return sorted(rows.to_dicts(), key=repr)


def content_of(batch: pl.DataFrame, by: Profile) -> bytes:
    return b"".join(write(batch, identity=IDENTITY, profile=by))


@settings(max_examples=40, deadline=None)
@given(payments())
def test_what_is_written_is_read_back(batch: pl.DataFrame) -> None:
    content = content_of(batch, profile("nacha"))
    lines = content.decode().splitlines()
    assert {len(line) for line in lines} == {94}
    assert len(lines) % 10 == 0
    summary = summarise(read(io.BytesIO(content)))
    assert summary.refused == []
    assert comparable(parts(content)) == comparable(batch)
    assert content == content_of(batch, profile("nacha"))


@settings(max_examples=20, deadline=None)
@given(payments(classes=("CCD", "PPD", "CTX")))
def test_a_balanced_file_has_as_much_one_way_as_the_other(batch: pl.DataFrame) -> None:
    batch = batch.with_columns(pl.col("amount_minor") % 10**8 + 1)
    content = content_of(batch, profile("nacha-balanced"))
    assert summarise(read(io.BytesIO(content))).refused == []
    control = next(line for line in content.decode().splitlines() if line[0] == "9")
    assert control[31:43] == control[43:55] == f"{batch['amount_minor'].sum():012}"
    rows = parts(content)
    offsets = rows.filter(pl.col("debtor_name") == "OFFSET")
    assert offsets["amount_minor"].sum() == batch["amount_minor"].sum()
    assert set(offsets["debtor_account"]) == {"1000200030"}


@settings(max_examples=15, deadline=None)
@given(payments(classes=("CCD", "PPD")), st.sampled_from(["R01", "R03", "R29"]))
def test_returns_are_read_back_as_answers(batch: pl.DataFrame, code: str) -> None:
    trace = pl.format("12104288{}", pl.int_range(pl.len()).cast(pl.String).str.zfill(7))
    returned = batch.with_columns(
        reason_code=pl.lit(code), original_transaction_id=trace, reason_text=pl.lit("No account")
    )
    content = b"".join(write_returns(returned, identity=IDENTITY, profile=profile("nacha-return")))
    rows = parts(content).sort("original_transaction_id")
    assert summarise(read(io.BytesIO(content))).refused == []
    assert rows["original_transaction_id"].to_list() == returned["original_transaction_id"].to_list()
    assert rows["amount_minor"].to_list() == batch["amount_minor"].to_list()
    assert rows["original_end_to_end_id"].to_list() == batch["end_to_end_id"].to_list()
    assert set(rows["reason_code"]) == {code}
    assert set(rows["status"]) == {"RTND"}


@settings(max_examples=15, deadline=None)
@given(payments(classes=("CCD", "PPD")))
def test_changes_are_read_back_without_money(batch: pl.DataFrame) -> None:
    changed = batch.with_columns(
        reason_code=pl.lit("C01"),
        original_transaction_id=pl.lit("121042880000001"),
        reason_text=pl.lit("987654"),
    )
    content = b"".join(write_changes(changed, identity=IDENTITY, profile=profile("nacha-change")))
    rows = parts(content)
    assert summarise(read(io.BytesIO(content))).refused == []
    assert rows["amount_minor"].sum() == 0
    assert set(rows["changed_field"]) == {"account"}
    assert set(rows["changed_value"]) == {"987654"}


@pytest.mark.parametrize(
    "name", ["ppd-debit", "ctx-debit", "segmentFile-ppd-credit", "segmentFile-ppd-debit"]
)
def test_a_file_of_the_corpus_is_written_as_it_is(shared_data: Path, name: str) -> None:
    content = (shared_data / "nacha" / f"{name}.ach").read_bytes()
    remittance = {"ctx-debit": "Debit First Account".ljust(80) + "Debit Second Account"}.get(name)
    batch = payment_batch(parts(content).drop("row", "place", "message_id")).with_columns(
        instruction_id=pl.format("I{}", pl.int_range(pl.len())), remittance=pl.lit(remittance, pl.String)
    )
    by = profile("nacha-debit" if "debit" in name else "nacha")
    identity = FileIdentity("M", IDENTITY.created_at, IDENTITY.sender, IDENTITY.receiver)
    ours = b"".join(write(batch, identity=identity, profile=by)).decode().splitlines()
    theirs = content.decode().splitlines()

    def shown(lines: list[str], kinds: str, end: int) -> list[str]:
        """Without trace numbers, and without the reference that ours has where theirs has none."""
        chosen = [line[:end] for line in lines if line[0] in kinds]
        return [line[:39] + line[54:] if line[0] == "6" else line for line in chosen]

    for kinds, end in (("5", 79), ("6", 76), ("7", 94), ("8", 55)):
        assert shown(ours, kinds, end) == shown(theirs, kinds, end)


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("creditor_agent_member", "231380105", "routing_number"),
        ("local_instrument", "WEB", "entry_class"),
        ("currency", "KES", "currency"),
        ("amount_minor", 10_000_000_000, "amount_too_large"),
        ("remittance", "x" * 81, "too_long"),
        ("creditor_account", None, "missing"),
        ("end_to_end_id", "x" * 16, "too_long"),
    ],
)
def test_what_the_format_cannot_say_is_refused(column: str, value: object, code: str) -> None:
    row = {
        "instruction_id": "I1", "end_to_end_id": "E1", "currency": "USD", "amount_minor": 100,
        "execution_date": date(2026, 11, 24), "local_instrument": "PPD", "creditor_name": "B",
        "creditor_account": "1", "creditor_agent_member": "231380104", "remittance": "x",
    }  # fmt: skip
    batch = payment_batch(pl.DataFrame([row | {column: value}]))
    with pytest.raises(FileRefused) as refused:
        content_of(batch, profile("nacha"))
    assert refused.value.code == code
    assert content_of(payment_batch(pl.DataFrame([row])), profile("nacha"))


def test_the_entry_hash_keeps_its_last_ten_digits() -> None:
    row = {
        "currency": "USD", "amount_minor": 100, "execution_date": date(2026, 11, 24),
        "local_instrument": "PPD", "creditor_name": "B", "creditor_account": "1",
        "creditor_agent_member": "231380104",
    }  # fmt: skip
    batch = payment_batch(
        pl.DataFrame([row | {"instruction_id": f"I{number}"} for number in range(500)])
    )
    content = content_of(batch, profile("nacha"))
    control = next(line for line in content.decode().splitlines() if line[0] == "8")
    assert control[10:20] == str(500 * 23138010)[-10:]
    assert summarise(read(io.BytesIO(content))).refused == []
