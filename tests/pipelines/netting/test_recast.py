"""A recast is the netting of what is left, and says of everything else why it is not there."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.payments.settlement import recast as ledger_recast
from pipelines.netting.recast import SETTLED_SCHEMA, Consequence, Reason, SettledUnknown, recast, unpaid
from pipelines.netting.ties import TieIncomplete
from pipelines.netting.verification import netting_violations
from pipelines.netting.waterfall import Loss
from tests.pipelines.netting.owed_windows import DAY, Owed, debt_lists, nets, owed, tie_lists, tied

TWO_OF_FIVE: list[Owed] = [
    ("w1", "KES", "amani", "baobab", 100),  # 0: debtor defaulted
    ("w1", "KES", "baobab", "cauri", 80),  # 1
    ("w1", "KES", "cauri", "amani", 30),  # 2: creditor defaulted
    ("w1", "KES", "amani", "dhow", 5),  # 3: both defaulted
    ("w1", "UGX", "dhow", "cauri", 9),  # 4: debtor defaulted
    ("w1", "UGX", "cauri", "enzi", 4),  # 5
    ("w2", "KES", "baobab", "amani", 7),  # 6: creditor defaulted
]


def amounts(frame: pl.DataFrame, column: str) -> dict[tuple[str, str, str], int]:
    rows = frame.select("window_id", "currency", "participant_id", column).rows()
    return {(window, currency, name): amount for window, currency, name, amount in rows}


def test_every_obligation_left_out_is_a_row_with_its_reason_and_what_it_means_for_the_other() -> None:
    found = recast(owed(*TWO_OF_FIVE), {"amani", "dhow"})
    rows = {
        row["payment_id"]: (row["reason"], row["other_id"], row["consequence"])
        for row in found.excluded.to_dicts()
    }
    unpaid_, unasked = Consequence.CLAIM_REMAINS, Consequence.DEBT_REMAINS
    assert rows == {
        "p0": (Reason.DEBTOR_DEFAULTED, "baobab", unpaid_),
        "p2": (Reason.CREDITOR_DEFAULTED, "cauri", unasked),
        "p3": (Reason.DEBTOR_DEFAULTED, "dhow", unpaid_),
        "p4": (Reason.DEBTOR_DEFAULTED, "cauri", unpaid_),
        "p6": (Reason.CREDITOR_DEFAULTED, "baobab", unasked),
    }
    assert set(found.kept["payment_id"]) == {"p1", "p5"}


def test_two_defaulters_leave_positions_that_the_rest_owes_itself() -> None:
    found = recast(owed(*TWO_OF_FIVE), ["dhow", "amani", "amani"])
    after = {
        place: amount for place, amount in amounts(found.positions, "after_minor").items() if amount
    }
    assert after == {
        ("w1", "KES", "baobab"): -80,
        ("w1", "KES", "cauri"): 80,
        ("w1", "UGX", "cauri"): -4,
        ("w1", "UGX", "enzi"): 4,
    }
    assert amounts(found.positions, "excluded")["w1", "KES", "amani"] == 3
    assert netting_violations(found.kept, multilateral=found.netted.multilateral).is_empty()


@given(debts=debt_lists(), defaulters=st.sets(st.sampled_from("abcde"), max_size=3), data=st.data())
def test_a_recast_is_the_netting_of_what_is_left(
    debts: list[Owed], defaulters: set[str], data: st.DataObject
) -> None:
    pairs = data.draw(tie_lists(debts))
    found = recast(owed(*debts), defaulters, ties=tied(*pairs))
    stays = [debt[2] not in defaulters and debt[3] not in defaulters for debt in debts]
    for one, other in pairs:
        stays[one] = stays[other] = stays[one] and stays[other]
    kept = [debt for debt, stay in zip(debts, stays, strict=True) if stay]
    before, after = nets(debts), nets(kept)
    assert amounts(found.positions, "before_minor") == before
    assert amounts(found.positions, "after_minor") == {place: after.get(place, 0) for place in before}
    assert amounts(found.netted.multilateral, "net_minor") == after
    assert netting_violations(found.kept, multilateral=found.netted.multilateral).is_empty()
    assert found.kept.height + found.excluded.height == len(debts)
    by_cycle = found.positions.group_by("window_id", "currency").agg(pl.col("difference_minor").sum())
    assert (by_cycle["difference_minor"] == 0).all()
    for reason in found.excluded["reason"]:
        assert reason in set(Reason)


@given(debts=debt_lists(), defaulters=st.sets(st.sampled_from("abcde"), max_size=3))
def test_the_evidence_of_a_position_is_the_obligations_that_make_its_difference(
    debts: list[Owed], defaulters: set[str]
) -> None:
    obligations = owed(*debts)
    found = recast(obligations, defaulters)
    entries = (
        found.evidence.with_columns(version=pl.int_ranges("version_from", pl.col("version_to") + 1))
        .explode("version")
        .join(obligations, on=["book_id", "account_id", "version"], how="left")
        .join(found.positions.select("ref", "participant_id"), on="ref", how="left")
    )
    assert entries["payment_id"].null_count() == 0
    lost = pl.col("amount_minor")
    made = entries.group_by("ref").agg(
        made=pl.when(pl.col("debtor_id") == pl.col("participant_id")).then(lost).otherwise(-lost).sum()
    )
    checked = found.positions.join(made, on="ref", how="left").fill_null(0)
    assert checked["made"].to_list() == checked["difference_minor"].to_list()
    assert entries.height == found.positions["excluded"].sum()


def test_without_a_defaulter_of_the_window_nothing_changes() -> None:
    for nobody in ([], ["zebra"]):
        found = recast(owed(*TWO_OF_FIVE), nobody)
        assert found.excluded.is_empty()
        assert found.evidence.is_empty()
        assert (found.positions["difference_minor"] == 0).all()


def test_an_empty_window_is_recast_to_an_empty_one() -> None:
    found = recast(owed(), ["amani"])
    assert found.positions.is_empty()
    assert found.kept.is_empty()


def test_a_recast_of_a_recast_changes_nothing() -> None:
    first = recast(owed(*TWO_OF_FIVE), ["amani"])
    second = recast(first.kept, ["amani"])
    assert second.kept.equals(first.kept)
    assert second.netted.multilateral.equals(first.netted.multilateral)


def test_the_other_leg_of_payment_versus_payment_waits_too() -> None:
    debts: list[Owed] = [
        ("w1", "KES", "amani", "baobab", 100),
        ("w1", "UGX", "baobab", "cauri", 3_000),
        ("w1", "UGX", "baobab", "cauri", 1_000),
    ]
    found = recast(owed(*debts), ["amani"], ties=tied((0, 1)))
    leg = found.excluded.filter(payment_id="p1").to_dicts()[0]
    assert (leg["reason"], leg["other_id"]) == (Reason.PVP_PARTNER_EXCLUDED, None)
    assert leg["consequence"] == Consequence.BOTH_LEGS_WAIT
    assert found.kept["payment_id"].to_list() == ["p2"]


def test_ties_are_followed_to_their_end() -> None:
    debts: list[Owed] = [("w1", "KES", one, other, 1) for one, other in ("ab", "cd", "cd", "cd", "cd")]
    found = recast(owed(*debts), ["a"], ties=tied((3, 2), (2, 1), (1, 0)))
    assert found.kept["payment_id"].to_list() == ["p4"]


def test_a_leg_without_the_other_in_the_window_is_refused() -> None:
    debts: list[Owed] = [("w1", "KES", "amani", "baobab", 100)]
    with pytest.raises(TieIncomplete) as refused:
        recast(owed(*debts), [], ties=tied((0, 1)))
    assert (refused.value.payment_id, refused.value.partner_id) == ("p0", "p1")
    assert recast(owed(*debts), [], ties=tied((7, 8))).kept.height == 1


def test_what_is_final_stays_and_the_rest_is_left_to_settle() -> None:
    settled = pl.DataFrame(
        [("w1", "KES", "baobab", 20), ("w1", "KES", "cauri", 50)], schema=SETTLED_SCHEMA, orient="row"
    )
    found = recast(owed(*TWO_OF_FIVE), ["amani"], settled=settled)
    to_settle = amounts(found.positions, "to_settle_minor")
    assert to_settle["w1", "KES", "baobab"] == -80 - 20
    assert to_settle["w1", "KES", "cauri"] == 80 - 50
    assert to_settle["w1", "UGX", "dhow"] == -9


@pytest.mark.parametrize("rows", [[("w9", "KES", "cauri", 1)], [("w1", "KES", "cauri", 1)] * 2])
def test_settled_amounts_of_no_position_or_given_twice_are_refused(
    rows: list[tuple[object, ...]],
) -> None:
    settled = pl.DataFrame(rows, schema=SETTLED_SCHEMA, orient="row")
    with pytest.raises(SettledUnknown):
        recast(owed(*TWO_OF_FIVE), ["amani"], settled=settled)


def test_the_loss_is_what_a_defaulter_had_to_pay_and_has_not_paid() -> None:
    assert unpaid(recast(owed(*TWO_OF_FIVE), ["amani", "dhow", "baobab"])) == (
        Loss("amani", "KES", 75),  # its credit of 7 in the other window is not set against it
        Loss("baobab", "KES", 7),
        Loss("dhow", "UGX", 9),
    )
    paid = pl.DataFrame([("w1", "KES", "amani", -60)], schema=SETTLED_SCHEMA, orient="row")
    assert unpaid(recast(owed(*TWO_OF_FIVE), ["amani"], settled=paid)) == (Loss("amani", "KES", 15),)


def test_the_ledger_takes_what_is_left_out_as_it_is() -> None:
    columns = ledger_recast.EXCLUDED_SCHEMA
    given_back = recast(owed(*TWO_OF_FIVE), ["amani"]).excluded.select(list(columns))
    assert dict(given_back.schema) == columns


def test_refs_name_date_window_currency_and_participant() -> None:
    found = recast(owed(*TWO_OF_FIVE), ["amani"])
    assert f"recast:{DAY}:w1:KES:amani" in set(found.positions["ref"])
    assert set(found.evidence["ref"]) <= set(found.positions["ref"])
