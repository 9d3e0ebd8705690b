"""Each shipped rule fires on a minimal case of its typology, and not just below its limits."""

from datetime import date

import polars as pl
import pytest

THRESHOLD = 130_000_000
"""The reporting threshold of KES in minor units, as `thresholds.csv` declares it."""


def fired(result, *columns):
    """The alerts as (rule id, account, ...) tuples."""
    return result.alerts.select("rule_id", "party_id", *columns).rows()


def payments_of(result, books):
    """The payment ids behind the alerts."""
    entries = books.frames()["entries"].collect()
    joined = result.alert_transfers.join(entries, on=["book_id", "account_id", "version"])
    return set(joined["payment_id"])


class TestLargeCash:
    def test_a_deposit_at_the_threshold_fires(self, books, swept):
        books.pay(THRESHOLD, kind="cash_deposit", creditor="ann", at="2025-03-03T10:00")
        assert fired(swept("2025-03-03")) == [("large_cash", "party-ann")]

    def test_a_withdrawal_fires_too(self, books, swept):
        books.pay(THRESHOLD, kind="cash_withdrawal", debtor="ann", at="2025-03-03T10:00")
        assert fired(swept("2025-03-03")) == [("large_cash", "party-ann")]

    def test_one_minor_unit_below_does_not(self, books, swept):
        books.pay(THRESHOLD - 1, kind="cash_deposit", creditor="ann", at="2025-03-03T10:00")
        assert fired(swept("2025-03-03")) == []

    def test_a_transfer_is_not_cash(self, books, swept):
        books.pay(THRESHOLD * 2, debtor="ann", creditor="ben", at="2025-03-03T10:00")
        assert fired(swept("2025-03-03")) == []

    def test_it_fires_on_its_date_only(self, books, swept):
        books.pay(THRESHOLD, kind="cash_deposit", creditor="ann", at="2025-03-03T10:00")
        assert fired(swept("2025-03-04")) == []

    def test_the_sentence_gives_amount_and_threshold(self, books, swept):
        books.pay(THRESHOLD + 5, kind="cash_deposit", creditor="ann", at="2025-03-03T10:00")
        (sentence,) = swept("2025-03-03").alerts["explanation"]
        assert sentence == ("KES 1,300,000.05 in cash (transfers: 1), each at or above KES 1,300,000.00")

    def test_a_currency_without_minor_units_is_held_to_its_own_threshold(self, books, swept):
        books.pay(37_000_000, kind="cash_deposit", creditor="ann", at="2025-03-03T10:00", currency="UGX")
        books.pay(36_999_999, kind="cash_deposit", creditor="ben", at="2025-03-03T10:00", currency="UGX")
        result = swept("2025-03-03")
        assert fired(result) == [("large_cash", "party-ann")]
        assert "UGX 37,000,000 in cash" in result.alerts["explanation"][0]


