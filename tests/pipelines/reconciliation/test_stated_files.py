"""Files of any kind as statements: SWIFT, CSV, providers' reports, whose they are, what is refused."""

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines.reconciliation.account_files import NothingStated, reconcile_account
from pipelines.reconciliation.rules import Rules
from pipelines.reconciliation.stated_files import (
    AccountsInvalid,
    StatedAccount,
    load_accounts,
    read_stated_files,
)
from tests.pipelines.reconciliation.test_nostro_reconciliation import Run, item

DAY = date(2026, 3, 2)
GBP = StatedAccount(
    participant="ke-bank", account="nostro:gb-partner:GBP", named=("GB29 NWBK 6016 1331 9268 19",)
)
MT940 = """\
:20:REF20260302
:25:GB29NWBK60161331926819
:28C:61/1
:60F:C260301GBP1000,00
:61:2603020302C250,00NTRFE2E-1//BANK-1
:86:first
:61:2603020302D40,50NTRFE2E-2//BANK-2
:86:second
:62F:C260302GBP1209,50
-
"""
MPESA = """\
Short Code,600100
Receipt No.,Completion Time,Details,Transaction Status,Paid In,Withdrawn,Linked Transaction ID,A/C No.
RC1,2026-03-02 09:00:00,Pay Bill,Completed,"1,250.00",,,INV-1
RC2,2026-03-02 10:00:00,Charge,Completed,,12.50,RC1,
RC3,2026-03-02 11:00:00,Pay Bill,Pending,99.00,,,INV-2
"""


@pytest.fixture
def written(tmp_path: Path) -> Any:
    def write(name: str, text: str) -> dict[str, Path]:
        path = tmp_path / name
        path.write_text(text)
        return {name: path}

    return write


def test_an_mt940_is_a_statement_of_the_account_that_the_bank_names(written: Any) -> None:
    frames = read_stated_files(written("a.sta", MT940), accounts=[GBP])
    stated = frames.statements.row(0, named=True)
    assert (stated["owner_id"], stated["account"]) == ("ke-bank", "nostro:gb-partner:GBP")
    assert (stated["opening_minor"], stated["closing_minor"]) == (100_000, 120_950)
    assert stated["balance_difference_minor"] == 0
    assert stated["sequence"] == 61
    assert frames.entries.select("direction", "amount_minor", "end_to_end_id").rows() == [
        ("CRDT", 25_000, "E2E-1"),
        ("DBIT", 4_050, "E2E-2"),
    ]
    assert frames.rejected.is_empty()


def test_a_day_is_reconciled_with_an_mt940(books: Any, rules: Rules, written: Any) -> None:
    run = Run(books, rules)
    frames = read_stated_files(written("a.sta", MT940), accounts=[GBP])
    opening = {"account_id": 1, "signed_minor": 100_000, "kind": "opening_balance"}
    result = run.day(DAY, [opening, item(25_000, "E2E-1"), item(-4_050, "E2E-3")], frames)
    assert "E2E-1" in result.matches["end_to_end_id"].to_list()
    assert sorted(result.breaks["break_class"]) == ["missing_at_bank", "missing_in_ledger"]


def test_a_statement_whose_sums_are_wrong_says_by_how_much(written: Any) -> None:
    frames = read_stated_files(
        written("a.sta", MT940.replace("GBP1209,50", "GBP1209,00")), accounts=[GBP]
    )
    assert frames.statements["balance_difference_minor"].to_list() == [-50]


def test_a_providers_report_is_about_the_account_that_its_name_says(written: Any) -> None:
    wallet = StatedAccount(participant="ke-mno", account="float:KES", files=("mpesa-*.csv",))
    frames = read_stated_files(written("mpesa-2026-03-02.csv", MPESA), accounts=[wallet])
    assert frames.statements.select("owner_id", "account", "currency", "entries").rows() == [
        ("ke-mno", "float:KES", "KES", 2)
    ]
    assert frames.entries.select("direction", "amount_minor", "end_to_end_id").rows() == [
        ("CRDT", 125_000, "INV-1"),
        ("DBIT", 1_250, "RC1"),
    ]


