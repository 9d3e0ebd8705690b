"""Loss sharing: who bears what a defaulter does not pay, layer after layer, to the minor unit.

Belongs here: the arithmetic of using layers up. What a layer is stands in `loss_layers.py`; what the
default does to the window is in `recast.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from pipelines.netting.loss_layers import MUTUAL, WHOLE, DefaultFund, Layer, LayerKind, ProRata

Schema = Mapping[str, pl.DataType | type[pl.DataType]]

RESOURCES_SCHEMA: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "participant_id": pl.String,
    "currency": pl.String,
    "collateral_minor": pl.Int64,  # after haircut; used for the participant's own default only
    "contribution_minor": pl.Int64,  # to the default fund
}
"""What participants have lodged: one row a participant, in the currency of the loss."""

EXPOSURES_SCHEMA: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "participant_id": pl.String,
    "defaulter_id": pl.String,
    "currency": pl.String,
    "exposure_minor": pl.Int64,
}
"""What a participant was ready to be owed by a defaulter: its bilateral limit, or what it was owed."""

WATERFALL_SCHEMA: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "currency": pl.String,
    "defaulter_id": pl.String,
    "layer": pl.Int64,  # 1, 2, 3 ... in the order of use
    "kind": pl.String,  # LayerKind
    "participant_id": pl.String,  # who bears it; null where nobody does
    "available_minor": pl.Int64,  # before this loss; null of what is unallocated
    "used_minor": pl.Int64,
}

_LARGEST: Final = 2**63 - 1


class OtherCurrency(ValueError):
    """Something is stated in another currency than the loss: it is converted before, or not used."""

    def __init__(self, what: str, currency: str, loss_currency: str) -> None:
        self.what = what
        self.currency = currency
        self.loss_currency = loss_currency
        super().__init__(f"{what} is in {currency}, the loss in {loss_currency}")


class ResourceInvalid(ValueError):
    """An amount or a key from which a loss would be shared cannot be; carries whose and the rule."""

    def __init__(self, rule: str, whose: str) -> None:
        self.rule = rule
        self.whose = whose
        super().__init__(f"{whose}: {rule}")


@dataclass(frozen=True, slots=True)
class Loss:
    """What a defaulter does not pay, in minor units of a currency."""

    defaulter_id: str
    currency: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class OperatorFunds:
    """The operator's own funds, of which its tranche is a share."""

    participant_id: str
    currency: str
    own_funds_minor: int


