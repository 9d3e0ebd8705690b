"""A loss is shared to the minor unit, in the order of layers: nobody pays twice or what it has not."""

from datetime import date
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.reference.schemes import Scheme, read_schemes, scheme_on
from pipelines.netting.loss_layers import InvalidDefaultFund, LayerKind, read_default_fund
from pipelines.netting.waterfall import (
    EXPOSURES_SCHEMA,
    RESOURCES_SCHEMA,
    Loss,
    OperatorFunds,
    OtherCurrency,
    ResourceInvalid,
    share_losses,
    shared,
)

LAYERS = [
    {"kind": "defaulter_collateral"},
    {"kind": "defaulter_contribution"},
    {"kind": "operator_tranche", "share_basis_points": 2_500},
    {"kind": "survivor_contributions", "pro_rata": "contribution"},
    {"kind": "assessments", "cap_basis_points": 10_000},
]
FUND = read_default_fund({"layers": LAYERS})
OPERATOR = OperatorFunds("operator", "KES", 4_000)
AMOUNTS = st.integers(0, 2**40)


def lodged(*rows: tuple[str, int, int], currency: str = "KES") -> pl.DataFrame:
    return pl.DataFrame(
        [(name, currency, collateral, contribution) for name, collateral, contribution in rows],
        schema=RESOURCES_SCHEMA,
        orient="row",
    )


def exposed(*rows: tuple[str, int], towards: str = "amani", currency: str = "KES") -> pl.DataFrame:
    return pl.DataFrame(
        [(name, towards, currency, amount) for name, amount in rows],
        schema=EXPOSURES_SCHEMA,
        orient="row",
    )


def used(rows: pl.DataFrame, kind: LayerKind) -> dict[str | None, int]:
    of_kind = rows.filter(kind=kind).select("participant_id", "used_minor")
    return {name: amount for name, amount in of_kind.rows() if amount}


THREE = lodged(("amani", 1_000, 500), ("baobab", 9_000, 200), ("cauri", 9_000, 100))


def test_layers_are_used_in_their_order() -> None:
    rows = share_losses([Loss("amani", "KES", 2_600)], FUND, resources=THREE, operator=OPERATOR)
    assert used(rows, LayerKind.DEFAULTER_COLLATERAL) == {"amani": 1_000}
    assert used(rows, LayerKind.DEFAULTER_CONTRIBUTION) == {"amani": 500}
    assert used(rows, LayerKind.OPERATOR_TRANCHE) == {"operator": 1_000}
    assert used(rows, LayerKind.SURVIVOR_CONTRIBUTIONS) == {"baobab": 67, "cauri": 33}
    assert used(rows, LayerKind.ASSESSMENTS) == {}
    assert used(rows, LayerKind.UNALLOCATED) == {}


def test_what_no_layer_covers_is_stated() -> None:
    rows = share_losses([Loss("amani", "KES", 5_000)], FUND, resources=THREE, operator=OPERATOR)
    assert used(rows, LayerKind.ASSESSMENTS) == {"baobab": 200, "cauri": 100}
    assert used(rows, LayerKind.UNALLOCATED) == {None: 5_000 - 1_000 - 500 - 1_000 - 300 - 300}


def test_the_collateral_of_a_survivor_is_not_touched() -> None:
    resources = lodged(("amani", 0, 0), ("baobab", 9_000, 0))
    rows = share_losses([Loss("amani", "KES", 5_000)], FUND, resources=resources, operator=OPERATOR)
    assert used(rows, LayerKind.UNALLOCATED) == {None: 4_000}


def test_two_defaulters_share_the_mutual_layers_once_and_bear_nothing_of_each_other() -> None:
    losses = [Loss("amani", "KES", 2_700), Loss("baobab", "KES", 10_000)]
    resources = lodged(("amani", 1_000, 500), ("baobab", 9_000, 200), ("cauri", 0, 300))
    rows = share_losses(losses, FUND, resources=resources, operator=OPERATOR)
    first, second = rows.filter(defaulter_id="amani"), rows.filter(defaulter_id="baobab")
    assert used(first, LayerKind.OPERATOR_TRANCHE) == {"operator": 1_000}
    assert used(first, LayerKind.SURVIVOR_CONTRIBUTIONS) == {"cauri": 200}
    assert used(second, LayerKind.OPERATOR_TRANCHE) == {}
    assert used(second, LayerKind.SURVIVOR_CONTRIBUTIONS) == {"cauri": 100}
    assert used(second, LayerKind.ASSESSMENTS) == {"cauri": 300}
    assert used(second, LayerKind.UNALLOCATED) == {None: 10_000 - 9_200 - 400}


def test_units_that_do_not_divide_go_to_the_largest_remainders_and_then_by_name() -> None:
    equal = pl.DataFrame(
        {"participant_id": ["c", "b", "a"], "available_minor": [9, 9, 9], "weight": [1, 1, 1]}
    )
    assert shared(equal, amount_minor=8)["used_minor"].to_list() == [3, 3, 2]
    uneven = equal.with_columns(weight=pl.Series([4, 3, 3]))
    assert dict(shared(uneven, amount_minor=2).select("participant_id", "used_minor").rows()) == {
        "a": 1,
        "b": 0,
        "c": 1,
    }