def test_a_file_that_nobody_declared_keeps_the_banks_name_and_has_no_owner(written: Any) -> None:
    frames = read_stated_files(written("a.sta", MT940), accounts=[])
    assert frames.statements.select("owner_id", "account").rows() == [(None, "GB29NWBK60161331926819")]


def test_a_broken_file_is_refused_alone(written: Any) -> None:
    paths = written("a.sta", MT940) | written("noise.bin", "\x00\x01 no statement")
    frames = read_stated_files(paths, accounts=[GBP])
    assert frames.statements.height == 1
    assert frames.rejected.select("source_file", "row", "code").rows() == [
        ("noise.bin", 0, "format_unknown")
    ]


def test_an_interim_report_is_refused_since_its_entries_come_again(shared_data: Path) -> None:
    path = shared_data / "statements" / "camt" / "camt052.v8.xml"
    frames = read_stated_files({path.name: path}, accounts=[])
    assert frames.entries.is_empty()
    assert "interim_report" in frames.rejected["code"].to_list()


def test_every_file_of_the_corpus_is_read_or_refused_and_its_entries_add_up(shared_data: Path) -> None:
    paths = {
        str(path.relative_to(shared_data)): path
        for path in sorted((shared_data / "statements").rglob("*"))
        if path.is_file()
    }
    frames = read_stated_files(paths, accounts=[])
    known = set(frames.statements["file"]) | set(frames.rejected["source_file"])
    assert known == set(paths)
    signed = pl.col("amount_minor") * pl.when(pl.col("direction") == "DBIT").then(-1).otherwise(1)
    sums = frames.entries.group_by("file", "statement_ordinal").agg(total=signed.sum())
    both = frames.statements.join(sums, on=["file", "statement_ordinal"], how="left")
    assert both.filter(pl.col("entries_minor") != pl.col("total").fill_null(0)).is_empty()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("- {participant: a, account: b}", "neither"),
        ("- {participant: a, files: ['*']}", "account"),
        ("- {participant: a, account: b, files: ['*'], iban: c}", "iban"),
        (": {", "mapping"),
    ],
)
def test_a_list_of_accounts_that_means_nothing_is_refused(
    tmp_path: Path, text: str, reason: str
) -> None:
    (tmp_path / "accounts.yaml").write_text(text)
    with pytest.raises(AccountsInvalid, match=reason):
        load_accounts(tmp_path / "accounts.yaml")


def test_any_account_is_compared_with_a_providers_report(books: Any, rules: Rules, written: Any) -> None:
    books.open(
        7, normal_side="C", currency="KES", chart_code=2020, chart_name="customer_wallets",
        external_ref="wallet-7", counterparty_id=None,
    )  # fmt: skip
    movements = [
        {"account_id": 7, "signed_minor": 125_000, "end_to_end_id": "INV-1"},
        {"account_id": 7, "signed_minor": 5_000, "end_to_end_id": "INV-9"},
    ]
    closed = books.close(DAY, movements)
    wallet = StatedAccount(participant="ke-bank", account="wallet-7", files=("*",))
    result = reconcile_account(
        account=closed.accounts,
        entries=closed.entries,
        payments=closed.payments,
        statements=read_stated_files(written("mpesa.csv", MPESA), accounts=[wallet]),
        rules=rules,
    )
    assert result.matches["end_to_end_id"].to_list() == ["INV-1"]
    assert dict(result.breaks.select("end_to_end_id", "break_class").iter_rows()) == {
        "INV-9": "missing_at_bank",
        "RC1": "missing_in_ledger",
    }


def test_files_that_state_nothing_are_told(books: Any, rules: Rules, written: Any) -> None:
    books.open_nostro(1)
    closed = books.close(DAY, [])
    with pytest.raises(NothingStated, match="nostro:gb-partner:GBP"):
        reconcile_account(
            account=closed.accounts,
            entries=closed.entries,
            payments=closed.payments,
            statements=read_stated_files(written("x.txt", "nothing"), accounts=[]),
            rules=rules,
        )
