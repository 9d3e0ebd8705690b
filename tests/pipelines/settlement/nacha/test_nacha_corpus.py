"""Every file of the corpus is read as its entry class says, and no damage to it goes unseen."""

import io
import random
from pathlib import Path

import pytest

from pipelines.settlement.nacha.reader import read, recognise
from pipelines.settlement.problems import FileRefused
from pipelines.settlement.reading import Part, Records, Refused, summarise

GOLDEN = {
    "ack-read": ("answers", 2, 0),
    "adv-read": ("entries", 2, 300000),
    "arc-debit": ("payments", 1, 250000),
    "atx-read": ("answers", 2, 0),
    "boc-debit": ("payments", 1, 250000),
    "ccd-debit": ("payments", 2, 500125),
    "cie-credit": ("payments", 1, 100000000),
    "contested-return": ("answers", 3, 100000000),
    "cor-read": ("answers", 1, 0),
    "ctx-debit": ("payments", 1, 100000000),
    "dishonored-return": ("answers", 2, 48000),
    "dne-read": ("payments", 1, 0),
    "enr-read": ("payments", 1, 0),
    "iat-mixedCreditDebit": ("payments", 2, 200000),
    "mte-read": ("payments", 1, 10000),
    "pop-debit": ("payments", 1, 250500),
    "pos-debit": ("payments", 1, 100000000),
    "ppd-credit": ("payments", 1, 100000000),
    "ppd-debit": ("payments", 1, 200000000),
    "ppd-mixedDebitCredit": ("payments", 3, 400000000),
    "rck-debit": ("payments", 1, 2400),
    "segmentFile-ppd-credit": ("payments", 2, 200000000),
    "segmentFile-ppd-debit": ("payments", 1, 200000000),
    "shr-debit": ("payments", 1, 100000000),
    "tel-debit": ("payments", 1, 50000),
    "trc-debit": ("payments", 1, 250000),
    "trx-debit": ("payments", 1, 250000),
    "web-credit": ("payments", 1, 10000),
    "xck-debit": ("payments", 1, 250000),
}
"""Table, records and cents of each file."""


def parts_of(content: bytes) -> list[Part]:
    return list(read(io.BytesIO(content)))


def rows_of(content: bytes) -> list[dict[str, object]]:
    return [
        row for part in parts_of(content) if isinstance(part, Records) for row in part.frame.to_dicts()
    ]


def test_the_golden_summaries_are_of_all_files(shared_data: Path) -> None:
    assert {path.stem for path in (shared_data / "nacha").glob("*.ach")} == set(GOLDEN)


@pytest.mark.parametrize("name", GOLDEN)
def test_a_file_of_the_corpus_is_read_whole(shared_data: Path, name: str) -> None:
    content = (shared_data / "nacha" / f"{name}.ach").read_bytes()
    table, count, cents = GOLDEN[name]
    summary = summarise(read(io.BytesIO(content)))
    assert recognise(content)
    assert summary.records == {table: count}
    assert sum(total for _, total in summary.totals.values()) == cents
    assert summary.refused == []


def test_what_the_records_say_becomes_columns(shared_data: Path) -> None:
    def only(name: str) -> dict[str, object]:
        return rows_of((shared_data / "nacha" / f"{name}.ach").read_bytes())[0]

    change = only("cor-read")
    assert (change["kind"], change["status"], change["reason_code"]) == ("change", "NOTI", "C01")
    assert (change["changed_field"], change["changed_value"]) == ("account", "1918171614")
    assert change["original_transaction_id"] == "121042880000001"
    debit = only("ctx-debit")
    assert (debit["creditor_name"], debit["debtor_name"]) == ("Name on Account", "Receiver Company")
    assert debit["debtor_account"] == "12345678"
    assert debit["remittance"] == "Debit First Account Debit Second Account"
    abroad = only("iat-mixedCreditDebit")
    assert (abroad["creditor_town"], abroad["creditor_country"], abroad["creditor_postcode"]) == (
        "JacobsTown", "US", "19305",
    )  # fmt: skip
    assert (abroad["debtor_name"], abroad["instructed_currency"]) == ("BEK Enterprises", "CAD")
    dishonored = only("dishonored-return")
    assert dishonored["reason_text"] == "dishonors return 123918710000001 R01: Untimely Return"
    advice = only("adv-read")
    assert (advice["direction"], advice["amount_minor"], advice["account"]) == (
        "C",
        50000,
        "744-5678-99",
    )


@pytest.mark.parametrize("name", GOLDEN)
def test_a_truncated_file_says_so_and_gives_no_other_money(shared_data: Path, name: str) -> None:
    content = (shared_data / "nacha" / f"{name}.ach").read_bytes()
    whole = {(row["row"], row["amount_minor"]) for row in rows_of(content)}
    control = content.rindex(b"\n9000")
    for end in range(0, control, 41):
        try:
            parts = parts_of(content[:end])
        except FileRefused:
            continue
        assert any(isinstance(part, Refused) and part.code == "truncated" for part in parts)
        assert {(row["row"], row["amount_minor"]) for row in rows_of(content[:end])} <= whole


@pytest.mark.parametrize("name", GOLDEN)
def test_a_flipped_bit_never_changes_money_unseen(shared_data: Path, name: str) -> None:
    content = (shared_data / "nacha" / f"{name}.ach").read_bytes()
    table, _, cents = GOLDEN[name]
    chance = random.Random(name)
    for _ in range(60):
        damaged = bytearray(content)
        place = chance.randrange(content.rindex(b"\n9000"))
        damaged[place] ^= 1 << chance.randrange(8)
        try:
            summary = summarise(read(io.BytesIO(bytes(damaged))))
        except FileRefused:
            continue
        total = sum(minor for _, minor in summary.totals.values())
        assert total == cents or summary.refused, (place, table)


def test_records_without_line_ends_are_read_alike(shared_data: Path) -> None:
    content = (shared_data / "nacha" / "ctx-debit.ach").read_bytes()
    unbroken = content.replace(b"\n", b"")
    ours = [row | {"place": None} for row in rows_of(unbroken)]
    assert ours == [row | {"place": None} for row in rows_of(content)]
    assert rows_of(b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n")) == rows_of(content)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n",
        b"101",
        b"\x00" * 500,
        b"9" * 5000,
        b"101 031300012" + b"\xff" * 3000,
        b"6" * 94 + b"\n",
    ],
)
def test_what_is_no_such_file_is_refused(content: bytes) -> None:
    with pytest.raises(FileRefused):
        parts_of(content)


def test_a_wrong_check_digit_refuses_its_entry_alone(shared_data: Path) -> None:
    content = (shared_data / "nacha" / "ppd-mixedDebitCredit.ach").read_bytes()
    damaged = content.replace(b"622231380104987654321", b"622231380105987654321")
    summary = summarise(read(io.BytesIO(damaged)))
    assert summary.records == {"payments": 2}
    assert [(refused.row, refused.code) for refused in summary.refused] == [(2, "check_digit")]


def test_a_very_long_line_is_skipped_in_bounded_memory(shared_data: Path) -> None:
    lines = (shared_data / "nacha" / "ppd-debit.ach").read_bytes().split(b"\n")
    damaged = b"\n".join([*lines[:2], b"6" * 3_000_000, *lines[2:]])
    summary = summarise(read(io.BytesIO(damaged)))
    assert summary.records == {"payments": 1}
    assert [refused.code for refused in summary.refused] == ["record_length"]
