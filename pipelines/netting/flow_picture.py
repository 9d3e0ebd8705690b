"""A picture of a currency's day: who pays whom before netting, and what still moves after it.

Belongs here: the drawing, for people. The figures beside it are in `figures.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from math import cos, pi, sin
from typing import TYPE_CHECKING, Final, Literal

import polars as pl

from pipelines.netting.figures import (
    busiest_currencies,
    picture_style,
    savings_by_currency,
    short_amount,
    undated,
)
from pipelines.netting.positions import Positions

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_PARTICIPANTS: Final = 10
"""Participants with a circle of their own, the largest by gross value; the others share one."""

_GROSS, _PAYS, _RECEIVES, _INK, _QUIET = "#5b7390", "#b5482e", "#1f6f78", "#22303c", "#5d6b78"
_WIDTH: Final = 6.4
"""Inches. Narrow, and its text large in proportion, so that it is readable on a phone."""
_PANEL: Final = 3.1
_HEAD: Final = 1.0
_ROW: Final = 0.27
_THICKEST: Final = 11.0
"""Points, for the largest flow of both panels; the others in proportion."""
_OUTER, _INNER, _ASIDE = 0.89, 0.24, 0.07
"""Where lines to and from the agent begin and end, in radii, and how far apart two of one party are."""
_OTHERS: Final = "others"
_NAME_LENGTH: Final = 25

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class _Day:
    """What is drawn, in major units: lengths of lines and rounded text, nothing that is computed with.

    `parties`: number, party, label, owes, is_owed, pays, receives. `flows`: debtor, creditor, value.
    """

    currency: str
    parties: pl.DataFrame
    flows: pl.DataFrame
    title: str
    gross: float
    net: float
    among_others: float
    gathered: int


def before_and_after(
    obligations: pl.DataFrame,
    positions: Positions,
    *,
    exponents: Mapping[str, int],
    names: Mapping[str, str] | None = None,
    currency: str | None = None,
    image: Literal["svg", "png"] = "svg",
) -> bytes:
    """Gross flows between participants beside what is left of them after multilateral netting.

    Of one currency, by default the one with the most obligations. The width of a line is its value, on
    one scale in both panels; an arrow's head is with who receives. Participants bear numbers, which a
    table below explains. `obligations` are those that `positions` net; the windows of the day are added
    up. Deterministic: the same input gives the same bytes.
    """
    from matplotlib.figure import Figure

    known = busiest_currencies(positions)
    chosen = currency or next(iter(known), None)
    with picture_style():
        if chosen in known:
            day = _day(obligations, positions, chosen, exponent=exponents[chosen], names=names or {})
            figure = _drawn(day)
        else:
            figure = Figure(figsize=(_WIDTH, 0.6))
            figure.text(0.02, 0.4, "No obligations on this business date", color=_INK, fontsize=12)
        target = BytesIO()
        figure.savefig(target, format=image, dpi=144, metadata=undated(image))
    return target.getvalue()


def _day(
    obligations: pl.DataFrame,
    positions: Positions,
    currency: str,
    *,
    exponent: int,
    names: Mapping[str, str],
) -> _Day:
    net_minor = pl.col("net_minor").cast(pl.Int128)
    wide = pl.col("owes_minor", "is_owed_minor").cast(pl.Int128).sum()
    everybody = (
        positions.multilateral.filter(currency=currency)
        .group_by("participant_id")
        .agg(
            wide,
            pays_minor=net_minor.filter(pl.col("net_minor") < 0).abs().sum(),
            receives_minor=net_minor.filter(pl.col("net_minor") > 0).sum(),
        )
        .sort(pl.col("owes_minor") + pl.col("is_owed_minor"), "participant_id", descending=[True, False])
    )
    # One participant more than fit is not gathered: a circle for it takes no more room than "others".
    drawn = everybody.height if everybody.height <= MOST_PARTICIPANTS + 1 else MOST_PARTICIPANTS
    party = pl.when(pl.int_range(pl.len()) < drawn).then("participant_id").otherwise(pl.lit(_OTHERS))
    everybody = everybody.with_columns(party=party)
    parties = _major(everybody.group_by("party").agg(pl.col("^.*_minor$").sum()), exponent)
    parties = (
        parties.sort(
            pl.col("party") == _OTHERS,
            pl.col("receives") - pl.col("pays"),
            "party",
        )
        .with_row_index("number", offset=1)
        .with_columns(label=pl.col("party").replace(dict(names)))
    )
    flows = _flows(obligations.filter(currency=currency), everybody, exponent)
    inside = flows.filter(pl.col("debtor") == pl.col("creditor"))
    saving = savings_by_currency(positions).filter(currency=currency)
    return _Day(
        currency=currency,
        parties=parties,
        flows=flows.filter(pl.col("debtor") != pl.col("creditor")),
        title=_title(saving, currency, exponent),
        gross=float(parties["owes"].sum()),
        net=float(parties["receives"].sum()),
        among_others=float(inside["value"].sum()),
        gathered=everybody.height - drawn,
    )


def _flows(obligations: pl.DataFrame, everybody: pl.DataFrame, exponent: int) -> pl.DataFrame:
    """Gross value from party to party, largest first."""
    named = obligations
    for side in ("debtor", "creditor"):
        parties = everybody.select(
            pl.col("participant_id").alias(f"{side}_id"), pl.col("party").alias(side)
        )
        named = named.join(parties, on=f"{side}_id", how="inner")
    summed = named.group_by("debtor", "creditor").agg(
        value_minor=pl.col("amount_minor").cast(pl.Int128).sum()
    )
    return _major(
        summed.sort("value_minor", "debtor", "creditor", descending=[True, False, False]), exponent
    )


def _major(frame: pl.DataFrame, exponent: int) -> pl.DataFrame:
    columns = [name for name in frame.columns if name.endswith("_minor")]
    return frame.with_columns(
        (pl.col(name).cast(pl.Float64) / 10**exponent).alias(name.removesuffix("_minor"))
        for name in columns
    ).drop(columns)


def _title(saving: pl.DataFrame, currency: str, exponent: int) -> str:
    row = _major(saving, exponent).row(0, named=True)
    gross, net, saved = (short_amount(row[name]) for name in ("gross", "net", "saved"))
    return (
        f"{currency}: {gross} owed, {net} has to move.\n"
        f"Netting saves {saved}, {int(row['saved_percent'])} % of the money."
    )


def _drawn(day: _Day) -> "Figure":
    from matplotlib.figure import Figure

    rows = day.parties.height + 1 + (day.among_others > 0)
    height = _HEAD + _PANEL + 0.35 + rows * _ROW
    figure = Figure(figsize=(_WIDTH, height))
    figure.text(
        0.02,
        1 - 0.12 / height,
        day.title,
        color=_INK,
        fontsize=14,
        fontweight="bold",
        va="top",
        linespacing=1.35,
    )
    bottom = (height - _HEAD - _PANEL) / height
    panels = [figure.add_axes((left, bottom, 0.48, _PANEL / height)) for left in (0.01, 0.51)]
    places = {
        party: (cos(angle), sin(angle))
        for party, angle in zip(
            day.parties["party"],
            (pi / 2 + 2 * pi * (n + 0.5) / day.parties.height for n in range(day.parties.height)),
            strict=True,
        )
    }
    flows = [(places[debtor], places[creditor], value) for debtor, creditor, value in day.flows.rows()]
    spokes = _spokes(day, places)
    largest = max([value for *_, value in flows] + [value for *_, value, _ in spokes] or [1.0])
    for start, end, value in flows:
        _arrow(panels[0], start, end, points=_THICKEST * value / largest, color=_GROSS, bend=0.16)
    for start, end, value, color in spokes:
        _arrow(panels[1], start, end, points=_THICKEST * value / largest, color=color, bend=0.0)
    _finish(panels[0], day, places, title=f"Before: {short_amount(day.gross)} gross")
    _finish(panels[1], day, places, title=f"After: {short_amount(day.net)} net")
    panels[1].text(
        0, 0, "agent", ha="center", va="center", fontsize=9, color=_INK,
        bbox={"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": _INK}, zorder=5,
    )  # fmt: skip
    _table(figure, day, top=bottom - 0.3 / height, step=_ROW / height)
    return figure


def _spokes(day: _Day, places: Mapping[str, Point]) -> list[tuple[Point, Point, float, str]]:
    """Payments to the agent and from it, each stopping short of the agent's name."""
    found = []
    for party, pays, receives in day.parties.select("party", "pays", "receives").rows():
        x, y = places[party]
        # Who pays in one window and receives in another has both, side by side.
        aside = _ASIDE if pays and receives else 0.0
        for value, color, shift in ((pays, _PAYS, aside), (receives, _RECEIVES, -aside)):
            outer = (_OUTER * x - shift * y, _OUTER * y + shift * x)
            inner = (_INNER * x - shift * y, _INNER * y + shift * x)
            if value:
                ends = (outer, inner) if color == _PAYS else (inner, outer)
                found.append((*ends, value, color))
    return found