def share_losses(
    losses: Sequence[Loss],
    fund: DefaultFund,
    *,
    resources: pl.DataFrame,
    operator: OperatorFunds,
    exposures: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Who bears the losses of one currency; rows of `WATERFALL_SCHEMA`, one a layer and participant.

    Per defaulter `used_minor` sums to its loss. Losses are shared in the order given, each from what
    the earlier ones left, so nothing is used twice; all who default are no survivors of any. Survivors
    pay pro rata and no more than they have in the layer: what one lacks, the others share again. Minor
    units that do not divide go to the largest remainders, equal ones to the first by participant id.

    `resources` as `RESOURCES_SCHEMA`; `exposures` as `EXPOSURES_SCHEMA`, needed by layers pro rata
    exposure. Raises `OtherCurrency`, `ResourceInvalid`.
    """
    if not losses:
        return pl.DataFrame(schema=WATERFALL_SCHEMA)
    if exposures is None:
        if any(layer.pro_rata == ProRata.EXPOSURE for layer in fund.layers):
            raise ResourceInvalid("a layer is shared by them, and they are not stated", "exposures")
        exposures = pl.DataFrame(schema=EXPOSURES_SCHEMA)
    _check(losses, resources=resources, exposures=exposures, operator=operator)
    defaulters = [loss.defaulter_id for loss in losses]
    survivors = resources.filter(~pl.col("participant_id").is_in(defaulters))
    rows = pl.DataFrame(schema=WATERFALL_SCHEMA)
    for loss in losses:
        rest = loss.amount_minor
        for number, layer in enumerate(fund.layers, start=1):
            holders = _holders(layer, loss, resources=resources, survivors=survivors, operator=operator)
            weighed = _weighed(layer, loss, holders=holders, exposures=exposures)
            used = shared(_left(weighed, layer, used=rows), amount_minor=rest)
            rest -= int(used["used_minor"].sum())
            rows = pl.concat([rows, _rows(used, loss, number=number, kind=layer.kind)])
        rows = pl.concat([rows, _unallocated(loss, rest, number=len(fund.layers) + 1)])
    return rows


def shared(weighed: pl.DataFrame, *, amount_minor: int) -> pl.DataFrame:
    """Add `used_minor`: as much of an amount as there is, pro rata `weight`, within `available_minor`.

    Columns participant_id, available_minor, weight, none negative, each sum within 64 bits. Who has no
    weight pays nothing. Ends: every round but the last takes somebody to all that it has.
    """
    held = weighed.sort("participant_id").with_columns(
        used_minor=pl.when(pl.col("weight") > 0)
        .then(pl.min_horizontal("available_minor", pl.lit(amount_minor, pl.Int64)))
        .otherwise(0)
    )
    if held["used_minor"].cast(pl.Int128).sum() <= amount_minor:
        return held
    rest, spent = amount_minor, held.clear()
    while True:
        weights = pl.lit(int(held["weight"].sum()), pl.Int128)
        quota = pl.lit(rest, pl.Int128) * pl.col("weight").cast(pl.Int128)
        short = quota >= pl.col("used_minor").cast(pl.Int128) * weights
        full = held.filter(short)
        if full.is_empty():
            break
        rest -= int(full["used_minor"].sum())
        held, spent = held.filter(~short), pl.concat([spent, full])
    whole = held.with_columns(used_minor=(quota // weights).cast(pl.Int64), left_over=quota % weights)
    ones = rest - int(whole["used_minor"].sum())
    dealt = (
        whole.sort("left_over", "participant_id", descending=[True, False])
        .with_columns(pl.col("used_minor") + (pl.int_range(pl.len()) < ones))
        .drop("left_over")
    )
    return pl.concat([spent, dealt]).sort("participant_id")


def _holders(
    layer: Layer,
    loss: Loss,
    *,
    resources: pl.DataFrame,
    survivors: pl.DataFrame,
    operator: OperatorFunds,
) -> pl.DataFrame:
    """Whose money a layer is, and how much before any loss: participant_id, available_minor."""
    own = resources.filter(participant_id=loss.defaulter_id)
    match layer.kind:
        case LayerKind.DEFAULTER_COLLATERAL:
            return own.select("participant_id", available_minor="collateral_minor")
        case LayerKind.DEFAULTER_CONTRIBUTION:
            return own.select("participant_id", available_minor="contribution_minor")
        case LayerKind.OPERATOR_TRANCHE:
            tranche = operator.own_funds_minor * (layer.share_basis_points or 0) // WHOLE
            return pl.DataFrame(
                {"participant_id": [operator.participant_id], "available_minor": [tranche]}
            )
        case LayerKind.SURVIVOR_CONTRIBUTIONS:
            return survivors.select("participant_id", available_minor="contribution_minor")
    cap = pl.col("contribution_minor").cast(pl.Int128) * (layer.cap_basis_points or 0) // WHOLE
    return survivors.select("participant_id", available_minor=cap)


def _weighed(
    layer: Layer, loss: Loss, *, holders: pl.DataFrame, exposures: pl.DataFrame
) -> pl.DataFrame:
    """Holders with the weight by which they share the layer."""
    _refuse_beyond_64_bits(holders, "available_minor", str(layer.kind))
    amounts = holders.with_columns(pl.col("available_minor").cast(pl.Int64))
    if layer.kind not in MUTUAL or layer.pro_rata != ProRata.EXPOSURE:
        # What a survivor can be assessed for is a share of its contribution: the same proportions.
        return amounts.with_columns(weight="available_minor")
    towards = exposures.filter(defaulter_id=loss.defaulter_id).select(
        "participant_id", weight="exposure_minor"
    )
    return amounts.join(towards, on="participant_id", how="left").with_columns(
        pl.col("weight").fill_null(0)
    )


def _left(weighed: pl.DataFrame, layer: Layer, *, used: pl.DataFrame) -> pl.DataFrame:
    """Holders less what earlier losses used of the same layer."""
    before = (
        used.filter(kind=layer.kind).group_by("participant_id").agg(before=pl.col("used_minor").sum())
    )
    return (
        weighed.join(before, on="participant_id", how="left")
        .with_columns(pl.col("available_minor") - pl.col("before").fill_null(0))
        .drop("before")
    )


def _rows(used: pl.DataFrame, loss: Loss, *, number: int, kind: LayerKind) -> pl.DataFrame:
    return used.with_columns(
        currency=pl.lit(loss.currency),
        defaulter_id=pl.lit(loss.defaulter_id),
        layer=pl.lit(number, pl.Int64),
        kind=pl.lit(kind.value),
    ).select(list(WATERFALL_SCHEMA))


def _unallocated(loss: Loss, rest_minor: int, *, number: int) -> pl.DataFrame:
    row = (loss.currency, loss.defaulter_id, number, LayerKind.UNALLOCATED.value, None, None, rest_minor)
    return pl.DataFrame([row], schema=WATERFALL_SCHEMA, orient="row")


def _check(
    losses: Sequence[Loss], *, resources: pl.DataFrame, exposures: pl.DataFrame, operator: OperatorFunds
) -> None:
    """Everything in one currency, stated once, no debt; or `OtherCurrency`, `ResourceInvalid`."""
    currency = losses[0].currency
    stated = [(f"loss of {loss.defaulter_id}", loss.currency) for loss in losses]
    stated.append((f"own funds of {operator.participant_id}", operator.currency))
    for frame, schema, key in (
        (resources, RESOURCES_SCHEMA, ("participant_id",)),
        (exposures, EXPOSURES_SCHEMA, ("participant_id", "defaulter_id")),
    ):
        _check_frame(frame, schema, key=key)
        foreign = frame.filter(pl.col("currency") != currency).sort("participant_id").head(1)
        of_rows = foreign.select("participant_id", "currency").rows()
        stated += [(f"what {who} has lodged or let be owed", of) for who, of in of_rows]
    for what, of in stated:
        if of != currency:
            raise OtherCurrency(what, of, currency)
    amounts = [(loss.defaulter_id, loss.amount_minor) for loss in losses]
    for who, amount_minor in [*amounts, (operator.participant_id, operator.own_funds_minor)]:
        if not 0 <= amount_minor <= _LARGEST:
            raise ResourceInvalid(f"an amount of {amount_minor} is negative or beyond 64 bits", who)
    names = [loss.defaulter_id for loss in losses]
    for name in names:
        if names.count(name) > 1:
            raise ResourceInvalid("has two losses: add them up", name)
        if name == operator.participant_id:
            raise ResourceInvalid("is the operator, of whose default its scheme knows nothing", name)


def _check_frame(frame: pl.DataFrame, schema: Schema, *, key: tuple[str, ...]) -> None:
    for name, kind in schema.items():
        if frame.schema.get(name) != kind:
            raise ResourceInvalid(f"must be a column of {kind}", name)
        _refuse_first(frame.filter(pl.col(name).is_null()), f"{name} is missing")
        if name.endswith("_minor"):
            _refuse_first(frame.filter(pl.col(name) < 0), f"{name} is negative")
            _refuse_beyond_64_bits(frame, name, name)
    _refuse_first(frame.filter(frame.select(key).is_duplicated()), "is stated twice")


def _refuse_first(wrong: pl.DataFrame, rule: str) -> None:
    if wrong.height:
        raise ResourceInvalid(rule, str(wrong["participant_id"][0]))


def _refuse_beyond_64_bits(frame: pl.DataFrame, column: str, whose: str) -> None:
    total = int(frame[column].cast(pl.Int128).sum())
    if total > _LARGEST:
        raise ResourceInvalid(f"{total} minor units together do not fit 64 bits", whose)
