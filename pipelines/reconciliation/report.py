"""What a finance team reads each morning: the report's files, and the tables and picture of a page.

Belongs here: `write_report`, where a reader of the report begins, and what the page of the asset shows:
frames and the SVG made from a day's reconciliation. Amounts of different currencies are never added;
where a class has several, each is told.
"""

import io
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from pipelines.reconciliation.report_inputs import ReportDay, ReportNames
from pipelines.reconciliation.report_trend import AGE_BANDS, banded
from pipelines.reconciliation.rules import BreakClass, Rules

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from pipelines.reconciliation.reconcile import Reconciliation

ALL_WELL = "#31a354"
MAX_CURRENCIES = 2
NOTE_ROOM = 2.3
"""How much longer the axis is than the longest bar, for the words beside it."""
PICTURE_SALT = "reconciliation"


def write_report(root: Path, day: ReportDay, *, names: ReportNames) -> tuple[Path, ...]:
    """Write the report of a date below `root`, in `reconciliation/<date>/`; returns the paths.

    A pure function of its inputs: the same frames and names are the same bytes, whatever the order of
    rows, and a file that is there is replaced.
    """
    from pipelines.reconciliation.report_figures import figures_of
    from pipelines.reconciliation.report_html import report_html
    from pipelines.reconciliation.report_pdf import report_pdf
    from pipelines.reconciliation.report_xlsx import report_xlsx

    figures = figures_of(day, names=names)
    folder = root / "reconciliation" / str(day.business_date)
    folder.mkdir(parents=True, exist_ok=True)
    contents = {
        "report.html": report_html(figures, names=names),
        "report.xlsx": report_xlsx(figures, names=names),
        "report.pdf": report_pdf(figures, names=names),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return tuple(folder / name for name in contents)


def ageing_table(breaks: pl.DataFrame) -> pl.DataFrame:
    """Open breaks by class, currency and age band: number, net and absolute difference.

    Columns: break_class, currency, age_band, breaks, difference_minor, absolute_minor, oldest (date).
    """
    return (
        banded(breaks)
        .group_by("break_class", "currency", "age_band")
        .agg(
            breaks=pl.len().cast(pl.Int64),
            difference_minor=pl.col("difference_minor").sum(),
            absolute_minor=pl.col("difference_minor").abs().sum(),
            oldest=pl.col("first_seen").min(),
        )
        .sort("break_class", "currency", "age_band")
    )


def class_table(breaks: pl.DataFrame, *, rules: Rules) -> pl.DataFrame:
    """One row a class that has open breaks, the most numerous first.

    Columns: break_class, title, owner, breaks, new_today, accounts, currencies, oldest (date),
    oldest_age_days.
    """
    titles = {str(name): rule.title for name, rule in rules.classes.items()}
    return (
        breaks.group_by("break_class", "owner")
        .agg(
            breaks=pl.len().cast(pl.Int64),
            new_today=(pl.col("age_days") == 0).sum().cast(pl.Int64),
            accounts=pl.struct("book_id", "account_id").n_unique().cast(pl.Int64),
            currencies=pl.col("currency").n_unique().cast(pl.Int64),
            oldest=pl.col("first_seen").min(),
            oldest_age_days=pl.col("age_days").max(),
        )
        .with_columns(title=pl.col("break_class").replace_strict(titles, return_dtype=pl.String))
        .select("break_class", "title", "owner", pl.exclude("break_class", "title", "owner"))
        .sort("breaks", "break_class", descending=[True, False])
    )


def headline(result: "Reconciliation", *, business_date: date) -> str:
    """The answer to "is everything there?", in one line."""
    accounts, breaks = result.accounts, result.breaks
    items = accounts["ledger_items"].sum()
    if breaks.is_empty():
        return f"{business_date}: all {items:,} ledger items of {accounts.height:,} accounts agree"
    own = breaks.filter((pl.col("break_class") != BreakClass.ROUNDING) & (pl.col("age_days") == 0))
    agreed = items - own["version"].drop_nulls().len()
    affected = breaks.select("book_id", "account_id").n_unique()
    return (
        f"{business_date}: {agreed:,} of {items:,} ledger items agree; "
        f"{breaks.height:,} breaks are open on {affected:,} of {accounts.height:,} accounts"
    )


def breaks_picture(
    result: "Reconciliation", *, business_date: date, rules: Rules, exponents: Mapping[str, int]
) -> bytes:
    """Open breaks by class and age as an SVG; the same reconciliation is the same bytes."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    classes = class_table(result.breaks, rules=rules)
    with mpl.rc_context(
        {"svg.hashsalt": PICTURE_SALT, "svg.fonttype": "none", "font.family": "sans-serif"}
    ):
        figure = Figure(figsize=(12, 1.9 + 0.62 * max(1, classes.height)), layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        axes.set_title(
            headline(result, business_date=business_date), loc="left", fontsize=13, weight="bold"
        )
        if classes.is_empty():
            axes.text(0, 0, "every item is matched", color=ALL_WELL, fontsize=16)
            axes.set_axis_off()
        else:
            _draw_classes(axes, classes=classes, breaks=result.breaks, exponents=exponents)
        target = io.BytesIO()
        figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None})
    return target.getvalue()


def _draw_classes(
    axes: "Axes", *, classes: pl.DataFrame, breaks: pl.DataFrame, exponents: Mapping[str, int]
) -> None:
    """One bar a class, its length the number of breaks, its parts their ages, its amounts beside it."""
    from matplotlib.ticker import MaxNLocator

    names = classes["break_class"].to_list()
    counts = banded(breaks).group_by("break_class", "age_band").len()
    by_band = {(row[0], row[1]): row[2] for row in counts.iter_rows()}
    start = [0] * len(names)
    for band, _, colour in AGE_BANDS:
        width = [by_band.get((name, band), 0) for name in names]
        if any(width):
            axes.barh(names, width, left=start, color=colour, label=band, height=0.6)
        start = [left + own for left, own in zip(start, width, strict=True)]
    for position, (name, total) in enumerate(zip(names, start, strict=True)):
        note = _note(breaks.filter(pl.col("break_class") == name), exponents=exponents)
        axes.annotate(
            note, (total, position), xytext=(6, 0), textcoords="offset points", va="center", fontsize=9
        )
    labels = [f"{title}\n{owner}" for title, owner in classes.select("title", "owner").iter_rows()]
    axes.set_yticks(range(len(names)), labels, fontsize=9)
    axes.invert_yaxis()
    axes.set_xlim(0, max(start) * NOTE_ROOM)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("open breaks; beside each bar: how many, since when, difference stated - ledger")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(title="open for", loc="upper left", bbox_to_anchor=(1, 1), fontsize=9, frameon=False)


def _note(breaks: pl.DataFrame, *, exponents: Mapping[str, int]) -> str:
    """`12 since 2026-01-05 · KES 1,200.00, XOF -580 and 4 more`, the most frequent currencies first."""
    sums = (
        breaks.group_by("currency")
        .agg(pl.len(), pl.col("difference_minor").sum())
        .sort("len", "currency", descending=[True, False])
    )
    shown = [
        f"{currency} {_decimal(minor, exponents[currency])}"
        for currency, _, minor in sums.head(MAX_CURRENCIES).iter_rows()
    ]
    more = f" and {sums.height - MAX_CURRENCIES} more" if sums.height > MAX_CURRENCIES else ""
    amounts = f"{', '.join(shown)}{more}" if (breaks["difference_minor"] != 0).any() else "amounts agree"
    since = breaks.select(pl.col("first_seen").min().cast(pl.String)).item()
    return f"{breaks.height:,} since {since} · {amounts}"


def _decimal(minor: int, exponent: int) -> str:
    whole, fraction = divmod(abs(minor), 10**exponent)
    sign = "-" if minor < 0 else ""
    return f"{sign}{whole:,}" + (f".{fraction:0{exponent}d}" if exponent else "")
