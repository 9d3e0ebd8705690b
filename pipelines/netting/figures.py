"""Figures and a picture of a netted day, for people: how much less money had to move.

Belongs here: summaries of positions. Nothing downstream computes with them.
"""

from collections.abc import Mapping
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
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(
        {
            "svg.hashsalt": "wekeza",
            "svg.fonttype": "none",
            "font.family": ["DejaVu Sans"],
            "text.parse_math": False,
        }
    ):
        currencies = _busiest_currencies(positions)
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
        figure.savefig(target, format=image, dpi=144, metadata=_undated(image))
    return target.getvalue()


def _busiest_currencies(positions: Positions) -> list[str]:
    ranked = (
        positions.bilateral.group_by("currency")
        .agg(pl.col("obligations").sum())
        .sort("obligations", "currency", descending=[True, False])
    )
    return ranked["currency"].head(LARGEST_CURRENCIES).to_list()


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
    panel.xaxis.set_major_formatter(lambda value, _: _short(abs(value)))
    panel.tick_params(colors=_INK, length=0)
    panel.spines[:].set_visible(False)
    panel.grid(axis="x", color="#e6ebf0", linewidth=0.8)
    panel.set_axisbelow(True)
    gross, settled = sum(major(rows["owes"])), sum(major(rows["receives"]))
    panel.set_title(
        f"{currency}: {_short(gross)} owed, {_short(settled)} has to move", loc="left", color=_INK
    )
    smaller = rows.height - drawn.height
    panel.set_xlabel(
        f"pays  ←   {currency}   →  receives" + (f"   ({smaller} smaller not drawn)" if smaller else ""),
        color=_INK,
    )


def _short(amount: float) -> str:
    for unit, size in (("tn", 1e12), ("bn", 1e9), ("m", 1e6), ("k", 1e3)):
        if amount >= size:
            return f"{amount / size:,.4g} {unit}"
    return f"{amount:,.4g}"


def _undated(image: str) -> dict[str, None]:
    """Metadata without the wall clock and the plotting library's version."""
    return {"Date": None, "Creator": None} if image == "svg" else {"Software": None}
