"""When a rule alerts: on the date that completes its pattern, not before, and not again after."""

from datetime import date, timedelta

import pytest

from tests.pipelines.aml.aml_books import Books

THRESHOLD = 130_000_000
EVE = date(2025, 3, 4)
DAY = date(2025, 3, 5)


def crowd(side: str, count: int):
    """Payments between a hub and as many parties, all but the last on the eve."""
    return [
        (EVE if n < count - 1 else DAY, 12 if n < count - 1 else 8, "credit_transfer",
         f"KE-P01/x{n}" if side == "in" else "ann", "ann" if side == "in" else f"KE-P01/x{n}",
         500_000)
        for n in range(count)
    ]  # fmt: skip


PATTERNS = {
    "large_cash": [
        (EVE, 12, "cash_deposit", None, "ann", THRESHOLD - 1),
        (DAY, 12, "cash_deposit", None, "ann", THRESHOLD),
    ],
    "structuring": [
        (EVE, 10, "cash_deposit", None, "ann", THRESHOLD // 2),
        (EVE, 11, "cash_deposit", None, "ann", THRESHOLD // 2),
        (DAY, 12, "cash_deposit", None, "ann", THRESHOLD // 2),
    ],
    "rapid_movement": [
        (EVE, 20, "collection", "KE-P01/x", "ann", THRESHOLD // 2),
        (DAY, 8, "credit_transfer", "ann", "KE-P01/y", THRESHOLD // 2),
    ],
    "fan_in": crowd("in", 10),
    "fan_out": crowd("out", 15),
    "dormant_reactivation": [
        (EVE, 10, "credit_transfer", "ann", "KE-P01/x", 100),
        (DAY, 10, "credit_transfer", "ann", "KE-P01/x", THRESHOLD // 40),
    ],
    "round_tripping": [
        (EVE, 10, "payout", "ann", "KE-P01/x", THRESHOLD // 10),
        (DAY, 10, "collection", "KE-P01/x", "ann", THRESHOLD // 10),
    ],
    "high_risk_corridor": [
        (EVE, 10, "payout", "ann", "UG-B01/x", 100),
        (DAY, 10, "payout", "ann", "KP-P01/x", 100),
    ],
}
"""Per rule: payments (date, hour, kind, debtor, creditor, amount) of which the last completes it."""


def book(books: Books, pattern):
    for day, hour, kind, debtor, creditor, amount in pattern:
        books.pay(amount, kind=kind, debtor=debtor, creditor=creditor, at=f"{day}T{hour:02}:00")


@pytest.fixture
def planted(books, request) -> Books:
    """The books with the pattern of `request.param`; the account slept for a year before it."""
    books.pay(
        10 * THRESHOLD, kind="opening_balance", creditor="ann", at="2024-03-01T10:00",
        business_date=date(2025, 3, 1),
    )  # fmt: skip
    book(books, PATTERNS[request.param])
    return books


each_rule = pytest.mark.parametrize(
    ("planted", "rule_id"), [(name, name) for name in PATTERNS], indirect=["planted"]
)


def test_every_shipped_rule_has_a_pattern(shipped):
    assert {rule.rule_id for rule in shipped} == set(PATTERNS)


@each_rule
def test_the_date_that_completes_the_pattern_alerts(planted, swept, rule_id):
    assert swept(str(DAY), rule_id).alerts["rule_id"].to_list() == [rule_id]


@each_rule
def test_the_eve_does_not_see_what_comes_after_it(planted, swept, rule_id):
    assert swept(str(EVE), rule_id).alerts.height == 0


@each_rule
@pytest.mark.parametrize("days_later", [1, 2])
def test_the_same_transfers_are_not_alerted_again(planted, swept, rule_id, days_later):
    assert swept(str(DAY + timedelta(days=days_later)), rule_id).alerts.height == 0


@each_rule
def test_an_unrelated_payment_the_next_day_does_not_bring_the_alert_back(planted, swept, rule_id):
    planted.pay(50, debtor="ann", creditor="KE-P01/z", at=f"{DAY + timedelta(days=1)}T09:00")
    assert swept(str(DAY + timedelta(days=1)), rule_id).alerts.height == 0


@each_rule
def test_the_ref_does_not_depend_on_the_order_of_the_rows(planted, swept, rule_id):
    expected = swept(str(DAY), rule_id).alerts["ref"].to_list()
    planted.entries.reverse()
    planted.payments.reverse()
    assert swept(str(DAY), rule_id).alerts["ref"].to_list() == expected


def test_deposits_at_the_threshold_are_reported_not_structured(books, swept):
    for day in (3, 4, 5):
        books.pay(THRESHOLD, kind="cash_deposit", creditor="ann", at=f"2025-03-{day:02}T10:00")
    assert swept("2025-03-05").alerts["rule_id"].to_list() == ["large_cash"]