def test_by_exposure_who_let_the_defaulter_owe_more_bears_more_and_no_more_than_it_has() -> None:
    layers = [{"kind": "survivor_contributions", "pro_rata": "exposure"}]
    fund = read_default_fund({"layers": layers})
    resources = lodged(("baobab", 0, 100), ("cauri", 0, 1_000), ("dhow", 0, 1_000))
    exposures = exposed(("baobab", 800), ("cauri", 200))
    loss = Loss("amani", "KES", 500)
    rows = share_losses([loss], fund, resources=resources, operator=OPERATOR, exposures=exposures)
    assert used(rows, LayerKind.SURVIVOR_CONTRIBUTIONS) == {"baobab": 100, "cauri": 400}


@given(
    people=st.lists(st.tuples(AMOUNTS, AMOUNTS, AMOUNTS), min_size=1, max_size=7),
    amounts=st.lists(AMOUNTS, min_size=1, max_size=3),
    layers=st.lists(
        st.sampled_from(
            [
                *LAYERS,
                {"kind": "survivor_contributions", "pro_rata": "exposure"},
                {"kind": "assessments", "cap_basis_points": 777, "pro_rata": "exposure"},
            ]
        ),
        unique_by=lambda layer: layer["kind"],
    ),
    own_funds=AMOUNTS,
)
def test_any_loss_adds_up_and_nobody_pays_more_than_it_has(
    people: list[tuple[int, int, int]],
    amounts: list[int],
    layers: list[dict[str, object]],
    own_funds: int,
) -> None:
    resources = lodged(*((f"p{n}", one, other) for n, (one, other, _) in enumerate(people)))
    losses = [Loss(f"p{n}", "KES", amount) for n, amount in enumerate(amounts)]
    exposures = pl.concat(
        exposed(*((f"p{n}", row[2]) for n, row in enumerate(people)), towards=loss.defaulter_id)
        for loss in losses
    )
    rows = share_losses(
        losses,
        read_default_fund({"layers": layers}),
        resources=resources,
        operator=OperatorFunds("operator", "KES", own_funds),
        exposures=exposures,
    )
    for loss in losses:
        of_loss = rows.filter(defaulter_id=loss.defaulter_id)
        assert of_loss["used_minor"].sum() == loss.amount_minor
        survivors = of_loss.filter(pl.col("kind").is_in(["survivor_contributions", "assessments"]))
        assert not set(survivors["participant_id"]) & {one.defaulter_id for one in losses}
    assert (rows["used_minor"] >= 0).all()
    borne = rows.filter(pl.col("kind") != LayerKind.UNALLOCATED)
    assert (borne["used_minor"] <= borne["available_minor"]).all()
    assert not borne.select("defaulter_id", "kind", "participant_id").is_duplicated().any()
    over_all = borne.group_by("kind", "participant_id").agg(
        pl.col("used_minor").sum(), pl.col("available_minor").max()
    )
    assert (over_all["used_minor"] <= over_all["available_minor"]).all()
    unused_before_rest = of_loss.filter(kind="unallocated")["used_minor"].item() > 0
    if unused_before_rest and not any(layer.get("pro_rata") == "exposure" for layer in layers):
        last = of_loss.filter(pl.col("kind") != "unallocated")
        assert (last["used_minor"] == last["available_minor"]).all()


@given(
    people=st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=8),
    amount=st.integers(0, 200),
)
def test_shares_are_within_one_unit_of_the_exact_proportional_ones(
    people: list[tuple[int, int]], amount: int
) -> None:
    frame = pl.DataFrame(
        {
            "participant_id": [f"p{n}" for n in range(len(people))],
            "available_minor": [cap for cap, _ in people],
            "weight": [weight for _, weight in people],
        },
        schema={"participant_id": pl.String, "available_minor": pl.Int64, "weight": pl.Int64},
    )
    found = shared(frame, amount_minor=amount)["used_minor"].to_list()
    capacity = sum(cap for cap, weight in people if weight)
    assert sum(found) == min(amount, capacity)
    for (cap, _), exact, whole in zip(people, exact_shares(people, amount), found, strict=True):
        assert whole <= cap
        assert abs(whole - exact) < 1


def exact_shares(people: list[tuple[int, int]], amount: int) -> list[Fraction]:
    """min(cap, level * weight) at the level where the shares make the amount, by trying every cap."""
    capacity = sum(cap for cap, weight in people if weight)
    if capacity <= amount:
        return [Fraction(cap if weight else 0) for cap, weight in people]

    def shares(level: Fraction) -> list[Fraction]:
        return [min(Fraction(cap), level * weight) for cap, weight in people]

    levels = sorted({Fraction(0), *(Fraction(cap, weight) for cap, weight in people if weight)})
    below = max(level for level in levels if sum(shares(level)) <= amount)
    rising = sum(weight for cap, weight in people if weight and Fraction(cap, weight) > below)
    return shares(below + (amount - sum(shares(below))) / Fraction(rising))


