"""An import folder: sound rows become instructions, every kind of badness becomes quarantine."""

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from ledger_service.payments.import_folder import ImportFolder
from ledger_service.payments.instructions import INSTRUCTION_SCHEMA, RAW_COLUMNS
from ledger_service.payments.quarantine import QUARANTINE_SCHEMA, SENTENCES, Refusal
from ledger_service.payments.sources.source import NoInstructions, Parsed

DAY = date(2026, 1, 5)
PARTICIPANTS = """participant_id,name,kind,country,bic,home_currency,has_book
KE-B01,Nairobi Bank,bank,KE,NABAKENA,KES,true
UG-B01,Kampala Bank,bank,UG,,UGX,true
GB-P01,London Partner,partner_bank,GB,,GBP,false
ZA-B09,Outside Bank,bank,ZA,,ZAR,false
"""
ACCOUNTS = """participant_id,account,product,currency,party_id,party_kind,holder_name,opened_on,\
overdraft_limit
KE-B01,KE1,deposit,KES,P1,person,"Achieng, A.",2024-01-01,0
KE-B01,KE2,wallet,KES,P2,sme,Shop,2024-01-01,
KE-B01,KE3,deposit,USD,P1,person,Achieng,2026-02-01,0
UG-B01,UG1,deposit,UGX,P3,person,Okello,2024-01-01,2500
"""
SOUND = {
    "kind": "credit_transfer",
    "event_at": "2026-01-05T09:30:00+03:00",
    "value_date": "2026-01-05",
    "currency": "KES",
    "amount": "100.50",
    "debtor_agent": "KE-B01",
    "debtor_account": "KE1",
    "creditor_agent": "KE-B01",
    "creditor_account": "KE2",
}


def line(number: int, **changes: str) -> str:
    fields = {"instruction_id": f"019b8a3c-0000-7000-8000-{number:012d}", **SOUND, **changes}
    texts = (fields.get(name, "") for name in RAW_COLUMNS)
    return ",".join(f'"{text}"' if "," in text else text for text in texts)


def folder(
    path: Path, *lines: str, participants: str = PARTICIPANTS, accounts: str = ACCOUNTS
) -> ImportFolder:
    (path / "instructions").mkdir(parents=True)
    (path / "participants.csv").write_text(participants)
    (path / "accounts.csv").write_text(accounts)
    text = "\n".join([",".join(RAW_COLUMNS), *lines, ""])
    (path / "instructions" / f"{DAY}.csv").write_text(text, encoding="utf-8")
    return ImportFolder(path)


def parsed(path: Path, *lines: str) -> Parsed:
    return folder(path, *lines).parsed(DAY)


def test_a_sound_row_is_typed(tmp_path: Path) -> None:
    result = parsed(tmp_path, line(1, stated_balance="-3.20"))
    assert result.quarantine.is_empty()
    row = result.instructions.row(0, named=True)
    assert result.instructions.schema == pl.Schema(INSTRUCTION_SCHEMA)
    assert row["event_at"] == datetime(2026, 1, 5, 6, 30, tzinfo=UTC)
    assert (row["amount_minor"], row["stated_balance_minor"]) == (10_050, -320)
    assert (row["source_file"], row["source_row"]) == ("instructions/2026-01-05.csv", 2)
    assert row["content"] == line(1, stated_balance="-3.20")