def _arrow(
    panel: "Axes",
    start: Point,
    end: Point,
    *,
    points: float,
    color: str,
    bend: float,
) -> None:
    from matplotlib.patches import FancyArrowPatch

    tail = max(points, 0.5)
    style = f"simple,tail_width={tail:.3f},head_width={tail + 5:.3f},head_length={4 + tail * 0.6:.3f}"
    panel.add_patch(
        FancyArrowPatch(
            start,
            end,
            arrowstyle=style,
            connectionstyle=f"arc3,rad={bend}",
            mutation_scale=1,
            shrinkA=9 if bend else 0,
            shrinkB=9 if bend else 0,
            facecolor=color,
            edgecolor="none",
            alpha=0.62 if bend else 0.9,
        )
    )


def _finish(panel: "Axes", day: _Day, places: Mapping[str, Point], *, title: str) -> None:
    """Circles with the numbers of the parties, and a title."""
    panel.set_xlim(-1.2, 1.2)
    panel.set_ylim(-1.2, 1.2)
    panel.set_aspect("equal")
    panel.set_axis_off()
    panel.set_title(title, color=_INK, fontsize=12, pad=2)
    for number, party in day.parties.select("number", "party").rows():
        x, y = places[party]
        panel.plot([x], [y], "o", markersize=17, color="white", markeredgecolor=_INK, zorder=4)
        panel.text(
            x, y, str(number), ha="center", va="center_baseline", fontsize=10, color=_INK, zorder=5
        )


