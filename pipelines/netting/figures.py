"""Figures and a picture of a netted day, for people: how much less money had to move.

Belongs here: summaries of positions. Nothing downstream computes with them. Who pays whom, drawn as
flows, is in `flow_picture.py`.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from io import BytesIO
from typing import TYPE_CHECKING, Literal

import polars as pl

from pipelines.netting.positions import Positions

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FIGURES_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "business_date": pl.Date,
    "currency": pl.String,
    "participants": pl.Int64,
    "obligations": pl.Int64,
    "gross_minor": pl.Int128,  # every obligation settled by itself
    "bilateral_net_minor": pl.Int128,  # settled pair by pair
    "net_minor": pl.Int128,  # settled multilaterally, window by window
    "saved_minor": pl.Int128,  # gross - net: money that did not have to move
    "saved_basis_points": pl.Int64,  # of the gross value, rounded down
}

SAVINGS_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "currency": pl.String,
    "obligations": pl.Int64,
    "gross_minor": pl.Int128,
    "bilateral_net_minor": pl.Int128,
    "net_minor": pl.Int128,
    "left_after_clearing_minor": pl.Int128,  # of the obligations, after optimal set-off; null if unknown
    "saved_minor": pl.Int128,  # gross - net
    "saved_percent": pl.Float64,  # in hundredths, rounded down
}

CLEARED_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "currency": pl.String,
    "cleared_minor": pl.Int128,
}
"""What set-off clears of the obligations of a currency, in all windows of the date."""

LARGEST_PARTICIPANTS = 12
"""Participants that a panel of the picture draws; its title counts all."""
LARGEST_CURRENCIES = 6
"""Panels of the picture: the currencies with the most obligations."""

_GROSS, _PAYS, _RECEIVES, _INK = "#c9d3df", "#b5482e", "#1f6f78", "#22303c"


def netting_figures(positions: Positions) -> pl.DataFrame:
    """Per business date and currency: gross, net and saved value. Columns: `FIGURES_SCHEMA`."""
    day = ["business_date", "currency"]
    net_minor, wide = pl.col("net_minor").cast(pl.Int128), pl.Int128
    pairs = positions.bilateral.group_by(day).agg(
        obligations=pl.col("obligations").sum(), bilateral_net_minor=net_minor.sum()
    )
    return (
        positions.multilateral.group_by(day)
        .agg(
            participants=pl.col("participant_id").n_unique().cast(pl.Int64),
            gross_minor=pl.col("owes_minor").cast(wide).sum(),
            net_minor=net_minor.filter(pl.col("net_minor") > 0).sum(),
        )
        .join(pairs, on=day, how="inner")
        .with_columns(saved_minor=pl.col("gross_minor") - pl.col("net_minor"))
        .with_columns(
            saved_basis_points=(pl.col("saved_minor") * 10_000 // pl.col("gross_minor")).cast(pl.Int64)
        )
        .select(list(FIGURES_SCHEMA))
        .sort(day)
    )


def savings_by_currency(positions: Positions, *, cleared: pl.DataFrame | None = None) -> pl.DataFrame:
    """What netting saves on a date, the busiest currency first; columns `SAVINGS_SCHEMA`.

    `cleared` (`CLEARED_SCHEMA`) is what optimal set-off clears, for comparison: it needs no agent and
    no guarantee, since nobody is left with a debt to somebody new.
    """
    known = pl.DataFrame(schema=CLEARED_SCHEMA) if cleared is None else cleared
    return (
        netting_figures(positions)
        .join(known.select(list(CLEARED_SCHEMA)), on="currency", how="left")
        .with_columns(
            left_after_clearing_minor=pl.col("gross_minor") - pl.col("cleared_minor").cast(pl.Int128),
            saved_percent=pl.col("saved_basis_points") / 100,
        )
        .select(list(SAVINGS_SCHEMA))
        .sort("obligations", "currency", descending=[True, False])
    )


def who_pays_whom(
    positions: Positions,
    *,
    exponents: Mapping[str, int],
    names: Mapping[str, str] | None = None,
    image: Literal["svg", "png"] = "svg",
) -> bytes:
    """A picture of the day: per participant what it owed and was owed, and what it settles.

    One panel a currency (the `LARGEST_CURRENCIES` by obligations) with the `LARGEST_PARTICIPANTS` by
    gross value; bars to the left pay, to the right receive; pale is gross, dark is what is left after
    netting. Deterministic: the same positions give the same bytes.
    """
    from matplotlib.figure import Figure

    with picture_style():
        currencies = busiest_currencies(positions)[:LARGEST_CURRENCIES]
        panels = [_panel_rows(positions, currency, names or {}) for currency in currencies]
        heights = [1.3 + 0.34 * min(rows.height, LARGEST_PARTICIPANTS) for rows in panels] or [1.3]
        figure = Figure(figsize=(9.0, sum(heights) + 0.4), layout="constrained")
        axes = figure.subplots(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
        for currency, rows, panel in zip(currencies, panels, axes, strict=False):
            _draw(panel, rows, currency=currency, exponent=exponents[currency])
        if currencies:
            axes[0].legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, labelcolor=_INK)
        else:
            axes[0].set_axis_off()
            axes[0].set_title("No obligations on this business date", loc="left", color=_INK)
        target = BytesIO()
        figure.savefig(target, format=image, dpi=144, metadata=undated(image))
    return target.getvalue()


def busiest_currencies(positions: Positions) -> list[str]:
    """The currencies of the positions, those with the most obligations first."""
    ranked = (
        positions.bilateral.group_by("currency")
        .agg(pl.col("obligations").sum())
        .sort("obligations", "currency", descending=[True, False])
    )
    return ranked["currency"].to_list()


def _panel_rows(positions: Positions, currency: str, names: Mapping[str, str]) -> pl.DataFrame:
    """Columns label, owes, is_owed, pays, receives: sums over the day's windows, largest first."""
    net_minor = pl.col("net_minor").cast(pl.Int128)
    return (
        positions.multilateral.filter(pl.col("currency") == currency)
        .group_by("participant_id")
        .agg(
            owes=pl.col("owes_minor").cast(pl.Int128).sum(),
            is_owed=pl.col("is_owed_minor").cast(pl.Int128).sum(),
            pays=net_minor.filter(pl.col("net_minor") < 0).abs().sum(),
            receives=net_minor.filter(pl.col("net_minor") > 0).sum(),
        )
        .sort(pl.col("owes") + pl.col("is_owed"), "participant_id", descending=[True, False])
        .with_columns(label=pl.col("participant_id").replace(dict(names)))
    )


