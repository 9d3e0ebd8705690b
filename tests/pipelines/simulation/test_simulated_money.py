"""The simulated money, replayed payment by payment: covered, converted, heavy-tailed, at human hours."""

from collections import Counter, defaultdict
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from pipelines.simulation.economy import RATE_SCALE, converted, decimal_text, load_economy

Account = tuple[str, str]
FIRST = "2024-05-29"


def moves(row: dict[str, str]) -> list[tuple[Account, Decimal]]:
    """What a payment adds to customers' accounts and nostros."""
    amount = Decimal(row["amount"])
    received = Decimal(row["counter_amount"] or row["amount"])
    debtor = (row["debtor_agent"], row["debtor_account"])
    creditor = (row["creditor_agent"], row["creditor_account"])
    if row["kind"] == "payout":
        nostro = f"nostro:{row['creditor_agent']}:{row['currency']}"
        return [(debtor, -amount), ((row["debtor_agent"], nostro), -amount)]
    if row["kind"] == "collection":
        nostro = f"nostro:{row['debtor_agent']}:{row['currency']}"
        return [(creditor, amount), ((row["creditor_agent"], nostro), amount)]
    sides = [(debtor, -amount)] if row["debtor_agent"] else []
    return sides + ([(creditor, received)] if row["creditor_agent"] else [])


def test_replayed_in_file_order_only_the_planted_payments_are_not_covered(simulated) -> None:
    planted = {row["instruction_id"] for row in simulated.true("insufficient_funds")}
    balances: dict[Account, Decimal] = defaultdict(Decimal)
    refused = set()
    for row in simulated.all_instructions:
        changes = moves(row)
        if any(change < 0 and balances[account] + change < 0 for account, change in changes):
            refused.add(row["instruction_id"])
            continue
        for account, change in changes:
            balances[account] += change
    assert refused == planted
    assert len(planted) == simulated.summary.shortfalls >= 3 * 3


def test_covered_whatever_the_order_of_a_day_but_for_rapid_movements(simulated) -> None:
    skipped = {row["instruction_id"] for row in simulated.true("insufficient_funds")}
    rapid = {
        (row["participant"], row["account"])
        for row in simulated.true("aml_typologies")
        if row["typology"] == "rapid_movement"
    }
    morning: dict[Account, Decimal] = defaultdict(Decimal)
    for _, instructions in sorted(simulated.instructions.items()):
        spent: dict[Account, Decimal] = defaultdict(Decimal)
        gained: dict[Account, Decimal] = defaultdict(Decimal)
        for row in instructions:
            if row["instruction_id"] in skipped:
                continue
            for account, change in moves(row):
                before = row["kind"] == "opening_balance" or row["value_date"] < FIRST
                (morning if before else gained if change > 0 else spent)[account] += change
        assert all(morning[a] + change >= 0 for a, change in spent.items() if a not in rapid)
        for change in (spent, gained):
            for account, amount in change.items():
                morning[account] += amount


def test_a_planted_shortfall_exceeds_all_that_the_account_could_have(simulated) -> None:
    skipped = {row["instruction_id"] for row in simulated.true("insufficient_funds")}
    had: dict[Account, Decimal] = defaultdict(Decimal)
    for _, instructions in sorted(simulated.instructions.items()):
        most = dict(had)
        for row in instructions:
            if row["instruction_id"] not in skipped:
                for account, change in moves(row):
                    had[account] += change
                    if change > 0:
                        most[account] = most.get(account, Decimal()) + change
        for row in instructions:
            if row["instruction_id"] in skipped:
                assert Decimal(row["amount"]) > most[row["debtor_agent"], row["debtor_account"]]


def test_a_conversion_follows_the_declared_rates_and_rounds_half_even(simulated) -> None:
    with (simulated.out / "rates.csv").open() as file:
        header, *lines = (line.strip().split(",") for line in file)
    rates = {line[0]: dict(zip(header, line, strict=True)) for line in lines}
    conversions = [row for row in simulated.all_instructions if row["counter_currency"]]
    assert {row["kind"] for row in conversions} == {"remittance", "fx_conversion"}
    for row in conversions:
        source, target = rates[row["currency"]], rates[row["counter_currency"]]
        spread = max(int(source["spread_bp"]), int(target["spread_bp"]))
        exact = (
            Fraction(row["amount"])
            * Fraction(target["units_per_usd"])
            / Fraction(source["units_per_usd"])
            * (10_000 - spread)
            / 10_000
        )
        scale = 10 ** int(target["exponent"])
        assert Fraction(row["counter_amount"]) * scale == round(exact * scale)  # round is half even