_COLUMNS: Final = (("owes", 0.58), ("is_owed", 0.71), ("pays", 0.85), ("receives", 0.98))


def _table(figure: "Figure", day: _Day, *, top: float, step: float) -> None:
    """Who bears which number, with gross and net amounts."""

    def write(x: float, y: float, text: str, *, color: str = _INK, right: bool = True) -> None:
        align: Literal["left", "right"] = "right" if right else "left"
        figure.text(x, y, text, ha=align, va="top", fontsize=10, color=color)

    for name, x in _COLUMNS:
        write(x, top, name.replace("_", " "), color=_QUIET)
    for place, row in enumerate(day.parties.to_dicts(), start=1):
        y = top - place * step
        label = row["label"] if row["party"] != _OTHERS else f"{day.gathered} others"
        write(0.055, y, str(row["number"]))
        write(0.075, y, _cut(label), right=False)
        for name, x in _COLUMNS:
            color = {"pays": _PAYS, "receives": _RECEIVES}.get(name, _INK)
            write(x, y, short_amount(row[name]) if row[name] else "–", color=color)  # noqa: RUF001 - a dash
    if day.among_others:
        among = short_amount(day.among_others)
        write(
            0.02,
            top - (day.parties.height + 1) * step,
            f"Not drawn: {among} among the others.",
            color=_QUIET,
            right=False,
        )


def _cut(label: str) -> str:
    return label if len(label) <= _NAME_LENGTH else label[: _NAME_LENGTH - 1] + "…"