def _draw(panel: "Axes", rows: pl.DataFrame, *, currency: str, exponent: int) -> None:
    def major(values: pl.Series) -> list[float]:
        # A float is good enough for the length of a bar, and only for that.
        return [int(value) / 10**exponent for value in values]

    drawn = rows.head(LARGEST_PARTICIPANTS)
    places = list(range(drawn.height))
    panel.barh(
        places, [-owes for owes in major(drawn["owes"])], height=0.72, color=_GROSS, label="gross"
    )
    panel.barh(places, major(drawn["is_owed"]), height=0.72, color=_GROSS)
    panel.barh(
        places, [-pays for pays in major(drawn["pays"])], height=0.36, color=_PAYS, label="pays net"
    )
    panel.barh(places, major(drawn["receives"]), height=0.36, color=_RECEIVES, label="receives net")
    panel.axvline(0, color=_INK, linewidth=0.8)
    panel.set_yticks(places, labels=drawn["label"].to_list())
    panel.invert_yaxis()
    panel.xaxis.set_major_formatter(lambda value, _: short_amount(abs(value)))
    panel.tick_params(colors=_INK, length=0)
    panel.spines[:].set_visible(False)
    panel.grid(axis="x", color="#e6ebf0", linewidth=0.8)
    panel.set_axisbelow(True)
    gross, settled = sum(major(rows["owes"])), sum(major(rows["receives"]))
    panel.set_title(
        f"{currency}: {short_amount(gross)} owed, {short_amount(settled)} has to move",
        loc="left",
        color=_INK,
    )
    smaller = rows.height - drawn.height
    panel.set_xlabel(
        f"pays  ←   {currency}   →  receives" + (f"   ({smaller} smaller not drawn)" if smaller else ""),
        color=_INK,
    )


def picture_style() -> AbstractContextManager[None]:
    """Settings by which a picture is the same bytes each time, and names are shown as they are."""
    from matplotlib import rc_context

    return rc_context(
        {
            "svg.hashsalt": "wekeza",
            "svg.fonttype": "none",
            "font.family": ["DejaVu Sans"],
            "text.parse_math": False,
        }
    )


def short_amount(amount: float) -> str:
    """An amount in major units to four digits, for a label."""
    for unit, size in (("tn", 1e12), ("bn", 1e9), ("m", 1e6), ("k", 1e3)):
        if amount >= size:
            return f"{amount / size:,.4g} {unit}"
    return f"{amount:,.4g}"


def undated(image: str) -> dict[str, None]:
    """Metadata without the wall clock and the plotting library's version."""
    return {"Date": None, "Creator": None} if image == "svg" else {"Software": None}
