"""MT103, MT202 and MT202COV: what is written is read again, and what cannot be said is refused."""

import io
from datetime import date

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from pipelines.settlement.payment_batch import PAYMENT_BATCH
from pipelines.settlement.problems import FileRefused
from pipelines.settlement.profile import Profile, prepared, profile
from pipelines.settlement.reading import Head, Records, Refused, summarise
from pipelines.settlement.swift.payment_messages import write_mt103, write_mt202, write_mt202cov
from pipelines.settlement.swift.reader import read, recognise
from pipelines.settlement.writing import Writer
from tests.pipelines.settlement.swift.swift_payments import (
    IDENTITY,
    bank_payment,
    batch,
    cover_payment,
    customer_payment,
)

MODEST = settings(
    max_examples=10,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
WRITERS: dict[str, Writer] = {"mt103": write_mt103, "mt202": write_mt202, "mt202cov": write_mt202cov}


def written(payments: pl.DataFrame, name: str, *, by: Profile | None = None) -> bytes:
    return b"".join(WRITERS[name](payments, identity=IDENTITY, profile=by or profile(name)))


def payments_of(data: bytes) -> pl.DataFrame:
    parts = list(read(io.BytesIO(data)))
    assert not [part for part in parts if isinstance(part, Refused)]
    frames = [part.frame for part in parts if isinstance(part, Records)]
    return pl.concat(frames).select(list(PAYMENT_BATCH))


def assert_read_again(rows: list[dict[str, object]], name: str) -> None:
    ready = prepared(batch(rows), profile(name))
    assert ready.refused.is_empty(), ready.refused
    assert_frame_equal(payments_of(written(ready.payments, name)), ready.payments)


@MODEST
@given(st.lists(customer_payment(), min_size=1, max_size=6))
def test_an_mt103_is_read_as_it_was_given(rows: list[dict[str, object]]) -> None:
    assert_read_again(rows, "mt103")


@MODEST
@given(st.lists(bank_payment(), min_size=1, max_size=6))
def test_an_mt202_is_read_as_it_was_given(rows: list[dict[str, object]]) -> None:
    assert_read_again(rows, "mt202")


@MODEST
@given(st.lists(cover_payment(), min_size=1, max_size=6))
def test_an_mt202cov_is_read_as_it_was_given(rows: list[dict[str, object]]) -> None:
    assert_read_again(rows, "mt202cov")


ROW: dict[str, object] = {
    "currency": "KES",
    "amount_minor": 150_050,
    "execution_date": date(2026, 3, 2),
    "uetr": "5831cd7f-5df3-4e78-90be-c41eec50647b",
    "end_to_end_id": "INV-77",
    "debtor_name": "Wanjiru Traders",
    "debtor_account": "0100123456",
    "debtor_street": "Kimathi Street",
    "debtor_building": "7",
    "debtor_town": "Nairobi",
    "debtor_postcode": "00100",
    "debtor_country": "KE",
    "creditor_name": "Kaapse Wingerde",
    "creditor_account": "62001234567",
    "creditor_agent_clearing": "ZANCC",
    "creditor_agent_member": "250655",
    "creditor_agent_bic": "FIRNZAJJ",
    "remittance": "Invoice 77 - March",
    "charge_bearer": "SHAR",
}


def test_an_mt103_has_its_blocks_and_fields_in_order() -> None:
    assert written(batch([ROW]), "mt103").decode().split("\r\n") == [
        "{1:F01SNDRKENAAXXX0000000000}{2:I103RCVRZAJJX123N}"
        "{3:{108:WEKEZA-0001}{121:5831cd7f-5df3-4e78-90be-c41eec50647b}}{4:",
        ":20:REF-0",
        ":23B:CRED",
        ":32A:260302KES1500,50",
        ":50F:/0100123456",
        "1/Wanjiru Traders",
        "2/Kimathi Street 7",
        "3/KE/Nairobi, 00100",
        ":57A://ZA250655",
        "FIRNZAJJ",
        ":59:/62001234567",
        "Kaapse Wingerde",
        ":70:/ROC/INV-77 //URI/Invoice 77 -",
        "March",
        ":71A:SHA",
        "-}",
    ]


def test_many_messages_are_one_file_and_the_same_payments_the_same_octets() -> None:
    rows = batch([ROW | {"uetr": None}] * 3)
    data = written(rows, "mt103")
    assert data == written(rows, "mt103")
    assert data.count(b"-}${1:") == 2
    assert recognise(data)
    assert payments_of(data)["uetr"].n_unique() == 3
    lines = profile("mt103").model_copy(update={"settings": {"separator": "lines"}})
    assert payments_of(written(rows, "mt103", by=lines)).height == 3


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("mandate_id", "M1"),
        ("charge_bearer", "SLEV"),
        ("uetr", "not-a-uetr"),
        ("debtor_account", "C/123"),
        ("creditor_agent_clearing", "KENCC"),
        ("creditor_agent_bic", "nobic"),
        ("amount_minor", 10**16),
        ("exchange_rate", "1.5"),
        ("remittance", "word " * 40),
        ("creditor_name", None),
        ("creditor_name", "Ünlaut"),
    ],
)
def test_what_an_mt103_cannot_say_is_refused(column: str, value: object) -> None:
    with pytest.raises(FileRefused) as refused:
        written(batch([ROW | {column: value}]), "mt103")
    assert refused.value.code == "not_sayable"
    assert refused.value.place.startswith("row 1")