class TestStructuring:
    def deposits(self, books, *amounts, start=3):
        for day, amount in enumerate(amounts, start):
            books.pay(amount, kind="cash_deposit", creditor="ann", at=f"2025-03-{day:02}T10:00")

    def test_three_deposits_that_together_reach_the_threshold_fire_on_the_third_day(self, books, swept):
        third = THRESHOLD // 3 + 1
        self.deposits(books, third, third, third)
        assert fired(swept("2025-03-04")) == []
        result = swept("2025-03-05")
        assert fired(result, "transfers") == [("structuring", "party-ann", 3)]
        assert payments_of(result, books) == {"p000000", "p000001", "p000002"}

    def test_together_below_the_threshold_does_not(self, books, swept):
        third = THRESHOLD // 3
        self.deposits(books, third, third, third)
        assert 3 * third < THRESHOLD
        assert fired(swept("2025-03-05")) == []

    def test_two_deposits_do_not(self, books, swept):
        self.deposits(books, THRESHOLD - 1, THRESHOLD - 1)
        assert fired(swept("2025-03-04")) == []

    def test_deposits_too_far_apart_do_not(self, books, swept):
        half = THRESHOLD // 2
        for day in (3, 7, 12):
            books.pay(half, kind="cash_deposit", creditor="ann", at=f"2025-03-{day:02}T10:00")
        assert fired(swept("2025-03-12")) == []

    def test_small_takings_do_not(self, books, swept):
        for hour in range(8, 18):
            at = f"2025-03-03T{hour:02}:00"
            books.pay(THRESHOLD * 29 // 100, kind="cash_deposit", creditor="ann", at=at)
        assert fired(swept("2025-03-03")) == []

    def test_what_was_alerted_is_not_alerted_again_the_next_day(self, books, swept):
        half = THRESHOLD // 2
        self.deposits(books, half, half, half, half)
        assert fired(swept("2025-03-05")) == [("structuring", "party-ann")]
        assert fired(swept("2025-03-06")) == []

    def test_a_deposit_that_is_booked_late_completes_the_pattern_on_the_date_it_is_known(
        self, books, swept
    ):
        third = THRESHOLD // 3 + 1
        self.deposits(books, third)
        books.pay(third, kind="cash_deposit", creditor="ann", at="2025-03-05T10:00")
        books.pay(
            third, kind="cash_deposit", creditor="ann", at="2025-03-04T10:00",
            business_date=date(2025, 3, 7),
        )  # fmt: skip
        assert fired(swept("2025-03-05")) == []
        assert fired(swept("2025-03-07"), "transfers") == [("structuring", "party-ann", 3)]


class TestRapidMovement:
    def passed(self, books, *, received, left, hours=2):
        books.pay(received, kind="collection", debtor="KE-P01/x", creditor="mule", at="2025-03-03T08:00")
        at = f"2025-03-{3 + (8 + hours) // 24:02}T{(8 + hours) % 24:02}:00"
        books.pay(left, debtor="mule", creditor="ben", at=at)

    def test_nine_tenths_leaving_within_the_hours_fires(self, books, swept):
        self.passed(books, received=30_000_000, left=27_000_000)
        result = swept("2025-03-03")
        assert fired(result, "amount_minor") == [("rapid_movement", "party-mule", 57_000_000)]
        assert (
            "KES 300,000.00 came in and KES 270,000.00 left within 24 hours"
            in (result.alerts["explanation"][0])
        )
        assert "90 % to 105 %" in result.alerts["explanation"][0]

    def test_a_minor_unit_less_does_not(self, books, swept):
        self.passed(books, received=30_000_000, left=26_999_999)
        assert fired(swept("2025-03-03")) == []

    def test_a_small_receipt_does_not(self, books, swept):
        self.passed(books, received=THRESHOLD // 5 - 1, left=THRESHOLD // 5 - 1)
        assert fired(swept("2025-03-03")) == []

    def test_more_than_came_in_is_the_customers_own_money(self, books, swept):
        self.passed(books, received=30_000_000, left=31_500_001)
        assert fired(swept("2025-03-03")) == []

    def test_the_last_hour_counts_and_the_next_does_not(self, books, swept):
        self.passed(books, received=30_000_000, left=27_000_000, hours=24)
        assert fired(swept("2025-03-04")) == [("rapid_movement", "party-mule")]

    def test_after_the_last_hour_it_does_not(self, books, swept):
        self.passed(books, received=30_000_000, left=27_000_000, hours=25)
        assert fired(swept("2025-03-04")) == []

    def test_a_salary_that_is_spent_does_not(self, books, swept):
        books.pay(30_000_000, kind="salary", debtor="firm", creditor="ann", at="2025-03-03T08:00")
        books.pay(29_000_000, debtor="ann", creditor="ben", at="2025-03-03T09:00")
        assert fired(swept("2025-03-03")) == []

    def test_money_that_left_before_it_came_does_not(self, books, swept):
        books.pay(30_000_000, debtor="ann", creditor="ben", at="2025-03-03T07:00")
        books.pay(
            30_000_000, kind="collection", debtor="KE-P01/x", creditor="ann", at="2025-03-03T08:00"
        )
        assert fired(swept("2025-03-03")) == []


@pytest.mark.parametrize(("rule_id", "limit"), [("fan_in", 10), ("fan_out", 15)])
class TestFans:
    def spread(self, books, rule_id, *, parties, amount=500_000):
        for n in range(parties):
            hub, party = "hub", f"KE-P01/x{n}"
            debtor, creditor = (party, hub) if rule_id == "fan_in" else (hub, party)
            books.pay(amount, debtor=debtor, creditor=creditor, at=f"2025-03-03T{n:02}:00")

    def test_as_many_parties_as_the_limit_fire(self, books, swept, rule_id, limit):
        self.spread(books, rule_id, parties=limit)
        result = swept("2025-03-03")
        assert fired(result, "transfers") == [(rule_id, "party-hub", limit)]
        assert result.alerts["explanation"][0].startswith(f"{limit} different pay")

    def test_one_party_less_does_not(self, books, swept, rule_id, limit):
        self.spread(books, rule_id, parties=limit - 1)
        assert fired(swept("2025-03-03")) == []

    def test_one_party_many_times_does_not(self, books, swept, rule_id, limit):
        for _ in range(3):
            self.spread(books, rule_id, parties=limit // 2)
        assert fired(swept("2025-03-03")) == []

    def test_trifles_do_not(self, books, swept, rule_id, limit):
        self.spread(books, rule_id, parties=limit, amount=THRESHOLD // 400 // limit - 1)
        assert fired(swept("2025-03-03")) == []

    def test_the_other_direction_does_not(self, books, swept, rule_id, limit):
        self.spread(books, rule_id, parties=limit)
        other = {"fan_in": "fan_out", "fan_out": "fan_in"}[rule_id]
        assert fired(swept("2025-03-03", other)) == []

    def test_parties_spread_over_more_days_do_not(self, books, swept, rule_id, limit):
        self.spread(books, rule_id, parties=limit - 1)
        debtor, creditor = ("KE-P01/late", "hub") if rule_id == "fan_in" else ("hub", "KE-P01/late")
        books.pay(500_000, debtor=debtor, creditor=creditor, at="2025-03-05T00:01")
        assert fired(swept("2025-03-05")) == []


class TestDormantReactivation:
    LARGE = THRESHOLD // 40

    def asleep_since(self, books, at):
        books.pay(
            50_000_000, kind="opening_balance", creditor="ann", at=at, business_date=date(2025, 3, 1)
        )

    def test_a_large_movement_after_the_days_fires(self, books, swept):
        self.asleep_since(books, "2024-09-04T10:00")
        books.pay(self.LARGE, debtor="ann", creditor="ben", at="2025-03-03T10:00")
        result = swept("2025-03-03")
        assert fired(result) == [("dormant_reactivation", "party-ann")]
        assert "after 180 days or more without activity" in result.alerts["explanation"][0]

    def test_a_movement_an_hour_sooner_does_not(self, books, swept):
        self.asleep_since(books, "2024-09-04T10:00")
        books.pay(self.LARGE, debtor="ann", creditor="ben", at="2025-03-03T09:00")
        assert fired(swept("2025-03-03")) == []

    def test_a_smaller_movement_does_not(self, books, swept):
        self.asleep_since(books, "2024-03-04T10:00")
        books.pay(self.LARGE - 1, debtor="ann", creditor="ben", at="2025-03-03T10:00")
        assert fired(swept("2025-03-03")) == []

    def test_fees_and_interest_do_not_wake_an_account(self, books, swept):
        self.asleep_since(books, "2024-03-04T10:00")
        books.pay(100, kind="fee", debtor="ann", at="2025-03-02T10:00")
        books.pay(100, kind="interest_credit", creditor="ann", at="2025-03-02T11:00")
        books.pay(self.LARGE, debtor="ann", creditor="ben", at="2025-03-03T10:00")
        assert fired(swept("2025-03-03")) == [("dormant_reactivation", "party-ann")]

    def test_a_small_test_payment_does_not_hide_the_large_one(self, books, swept):
        self.asleep_since(books, "2024-03-04T10:00")
        books.pay(100, debtor="ann", creditor="ben", at="2025-03-02T10:00")
        books.pay(self.LARGE, debtor="ann", creditor="ben", at="2025-03-04T10:00")
        assert fired(swept("2025-03-04")) == [("dormant_reactivation", "party-ann")]

    def test_a_week_after_waking_it_is_an_ordinary_account(self, books, swept):
        self.asleep_since(books, "2024-03-04T10:00")
        books.pay(100, debtor="ann", creditor="ben", at="2025-03-02T10:00")
        books.pay(self.LARGE, debtor="ann", creditor="ben", at="2025-03-09T10:00")
        assert fired(swept("2025-03-09")) == []

    def test_a_new_account_is_not_dormant(self, books, swept):
        books.pay(
            self.LARGE, kind="collection", debtor="KE-P01/x", creditor="ann", at="2025-03-03T10:00"
        )
        assert fired(swept("2025-03-03")) == []

    def test_an_account_quiet_throughout_the_lookback_is_dormant(self, books, swept):
        self.asleep_since(books, "2025-03-01T10:00")
        books.pay(self.LARGE, debtor="ann", creditor="ben", at="2026-03-03T10:00")
        assert fired(swept("2026-03-03")) == [("dormant_reactivation", "party-ann")]


class TestRoundTripping:
    OUT = THRESHOLD // 10

    def trip(self, books, *, back, back_at="2025-03-05T10:00", party="KE-P01/x"):
        books.pay(self.OUT, kind="payout", debtor="ann", creditor="KE-P01/x", at="2025-03-03T10:00")
        books.pay(back, kind="collection", debtor=party, creditor="ann", at=back_at)

    def test_a_return_of_nine_tenths_fires(self, books, swept):
        self.trip(books, back=self.OUT)
        result = swept("2025-03-05")
        assert fired(result, "transfers") == [("round_tripping", "party-ann", 2)]

    @pytest.mark.parametrize("back", [THRESHOLD // 10 - 1, THRESHOLD * 111 // 1000])
    def test_another_amount_does_not(self, books, swept, back):
        self.trip(books, back=back)
        assert fired(swept("2025-03-05")) == []

    def test_another_party_does_not(self, books, swept):
        self.trip(books, back=self.OUT, party="KE-P01/y")
        assert fired(swept("2025-03-05")) == []

    def test_a_later_return_does_not(self, books, swept):
        self.trip(books, back=self.OUT, back_at="2025-03-10T10:01")
        assert fired(swept("2025-03-10")) == []

    def test_between_two_customers_the_one_who_began_is_alerted(self, books, swept):
        books.pay(self.OUT, debtor="ann", creditor="ben", at="2025-03-03T10:00")
        books.pay(self.OUT, debtor="ben", creditor="ann", at="2025-03-04T10:00")
        assert fired(swept("2025-03-04", "round_tripping")) == [("round_tripping", "party-ann")]


class TestHighRiskCorridor:
    def test_a_payment_to_a_listed_jurisdiction_fires(self, books, swept):
        books.pay(1, kind="payout", debtor="ann", creditor="KP-P01/x", at="2025-03-03T10:00")
        assert fired(swept("2025-03-03")) == [("high_risk_corridor", "party-ann")]

    def test_before_the_jurisdiction_was_listed_it_does_not(self, books, swept):
        books.pay(1, kind="payout", debtor="ann", creditor="KP-P01/x", at="2019-03-04T10:00")
        assert fired(swept("2019-03-04")) == []

    def test_a_neighbour_is_not_listed(self, books, swept):
        books.pay(1, kind="payout", debtor="ann", creditor="UG-B01/x", at="2025-03-03T10:00")
        assert fired(swept("2025-03-03")) == []


def test_evidence_leads_to_the_entries_of_every_alert(books, swept):
    third = THRESHOLD // 3 + 1
    for hour in (8, 9, 10):
        books.pay(third, kind="cash_deposit", creditor="ann", at=f"2025-03-03T{hour:02}:00")
    books.pay(5, kind="fee", debtor="ann", at="2025-03-03T10:30")
    books.pay(third, kind="cash_deposit", creditor="ann", at="2025-03-03T11:00")
    result = swept("2025-03-03", "structuring")
    runs = result.evidence.select("version_from", "version_to").rows()
    assert runs == [(1, 3), (5, 5)]
    assert result.evidence["ref"].unique().to_list() == result.alerts["ref"].to_list()
    assert result.alerts["amount_minor"].sum() == result.alert_transfers["amount_minor"].sum()
    assert result.alerts["transfers"].to_list() == [4]


def test_the_ref_is_stable_and_names_date_and_rule(books, swept):
    books.pay(THRESHOLD, kind="cash_deposit", creditor="ann", at="2025-03-03T10:00")
    (ref,) = swept("2025-03-03").alerts["ref"]
    assert ref.startswith("alert:2025-03-03:large_cash:")
    assert len(ref.rpartition(":")[2]) == 12
    assert swept("2025-03-03").alerts["ref"].to_list() == [ref]


def test_the_frames_are_of_their_tables_when_nothing_fires(books, swept):
    result = swept("2025-03-03")
    assert isinstance(result.alerts, pl.DataFrame)
    assert result.alerts.height == result.alert_transfers.height == result.evidence.height == 0
