"""The plots of the finance report: what is open and how old, by class, by currency, and over time.

Belongs here: from figures to drawings. Lengths are floats, as they are drawn; every amount that is
written beside them is exact.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from pipelines.reconciliation.report_drawing import (
    INK,
    LINE,
    QUIET,
    Box,
    Drawing,
    Path,
    Words,
    svg_of,
)
from pipelines.reconciliation.report_figures import Figures
from pipelines.reconciliation.report_inputs import ReportNames, cut, percent
from pipelines.reconciliation.report_trend import AGE_BANDS, BAND_NAMES, banded

WIDTH = 400.0
"""Units, and 12 of them a line of text: narrow, so that it is readable on a phone."""
LEFT, RIGHT = 40.0, 8.0
MOST_CURRENCIES = 6
MOST_CLASSES = 12
ROW = 17.0
LETTER, SHORTEST = 7.2, 20.0
"""Units that a digit of a label takes, and that the longest bar of a panel has at least."""
COLORS = {name: color for name, _, color in AGE_BANDS}


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing with its heading and the words for those who cannot see it."""

    id: str
    title: str
    description: str
    drawing: Drawing

    @property
    def svg(self) -> str:
        """As an SVG element."""
        return svg_of(self.drawing, id=self.id, title=self.title, description=self.description)


def plots_of(figures: Figures, *, names: ReportNames) -> tuple[Plot, ...]:
    """The plots that have something to show, in reading order."""
    plots = []
    if figures.breaks.height:
        plots += [classes_plot(figures.breaks), ageing_plot(figures.ageing, names=names)]
    if figures.trend.height > 1:
        plots += [open_plot(figures.trend), rate_plot(figures.trend)]
    return tuple(plots)


def classes_plot(breaks: pl.DataFrame) -> Plot:
    """One bar a class, its parts the ages of its breaks."""
    counts = banded(breaks).group_by("class", "age_band").len()
    by_band = {(row[0], row[1]): row[2] for row in counts.iter_rows()}
    classes = (
        breaks.group_by("class").len().sort("len", "class", descending=[True, False]).head(MOST_CLASSES)
    )
    drawing = Drawing(WIDTH, 30 + 34 * classes.height)
    _legend(drawing)
    scale = (WIDTH - 60) / max(classes["len"].to_list())
    said = []
    for place, (name, total) in enumerate(classes.iter_rows()):
        top, x = 34.0 + 34 * place, 0.0
        drawing.marks.append(Words(0, top + 10, cut(name, length=58)))
        for band in BAND_NAMES:
            width = by_band.get((name, band), 0) * scale
            if width:
                drawing.marks.append(Box(x, top + 14, width, 12, COLORS[band]))
            x += width
        drawing.marks.append(Words(x + 6, top + 24, f"{total:,}", bold=True))
        said.append(f"{cut(name, length=58)}: {total:,}")
    return Plot("classes-plot", "Open breaks by class and age", "; ".join(said), drawing)


def ageing_plot(ageing: pl.DataFrame, *, names: ReportNames) -> Plot:
    """A panel a currency: the difference without sign in each age band, each panel on its own scale."""
    currencies = ageing["currency"].unique(maintain_order=True).head(MOST_CURRENCIES).to_list()
    panel = 22 + ROW * len(BAND_NAMES) + 6
    drawing = Drawing(WIDTH, panel * len(currencies) + 4)
    said = []
    for place, currency in enumerate(currencies):
        own = {row[1]: (row[2], row[4]) for row in ageing.filter(currency=currency).iter_rows()}
        largest = max([float(minor) for _, minor in own.values()]) or 1.0
        labels = {band: f"{names.amount(own[band][1], currency)} ({own[band][0]:,})" for band in own}
        room = WIDTH - 100 - LETTER * max(len(label) for label in labels.values())
        top = panel * place
        drawing.marks.append(Words(0, top + 14, cut(currency, length=20), bold=True))
        for row, band in enumerate(BAND_NAMES):
            y = top + 22 + ROW * row
            minor, label = own[band][1] if band in own else 0, labels.get(band, "none")
            width = float(minor) / largest * max(room, SHORTEST)
            drawing.marks.append(Words(82, y + 11, band, anchor="end", color=QUIET))
            if width:
                drawing.marks.append(Box(88, y + 2, width, 11, COLORS[band]))
            drawing.marks.append(Words(94 + width, y + 11.5, label, color=INK if band in own else QUIET))
            if band in own:
                said.append(f"{currency} {band}: {label}")
    title = "Differences by age, without sign (breaks)"
    return Plot("ageing-plot", title, "; ".join(said), drawing)