BAD = [
    ({"currency": "KSH"}, "currency", "unknown_currency"),
    ({"currency": "ZMK"}, "currency", "currency_not_valid"),
    ({"amount": "1.001"}, "amount", "too_many_decimals"),
    ({"amount": "NaN"}, "amount", "not_a_number"),
    ({"amount": "inf"}, "amount", "not_a_number"),
    ({"amount": "1,5"}, "amount", "not_a_number"),
    ({"amount": "0"}, "amount", "not_positive"),
    ({"amount": "-5"}, "amount", "not_positive"),
    ({"amount": "9" * 18}, "amount", "amount_overflow"),
    ({"amount": ""}, "amount", "missing_field"),
    ({"value_date": "2026-02-30"}, "value_date", "bad_date"),
    ({"value_date": "05/01/2026"}, "value_date", "bad_date"),
    ({"value_date": "0001-01-01"}, "value_date", "bad_date"),
    ({"event_at": "2026-01-05 09:30"}, "event_at", "bad_timestamp"),
    ({"event_at": "2026-01-05T09:30:00"}, "event_at", "bad_timestamp"),
    ({"event_at": "2026-13-05T09:30:00Z"}, "event_at", "bad_timestamp"),
    ({"event_at": "2026-01-07T09:30:00Z"}, "event_at", "future_event"),
    ({"kind": "gift"}, "kind", "unknown_kind"),
    ({"kind": ""}, "kind", "missing_field"),
    ({"debtor_agent": "XX-B01"}, "debtor_agent", "unknown_participant"),
    ({"debtor_account": "KE9"}, "debtor_account", "unknown_account"),
    ({"debtor_account": "clearing:UG-B01:KES"}, "debtor_account", "unknown_account"),
    ({"creditor_account": ""}, "creditor_account", "missing_field"),
    ({"creditor_account": "KE1"}, "creditor_account", "same_account"),
    ({"creditor_account": "KE3"}, "creditor_account", "account_not_open"),
    ({"kind": "fee", "debtor_agent": "ZA-B09"}, "debtor_agent", "no_book"),
    ({"debtor_agent": "ZA-B09", "creditor_agent": "GB-P01"}, "debtor_agent", "no_book"),
    ({"channel": "fax"}, "channel", "unknown_channel"),
    ({"merchant_category": "541"}, "merchant_category", "bad_merchant_category"),
    ({"purpose": "x" * 141}, "purpose", "text_too_long"),
    ({"instruction_id": "42"}, "instruction_id", "bad_id"),
    ({"instruction_id": ""}, "instruction_id", "missing_field"),
    ({"counter_currency": "USD"}, "counter_amount", "missing_field"),
    ({"counter_amount": "1"}, "counter_currency", "missing_field"),
    ({"counter_currency": "KES", "counter_amount": "1"}, "counter_currency", "same_currency"),
    ({"kind": "fx_conversion"}, "counter_currency", "missing_field"),
    ({"stated_balance": "1e3"}, "stated_balance", "not_a_number"),
]


@pytest.mark.parametrize(("changes", "field", "code"), BAD)
def test_a_bad_row_is_quarantined_and_its_neighbours_are_not(
    tmp_path: Path, changes: dict[str, str], field: str, code: str
) -> None:
    result = parsed(tmp_path, line(1), line(2, **changes), line(3))
    assert result.instructions["source_row"].to_list() == [2, 4]
    refused = result.quarantine
    assert refused.schema == pl.Schema(QUARANTINE_SCHEMA)
    assert (3, field, code) in refused.select("row", "field", "code").rows()
    assert set(refused["row"]) == {3}
    found = refused.filter(code=code).row(0, named=True)
    assert found["message"].endswith((".", ". "))
    assert ": " in found["message"]
    assert found["content"] == line(2, **changes)


def test_one_file_of_all_badness_is_accounted_for_row_by_row(tmp_path: Path) -> None:
    bad = [line(100 + n, **changes) for n, (changes, _, _) in enumerate(BAD)]
    broken = ['"unbalanced', line(200) + ",surplus", line(201) + "\x00", "", line(202)[:20], "é,\t"]
    sound = [line(n) for n in range(5)]
    result = parsed(tmp_path, *bad, *broken, *sound)
    assert result.file.rows == len(bad) + len(broken) - 1 + len(sound)
    assert result.instructions.height == 5
    assert result.quarantine["row"].n_unique() == result.file.rows - 5
    key = ("source_file", "row", "field", "code")
    assert result.quarantine.select(key).is_duplicated().sum() == 0


def test_a_repeated_instruction_is_accepted_once(tmp_path: Path) -> None:
    result = parsed(tmp_path, line(1), line(1), line(1, amount="7"), line(2, amount="x"), line(2))
    assert result.instructions["source_row"].to_list() == [2, 6]
    assert result.quarantine.select("row", "code").rows() == [
        (3, "duplicate_id"),
        (4, "duplicate_id_different_content"),
        (5, "not_a_number"),
    ]