@pytest.mark.parametrize("reference", ["/A", "A/", "A//B", "A" * 17])
def test_a_reference_with_misplaced_slashes_is_refused(reference: str) -> None:
    rows = batch([ROW]).with_columns(instruction_id=pl.lit(reference))
    with pytest.raises(FileRefused, match="instruction_id"):
        written(rows, "mt103")


def test_the_beneficiary_bears_charges_with_a_field_71f() -> None:
    data = written(batch([ROW | {"charge_bearer": "CRED"}]), "mt103")
    assert b":33B:KES1500,50" in data
    assert b":71F:KES0," in data


def test_a_message_behind_its_acknowledgement_is_read() -> None:
    data = written(batch([ROW]), "mt103")
    ack = b"{1:F21SNDRKENAAXXX0000000000}{4:{177:2603020830}{451:0}}"
    assert_frame_equal(payments_of(ack + data), payments_of(data))


def codes(data: bytes) -> list[str]:
    return [part.code for part in read(io.BytesIO(data)) if isinstance(part, Refused)]


def test_a_payment_that_the_file_ends_in_is_refused_wherever_it_ends() -> None:
    data = written(batch([ROW]), "mt103")
    for length in range(data.index(b"{4:") + 3, len(data) - 1, 7):
        parts = list(read(io.BytesIO(data[:length])))
        assert not [part for part in parts if isinstance(part, Records)]
        assert [part.code for part in parts if isinstance(part, Refused)] == ["truncated"]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        (b":32A:260302KES1500,50", b":32A:260302KES1500,505", "too_many_decimals"),
        (b":32A:260302KES1500,50", b":32A:260230KES1500,50", "impossible_date"),
        (b":32A:260302KES1500,50", b":32A:260302KES1500.50", "not_an_amount"),
        (b":32A:260302KES1500,50", b":32A:260302KES0,", "not_positive"),
        (b":32A:260302KES1500,50", b":32A:260302QQQ1,", "unknown_currency"),
        (b":71A:SHA", b":71A:SHA\r\n:32A:260302KES1,", "field_repeated"),
        (b":23B:CRED\r\n", b"", "field_missing"),
        (b"I103", b"I199", "message_type_unknown"),
    ],
)
def test_one_bad_message_is_refused_and_the_others_go_on(old: bytes, new: bytes, code: str) -> None:
    good = written(batch([ROW]), "mt103")
    data = good + b"$" + good.replace(old, new) + b"$" + good
    assert codes(data) == [code]
    assert summarise(read(io.BytesIO(data))).records == {"payments": 2}


def test_confirmations_of_debit_and_credit_are_entries() -> None:
    text = (
        "{1:F01CUSTKENAAXXX0000000000}{2:O9000930260302BANKKENAAXXX00000000002603020930N}{4:\n:20:B1\n"
        ":21:MINE-1\n:25:0100123456\n:32A:260302KES10,\n:52A:BANKKENA\n-}\n"
        "{1:F01CUSTKENAAXXX0000000000}{2:O9100930260302BANKKENAAXXX00000000002603020930N}{4:\n:20:B2\n"
        ":21:THEIRS-1\n:25:0100123456\n:32A:260302KES20,5\n:50K:/77\nPayer\n:72:/BNF/Rent\n-}\n"
    )
    parts = list(read(io.BytesIO(text.encode())))
    heads = [(part.format, part.sender, part.receiver) for part in parts if isinstance(part, Head)]
    assert heads == [("MT900", "BANKKENA", "CUSTKENA"), ("MT910", "BANKKENA", "CUSTKENA")]
    (frame,) = [part.frame for part in parts if isinstance(part, Records)]
    assert frame.select("direction", "amount_minor", "bank_reference", "counterparty_name").rows() == [
        ("D", 1000, "B1", None),
        ("C", 2050, "B2", "Payer"),
    ]