def test_amounts_at_the_edge_of_64_bits_are_shared_exactly() -> None:
    largest = 2**63 - 1
    fund = read_default_fund({"layers": [LAYERS[3]]})
    resources = lodged(("baobab", 0, largest - 2), ("cauri", 0, 2))
    loss = Loss("amani", "KES", largest - 1)
    rows = share_losses([loss], fund, resources=resources, operator=OPERATOR)
    assert used(rows, LayerKind.SURVIVOR_CONTRIBUTIONS) == {"baobab": largest - 3, "cauri": 2}


@pytest.mark.parametrize("scheme", read_schemes(), ids=lambda scheme: scheme.id)
def test_the_layers_of_every_scheme_are_understood(scheme: Scheme) -> None:
    fund = read_default_fund(scheme_on(scheme.id, date(2026, 3, 2)).default_fund)
    assert bool(fund.layers) == bool(scheme.default_fund)


def test_a_layer_by_exposure_needs_exposures() -> None:
    fund = read_default_fund({"layers": [{"kind": "survivor_contributions", "pro_rata": "exposure"}]})
    with pytest.raises(ResourceInvalid, match="exposures"):
        share_losses([Loss("amani", "KES", 5)], fund, resources=THREE, operator=OPERATOR)


def test_no_loss_is_shared_by_nobody() -> None:
    assert share_losses([], FUND, resources=THREE, operator=OPERATOR).is_empty()


@pytest.mark.parametrize(
    ("layers", "field"),
    [
        ([{"kind": "unallocated"}], "layers.0.kind"),
        ([{"kind": "operator_tranche"}], "layers.0.share_basis_points"),
        ([{"kind": "assessments"}], "layers.0.cap_basis_points"),
        ([{"kind": "defaulter_collateral", "pro_rata": "exposure"}], "layers.0.pro_rata"),
        ([{"kind": "defaulter_collateral", "cap_basis_points": 5}], "layers.0.cap_basis_points"),
        ([{"kind": "operator_tranche", "share_basis_points": 10_001}], "layers.0.share_basis_points"),
        ([{"kind": "defaulter_collateral"}, {"kind": "defaulter_collateral"}], "layers"),
        ([{"kind": "luck"}], "layers.0.kind"),
        ([{"kind": "defaulter_collateral", "share": 1}], "layers.0.share"),
    ],
)
def test_layers_that_cannot_hold_are_refused(layers: list[dict[str, object]], field: str) -> None:
    with pytest.raises(InvalidDefaultFund) as refused:
        read_default_fund({"layers": layers})
    assert refused.value.field == field


def test_nothing_is_shared_across_currencies() -> None:
    loss = Loss("amani", "KES", 5)
    in_dollars = lodged(("baobab", 1, 1), currency="USD")
    with pytest.raises(
        OtherCurrency, match="what baobab has lodged or let be owed is in USD, the loss in KES"
    ):
        share_losses([loss], FUND, resources=in_dollars, operator=OPERATOR)
    with pytest.raises(OtherCurrency):
        share_losses([loss], FUND, resources=THREE, operator=OperatorFunds("operator", "USD", 1))
    with pytest.raises(OtherCurrency):
        share_losses([loss, Loss("cauri", "USD", 1)], FUND, resources=THREE, operator=OPERATOR)
    with pytest.raises(OtherCurrency):
        share_losses(
            [loss],
            FUND,
            resources=THREE,
            operator=OPERATOR,
            exposures=exposed(("baobab", 1), currency="USD"),
        )


@pytest.mark.parametrize(
    ("losses", "resources"),
    [
        ([Loss("amani", "KES", -1)], THREE),
        ([Loss("amani", "KES", 2**63)], THREE),
        ([Loss("operator", "KES", 1)], THREE),
        ([Loss("amani", "KES", 1), Loss("amani", "KES", 2)], THREE),
        ([Loss("amani", "KES", 1)], lodged(("baobab", 0, -1))),
        ([Loss("amani", "KES", 1)], lodged(("baobab", 0, 1), ("baobab", 0, 1))),
        ([Loss("amani", "KES", 1)], lodged(("baobab", 0, 2**62), ("cauri", 0, 2**62))),
        ([Loss("amani", "KES", 1)], THREE.drop("contribution_minor")),
        ([Loss("amani", "KES", 1)], THREE.with_columns(participant_id=pl.lit(None, pl.String))),
    ],
)
def test_amounts_and_keys_that_cannot_be_are_refused(
    losses: list[Loss], resources: pl.DataFrame
) -> None:
    with pytest.raises(ResourceInvalid):
        share_losses(losses, FUND, resources=resources, operator=OPERATOR)