def open_plot(trend: pl.DataFrame) -> Plot:
    """One bar a date, its parts the ages of the breaks that were open at its close."""
    drawing = Drawing(WIDTH, 200)
    _legend(drawing)
    top, bottom = 44.0, 176.0
    most = max([*trend["breaks"].to_list(), 1])
    step = (WIDTH - LEFT - RIGHT) / trend.height
    for share, text in ((0.0, "0"), (1.0, f"{most:,}")):
        _gridline(drawing, bottom - share * (bottom - top), text)
    for place, row in enumerate(trend.iter_rows(named=True)):
        y = bottom
        for band in BAND_NAMES:
            height = row[band] / most * (bottom - top)
            if height:
                y -= height
                drawing.marks.append(
                    Box(LEFT + step * (place + 0.1), y, step * 0.8, height, COLORS[band])
                )
    _dates(drawing, trend, y=194)
    first, last = trend.row(0, named=True), trend.row(-1, named=True)
    description = (
        f"From {first['breaks']:,} on {first['business_date']} to {last['breaks']:,} on "
        f"{last['business_date']}; at most {most:,}."
    )
    return Plot("open-plot", "Open breaks at the close of each date, by age", description, drawing)


def rate_plot(trend: pl.DataFrame) -> Plot:
    """The match rate of each date; the axis begins at the tens below the lowest."""
    drawing = Drawing(WIDTH, 160)
    top, bottom = 16.0, 136.0
    known = [
        (place, *row) for place, row in enumerate(trend.select("matched_items", "due_items").rows())
    ]
    rates = [(place, matched / due) for place, matched, due in known if due]
    lowest = int(min([rate for _, rate in rates] + [0.999]) * 10) / 10
    for rate in (lowest, (1 + lowest) / 2, 1.0):
        y = bottom - (rate - lowest) / (1 - lowest) * (bottom - top)
        _gridline(drawing, y, f"{rate:.0%}")
    step = (WIDTH - LEFT - RIGHT) / trend.height
    points = [
        (LEFT + step * (place + 0.5), bottom - (rate - lowest) / (1 - lowest) * (bottom - top))
        for place, rate in rates
    ]
    drawing.marks.append(Path(points, color=LINE, width=2))
    drawing.marks += [Box(x - 2, y - 2, 4, 4, LINE) for x, y in points]
    _dates(drawing, trend, y=154)
    first, last = trend.row(0, named=True), trend.row(-1, named=True)
    description = (
        f"From {percent(first['matched_items'], first['due_items'])} on {first['business_date']} to "
        f"{percent(last['matched_items'], last['due_items'])} on {last['business_date']}."
    )
    return Plot("rate-plot", "Match rate of each date", description, drawing)


def _legend(drawing: Drawing) -> None:
    """The colours of the age bands, on top."""
    widths: Sequence[float] = (74, 74, 80, 84, 88)
    x = 0.0
    for (name, _, color), width in zip(AGE_BANDS, widths, strict=True):
        drawing.marks += [Box(x + 0.5, 4, 10, 10, color), Words(x + 14, 13, name, size=10.5)]
        x += width


def _gridline(drawing: Drawing, y: float, text: str) -> None:
    drawing.marks += [
        Path(((LEFT, y), (WIDTH - RIGHT, y))),
        Words(LEFT - 5, y + 4, text, anchor="end", color=QUIET, size=11),
    ]


def _dates(drawing: Drawing, trend: pl.DataFrame, *, y: float) -> None:
    first, last = (str(day) for day in (trend["business_date"][0], trend["business_date"][-1]))
    drawing.marks += [
        Words(LEFT, y, first, color=QUIET, size=11),
        Words(WIDTH - RIGHT, y, last, anchor="end", color=QUIET, size=11),
    ]
