"""What the simulation writes: the import format, kept to the letter, the same for the same seed."""

import hashlib
import uuid
from collections import Counter
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from ledger_service.payments.instructions import PaymentKind
from pipelines.simulation.simulate import InvalidSimulation, LeftoverFiles, simulate

EXPONENTS = {
    **dict.fromkeys(("UGX", "RWF", "XOF", "XAF"), 0),
    **dict.fromkeys(
        ("KES", "TZS", "ETB", "NGN", "GHS", "EGP", "MAD", "ZAR", "ZMW", "MGA", "USD", "EUR"), 2
    ),
    "TND": 3,
}  # ISO 4217, retyped here so that a slip in the data file is seen
FIRST = "2024-05-29"
CHANNELS = {"branch", "app", "ussd", "card", "file"}


def digests(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def small(
    root: Path, *, seed: int, first_date: date = date(2024, 3, 5), days: int = 1
) -> dict[str, str]:
    simulate(
        out=root / "input",
        truth=root / "truth",
        seed=seed,
        first_date=first_date,
        days=days,
        customers=300,
    )
    return digests(root)


def test_the_same_arguments_give_the_same_bytes_in_every_file(tmp_path: Path) -> None:
    first, second = small(tmp_path / "a", seed=5), small(tmp_path / "b", seed=5)
    assert first == second
    assert len(first) > 60


def test_a_rerun_in_the_same_folder_changes_nothing(tmp_path: Path) -> None:
    assert small(tmp_path, seed=5) == small(tmp_path, seed=5)


def test_another_seed_gives_another_economy(tmp_path: Path) -> None:
    first, second = small(tmp_path / "a", seed=5), small(tmp_path / "b", seed=6)
    for name in (
        "input/accounts.csv",
        "input/instructions/2024-03-05.csv",
        "input/credit/trainperf.csv.gz",
        "truth/aml_typologies.csv",
    ):
        assert first[name] != second[name]


def test_more_days_do_not_change_who_lives_in_the_economy(tmp_path: Path) -> None:
    first, second = small(tmp_path / "a", seed=5), small(tmp_path / "b", seed=5, days=2)
    assert first["input/accounts.csv"] == second["input/accounts.csv"]


def test_a_folder_with_other_dates_is_refused(tmp_path: Path) -> None:
    small(tmp_path, seed=5)
    with pytest.raises(LeftoverFiles) as caught:
        small(tmp_path, seed=5, first_date=date(2024, 3, 6))
    assert caught.value.dates == ["2024-03-05"]


@pytest.mark.parametrize(
    ("argument", "value"), [("customers", 199), ("days", 0), ("days", 367), ("seed", -1)]
)
def test_an_argument_out_of_range_is_refused_before_anything_is_written(
    tmp_path: Path, argument: str, value: int
) -> None:
    arguments = {"seed": 1, "days": 1, "customers": 300} | {argument: value}
    with pytest.raises(InvalidSimulation) as caught:
        simulate(out=tmp_path / "o", truth=tmp_path / "t", first_date=date(2024, 3, 5), **arguments)
    assert caught.value.argument == argument
    assert list(tmp_path.iterdir()) == []


def test_the_economy_spans_at_least_twelve_countries_each_with_one_partner_bank(simulated) -> None:
    partners = Counter(p["country"] for p in simulated.participants if p["kind"] == "partner_bank")
    assert len(partners) >= 12
    assert set(partners.values()) == {1}
    assert {p["kind"] for p in simulated.participants} == {
        "bank",
        "mobile_money",
        "fintech",
        "partner_bank",
    }
    for participant in simulated.participants:
        assert participant["has_book"] == ("false" if participant["kind"] == "partner_bank" else "true")
        assert participant["bic"][4:6] == participant["country"]
    assert len({p["bic"] for p in simulated.participants}) == len(simulated.participants)


def test_every_country_has_customers_and_every_kind_of_holder(simulated) -> None:
    assert len({a["participant_id"][:2] for a in simulated.accounts}) >= 12
    assert {a["party_kind"] for a in simulated.accounts} == {"person", "freelancer", "sme"}
    assert len({a["account"] for a in simulated.accounts}) == len(simulated.accounts)
    kinds = {p["participant_id"]: p["kind"] for p in simulated.participants}
    for account in simulated.accounts:
        product = "deposit" if kinds[account["participant_id"]] == "bank" else "wallet"
        assert account["product"] == product
        assert account["overdraft_limit"] == "0"


def test_some_holders_have_a_second_account_in_dollars_or_euros(simulated) -> None:
    held = Counter(account["party_id"] for account in simulated.accounts)
    several = {party for party, count in held.items() if count == 2}
    assert several
    assert max(held.values()) == 2
    currencies = [a["currency"] for a in simulated.accounts if a["party_id"] in several]
    assert sum(c in {"USD", "EUR"} for c in currencies) == len(several)


def test_every_kind_of_payment_occurs_but_penalties_for_nobody_may_be_overdrawn(simulated) -> None:
    kinds = {row["kind"] for row in simulated.all_instructions}
    assert kinds == {str(kind) for kind in PaymentKind} - {PaymentKind.PENALTY_INTEREST}


def test_identifiers_are_unique_uuids_of_version_7_with_the_event_time(simulated) -> None:
    identifiers = [row["instruction_id"] for row in simulated.all_instructions]
    assert len(set(identifiers)) == len(identifiers) == simulated.summary.instructions
    for row in simulated.all_instructions[::50]:
        identifier = uuid.UUID(row["instruction_id"])
        assert (identifier.version, identifier.variant) == (7, uuid.RFC_4122)
        at = datetime.fromisoformat(row["event_at"])
        assert identifier.int >> 80 == int(at.timestamp() * 1000)


def test_amounts_have_exactly_the_digits_of_their_currency(simulated) -> None:
    for row in simulated.all_instructions:
        for currency, amount in (("currency", "amount"), ("counter_currency", "counter_amount")):
            if row[currency]:
                digits = EXPONENTS[row[currency]]
                assert len(row[amount].partition(".")[2]) == digits
                assert Decimal(row[amount]) > 0


def test_every_reference_resolves(simulated) -> None:
    books = {p["participant_id"]: p["has_book"] == "true" for p in simulated.participants}
    accounts = {(a["participant_id"], a["account"]): a for a in simulated.accounts}
    for row in simulated.all_instructions:
        for side in ("debtor", "creditor"):
            agent, account = row[f"{side}_agent"], row[f"{side}_account"]
            if not agent:
                assert not account
            elif account.startswith("nostro:"):
                _, partner, currency = account.split(":")
                assert books[agent]
                assert books[partner] is False
                assert (row["kind"], row["currency"]) == ("opening_balance", currency)
            elif books[agent]:
                held = accounts[agent, account]
                currency = (row["counter_currency"] if side == "creditor" else "") or row["currency"]
                assert held["currency"] == currency
                assert held["holder_name"] == row[f"{side}_name"]


def test_each_kind_has_its_sides(simulated) -> None:
    books = {p["participant_id"]: p["has_book"] == "true" for p in simulated.participants}
    outside = {"payout": "creditor", "collection": "debtor"}
    for row in simulated.all_instructions:
        sides = {side for side in ("debtor", "creditor") if row[f"{side}_agent"]}
        expected = {
            **{
                key: {"creditor"}
                for key in ("opening_balance", "cash_deposit", "interest_credit", "loan_disbursement")
            },
            **{key: {"debtor"} for key in ("cash_withdrawal", "card_purchase", "fee", "loan_repayment")},
        }.get(row["kind"], {"debtor", "creditor"})
        assert sides == expected
        if row["kind"] in outside:
            assert not books[row[f"{outside[row['kind']]}_agent"]]
        assert bool(row["merchant_category"]) == (row["kind"] == "card_purchase")
        assert row["channel"] in CHANNELS
        assert row["stated_balance"] == ""


def test_end_to_end_ids_are_unique_and_fit_the_format(simulated) -> None:
    ids = [row["end_to_end_id"] for row in simulated.all_instructions]
    assert len(set(ids)) == len(ids)
    assert max(map(len, ids)) <= 35
    assert max(len(row["purpose"]) for row in simulated.all_instructions) <= 140


def test_each_file_holds_its_date_in_order_of_event_time(simulated) -> None:
    assert sorted(simulated.instructions) == ["2024-05-29", "2024-05-30", "2024-05-31"]
    for day, instructions in simulated.instructions.items():
        times = [datetime.fromisoformat(row["event_at"]) for row in instructions]
        assert times == sorted(times)
        for row in instructions:
            if row["kind"] == "opening_balance":
                assert row["event_at"][:10] < row["value_date"] == day
            else:
                assert row["event_at"][:10] == row["value_date"]
                assert row["value_date"] == day or (row["kind"].startswith("loan_") and day == FIRST)


def test_every_account_and_every_nostro_opens_once_before_the_first_date(simulated) -> None:
    opened = Counter(
        (row["creditor_agent"], row["creditor_account"]) for row in simulated.of_kind("opening_balance")
    )
    assert set(opened.values()) == {1}
    assert {(a["participant_id"], a["account"]) for a in simulated.accounts} <= set(opened)
    used = {
        (r["debtor_agent"], f"nostro:{r['creditor_agent']}:{r['currency']}")
        for r in simulated.of_kind("payout")
    }
    assert used <= set(opened)
    since = {(a["participant_id"], a["account"]): a["opened_on"] for a in simulated.accounts}
    for row in simulated.of_kind("opening_balance"):
        if opening := since.get((row["creditor_agent"], row["creditor_account"])):
            assert opening <= row["event_at"][:10] < "2024-05-29"


def test_no_holder_has_a_personal_name(simulated) -> None:
    labels = {account["holder_name"].split(" ")[0] for account in simulated.accounts}
    assert labels == {"Customer", "Freelancer", "Trader", "Merchant"}