def test_a_nostro_is_opened_by_its_reference_alone(tmp_path: Path) -> None:
    opening = {"kind": "opening_balance", "debtor_agent": "", "debtor_account": ""}
    good = line(1, **opening, creditor_account="nostro:GB-P01:KES")
    other_currency = line(2, **opening, creditor_account="nostro:GB-P01:USD")
    unknown_bank = line(3, **opening, creditor_account="nostro:XX-P01:KES")
    payment = line(4, creditor_account="nostro:GB-P01:KES")
    result = parsed(tmp_path, good, other_currency, unknown_bank, payment)
    assert result.instructions["source_row"].to_list() == [2]
    assert set(result.quarantine["code"]) == {"unknown_account"}


def test_an_absent_agent_is_the_other_sides_bank(tmp_path: Path) -> None:
    result = parsed(tmp_path, line(1, debtor_agent=""), line(2, debtor_agent="", creditor_agent=""))
    agents = result.instructions.select("debtor_agent", "creditor_agent").rows()
    assert agents == [("KE-B01", "KE-B01")]
    assert "missing_field" in result.quarantine["code"].to_list()


def test_participants_and_accounts_are_checked_too(tmp_path: Path) -> None:
    participants = PARTICIPANTS + (
        "ke b,Bad id,bank,KE,,KES,true\n"
        "KE-B02,Bad kind,shop,KE,,KES,true\n"
        "KE-B03,Bad country,bank,ZZ,,KES,true\n"
        "KE-B04,Bad currency,bank,KE,,KSH,maybe\n"
        "KE-B01,Again,bank,KE,,KES,true\n"
    )
    accounts = ACCOUNTS + (
        "KE-B01,cash:KES,deposit,KES,P1,person,,2024-01-01,0\n"
        "XX-B01,A,deposit,KES,P1,person,,2024-01-01,0\n"
        "ZA-B09,A,deposit,KES,P1,person,,2024-01-01,0\n"
        "KE-B01,B,bond,KSH,P1,ghost,,2024-02-30,x\n"
        "KE-B01,KE1,deposit,KES,P9,person,,2024-01-01,-1\n"
    )
    source = folder(tmp_path, participants=participants, accounts=accounts)
    assert source.participants().height == 4
    assert source.accounts().height == 4
    assert source.accounts()["overdraft_limit_minor"].to_list() == [0, None, 0, 2500]
    refused = source.refused_reference()
    assert refused.filter(source_file="participants.csv")["row"].n_unique() == 5
    assert set(refused.filter(source_file="accounts.csv")["code"]) == {
        "bad_account",
        "unknown_participant",
        "no_book",
        "unknown_value",
        "unknown_currency",
        "bad_date",
        "not_a_number",
        "not_positive",
        "duplicate_id_different_content",
    } - {"not_a_number"}  # without a currency there is no telling what its decimals are


def test_missing_files_are_quarantined(tmp_path: Path) -> None:
    source = ImportFolder(tmp_path)
    assert source.business_dates() == []
    assert source.received(DAY) is None
    assert source.refused_reference().select("source_file", "code").rows() == [
        ("participants.csv", "file_missing"),
        ("accounts.csv", "file_missing"),
    ]
    with pytest.raises(NoInstructions):
        source.parsed(DAY)


def test_an_unreadable_instruction_file_is_refused_whole(tmp_path: Path) -> None:
    source = folder(tmp_path)
    (tmp_path / "instructions" / f"{DAY}.csv").write_bytes(b"\x80\x81")
    result = source.parsed(DAY)
    assert result.instructions.is_empty()
    assert result.quarantine.select("row", "code").rows() == [(0, "not_utf8")]


def test_only_files_named_by_a_date_are_read(tmp_path: Path) -> None:
    source = folder(tmp_path)
    for name in ("notes", "20260106", "2026-01-04"):
        (tmp_path / "instructions" / f"{name}.csv").write_text("")
    assert source.business_dates() == [date(2026, 1, 4), DAY]


def test_the_hash_of_a_received_file_is_that_of_the_parsed_one(tmp_path: Path) -> None:
    source = folder(tmp_path, line(1))
    received = source.received(DAY)
    assert received is not None
    assert received.sha256 == source.parsed(DAY).file.sha256


def test_every_code_has_its_sentence() -> None:
    assert set(SENTENCES) == set(Refusal)
    assert all(sentence.count("{}") == 1 for sentence in SENTENCES.values())