CURRENCIES = load_economy().currencies.rows(named=True)


@given(
    st.integers(1, 10**15), st.sampled_from(CURRENCIES), st.sampled_from(CURRENCIES), st.integers(0, 500)
)
def test_conversion_agrees_with_exact_fractions(
    amount: int, source: dict, target: dict, spread: int
) -> None:
    answer = pl.select(
        converted(
            pl.lit(amount),
            source=(pl.lit(source["rate"]), pl.lit(source["exponent"])),
            target=(pl.lit(target["rate"]), pl.lit(target["exponent"])),
            spread_bp=pl.lit(spread),
        )
    ).item()
    exact = (
        Fraction(amount * target["rate"], source["rate"])
        * Fraction(10_000 - spread, 10_000)
        * Fraction(10) ** (target["exponent"] - source["exponent"])
    )
    assert answer == round(exact)


@given(st.integers(0, 2**62), st.sampled_from([0, 2, 3]))
def test_minor_units_are_written_as_decimals_without_loss(amount: int, exponent: int) -> None:
    text = pl.select(decimal_text(pl.lit(amount), pl.lit(exponent))).item()
    assert Decimal(text).scaleb(exponent) == amount
    assert len(text.partition(".")[2]) == exponent


def test_the_declared_rates_keep_their_four_decimals() -> None:
    for row in CURRENCIES:
        assert Decimal(row["units_per_usd"]) * RATE_SCALE == row["rate"]
        thousand_dollars = 10_000 * Decimal(row["units_per_usd"])
        threshold = Decimal(row["threshold_minor"]).scaleb(-row["exponent"])
        ratio = (threshold / thousand_dollars).quantize(Decimal("0.01"), ROUND_HALF_EVEN)
        assert Decimal("0.9") < ratio < Decimal("1.1")


def test_amounts_have_a_heavy_tail(simulated) -> None:
    for currency in ("NGN", "KES"):
        amounts = sorted(
            Decimal(row["amount"])
            for row in simulated.of_kind("credit_transfer", "merchant_payment", "collection")
            if row["currency"] == currency
        )
        top = amounts[-len(amounts) // 100 :]
        assert sum(top) > sum(amounts) / 10  # one in a hundred moves more than a tenth
        assert sum(amounts) / len(amounts) > 2 * amounts[len(amounts) // 2]


def test_people_pay_by_day_and_offices_work_in_office_hours(simulated) -> None:
    retail = Counter(int(r["event_at"][11:13]) for r in simulated.of_kind("merchant_payment"))
    night, day = sum(retail[h] for h in range(5)), sum(retail[h] for h in range(9, 21))
    assert day > 0.75 * retail.total()
    assert 0 <= night < 0.03 * retail.total()
    payouts = Counter(int(r["event_at"][11:13]) for r in simulated.of_kind("payout"))
    assert sum(payouts[h] for h in range(7, 19)) > 0.85 * payouts.total()


def test_local_times_carry_the_offset_of_the_country(simulated) -> None:
    offsets = {
        row["country"]: f"+{row['utc_offset_hours']:02}:00"
        for row in load_economy().countries.iter_rows(named=True)
    }
    for row in simulated.all_instructions:
        country = (row["debtor_agent"] or row["creditor_agent"])[:2]
        assert row["event_at"][19:] == offsets[country]


def test_salaries_are_paid_on_the_payday_of_each_country(simulated) -> None:
    paid = defaultdict(set)
    for row in simulated.of_kind("salary"):
        paid[row["value_date"]].add(row["debtor_agent"][:2])
    assert dict(paid) == {"2024-05-30": {"ET", "MG"}}


def test_the_month_ends_with_interest_and_account_charges(simulated) -> None:
    assert {row["value_date"] for row in simulated.of_kind("interest_credit")} == {"2024-05-31"}


def test_banks_of_different_books_and_countries_trade_with_each_other(simulated) -> None:
    transfers = simulated.of_kind("credit_transfer")
    interbank = [r for r in transfers if r["debtor_agent"] != r["creditor_agent"]]
    assert 0.2 < len(interbank) / len(transfers) < 0.7
    assert all(r["debtor_agent"][:2] == r["creditor_agent"][:2] for r in transfers)
    remittances = simulated.of_kind("remittance")
    assert all(r["debtor_agent"][:2] != r["creditor_agent"][:2] for r in remittances)
    for row in simulated.of_kind("fx_conversion"):
        assert row["debtor_name"] == row["creditor_name"]
