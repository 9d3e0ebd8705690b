"""Preparing the returns of a business date: every cell, its evidence, and what does not agree.

Belongs here: filling templates from the lake. What a cell counts is declared in the template and read by
`figures`; writing the documents that leave the house is `document`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from pipelines.regulatory.declaration import effective_templates
from pipelines.regulatory.figures import GROUP, RUN, balances, flows, merged_runs, payments
from pipelines.regulatory.refusals import AccountsMissing, CellOverflow
from pipelines.regulatory.tables import REGULATORY_EVIDENCE, RETURN_CELLS, RETURN_VIOLATIONS
from pipelines.regulatory.template import (
    Balance,
    Cell,
    Flow,
    Payments,
    Ratio,
    Rounding,
    Sum,
    Template,
)

_INT64 = (-(2**63), 2**63 - 1)
_BASIS_POINTS = 10_000


@dataclass(frozen=True, slots=True)
class Returns:
    """Frames of `RETURN_CELLS`, `REGULATORY_EVIDENCE` and `RETURN_VIOLATIONS`."""

    cells: pl.DataFrame
    evidence: pl.DataFrame
    violations: pl.DataFrame


@dataclass(frozen=True, slots=True)
class _Filled:
    """A filled template: `grid` has a row a participant and currency and a column a cell (Int128)."""

    template: Template
    grid: pl.DataFrame
    runs: dict[str, pl.DataFrame]


def prepare(
    *,
    business_date: date,
    accounts: pl.LazyFrame,
    entries: pl.LazyFrame,
    templates: Iterable[Template],
) -> Returns:
    """Fill the templates effective on a business date, for every participant that has books.

    `accounts` and `entries` are frames of the lake; of both only the business date is read. An account
    whose contribution to a cell is nil has no evidence there; the evidence of a formula is that of
    its cells. A ratio whose denominator is not positive has no value (null).

    Raises `AccountsMissing` when the date has no accounts and `CellOverflow` beyond 64 bits.
    """
    closing = accounts.filter(pl.col("business_date") == business_date).collect()
    if closing.is_empty():
        raise AccountsMissing(business_date)
    posted = _posted(business_date, entries, closing)
    filled = [_fill(t, closing, posted) for t in effective_templates(templates, business_date)]
    cells = [_cell_rows(f, business_date) for f in filled]
    evidence = [_evidence_rows(f, business_date) for f in filled]
    violations = [
        rows
        for f in filled
        for rows in (
            _unequal(f, business_date),
            _closing_entries(f, business_date, closing, posted),
        )
    ]
    return Returns(
        cells=RETURN_CELLS.conform(pl.concat([RETURN_CELLS.empty(), *cells])),
        evidence=REGULATORY_EVIDENCE.conform(pl.concat([REGULATORY_EVIDENCE.empty(), *evidence])),
        violations=RETURN_VIOLATIONS.conform(pl.concat([RETURN_VIOLATIONS.empty(), *violations])),
    )


def _posted(business_date: date, entries: pl.LazyFrame, closing: pl.DataFrame) -> pl.DataFrame:
    """The day's entries, each with the participant, chart line and counterparty of its account."""
    described = closing.select(
        "book_id", "account_id", "participant_id", "chart_name", "counterparty_id"
    ).lazy()
    return (
        entries.filter(pl.col("business_date") == business_date)
        .join(described, on=["book_id", "account_id"], how="inner")
        .collect()
    )


def _fill(template: Template, closing: pl.DataFrame, posted: pl.DataFrame) -> _Filled:
    """Every cell of a template, in its order: a formula finds its cells already there."""
    grid = _due(template, closing)
    runs: dict[str, pl.DataFrame] = {}
    for cell in template.cells:
        match cell.definition:
            case Sum() | Ratio():
                grid = grid.with_columns(_formula(cell).alias(cell.code))
                runs[cell.code] = merged_runs(pl.concat([runs[code] for code in cell.inputs]))
                continue
            case Balance() as balance:
                found = balances(balance, closing)
            case Flow() as flow:
                found = flows(flow, posted)
            case Payments() as counted:
                found = payments(counted, posted)
        found = found.join(grid.select(GROUP), on=GROUP, how="semi")
        value = found.group_by(GROUP).agg(pl.col("contribution").sum().alias(cell.code))
        grid = grid.join(value, on=GROUP, how="left", maintain_order="left").with_columns(
            pl.col(cell.code).fill_null(0)
        )
        runs[cell.code] = found.select(*GROUP, *RUN)
    return _Filled(template, grid, runs)


def _due(template: Template, closing: pl.DataFrame) -> pl.DataFrame:
    """The participants and currencies that owe the return."""
    in_scope = (
        closing
        if template.scope_chart is None
        else closing.filter(pl.col("chart_name").is_in(template.scope_chart))
    )
    return in_scope.select(GROUP).unique().sort(GROUP)


def _formula(cell: Cell) -> pl.Expr:
    match cell.definition:
        case Sum(plus, minus):
            return _total(plus) - (_total(minus) if minus else pl.lit(0, dtype=pl.Int128))
        case Ratio(numerator, denominator, rounding):
            over, under = pl.col(numerator) * _BASIS_POINTS, pl.col(denominator)
            return pl.when(under > 0).then(_rounded(over, under, rounding))
        case _:
            raise TypeError(cell.definition)


def _total(codes: Sequence[str]) -> pl.Expr:
    total = pl.col(codes[0])
    for code in codes[1:]:
        total = total + pl.col(code)
    return total


def _rounded(over: pl.Expr, under: pl.Expr, rounding: Rounding) -> pl.Expr:
    """Whole part of over / under, where under is positive; floor division rounds down."""
    down = over // under
    if rounding is Rounding.DOWN:
        return down
    twice_left = 2 * (over - down * under)
    up = (twice_left > under) | ((twice_left == under) & (down % 2 != 0))
    return down + up.cast(pl.Int128)


def _cell_rows(filled: _Filled, business_date: date) -> pl.DataFrame:
    template = filled.template
    described = pl.DataFrame(
        [(cell.code, cell.label, str(cell.unit)) for cell in template.cells],
        schema={"cell": pl.String, "label": pl.String, "unit": pl.String},
        orient="row",
    )
    rows = filled.grid.unpivot(index=GROUP, variable_name="cell", value_name="value")
    _require_64_bits(rows)
    return (
        rows.join(described, on="cell")
        .with_columns(
            pl.col("value").cast(pl.Int64),
            _ref(template, business_date),
            business_date=pl.lit(business_date),
            return_id=pl.lit(template.return_id),
            return_version=pl.lit(template.version, dtype=pl.Int32),
        )
        .select(list(RETURN_CELLS.schema))
    )


def _ref(template: Template, business_date: date) -> pl.Expr:
    return pl.format(
        "cell:{}:{}:{}:{}:{}",
        pl.lit(template.return_id),
        pl.lit(str(business_date)),
        *GROUP,
        "cell",
    ).alias("ref")


def _require_64_bits(rows: pl.DataFrame) -> None:
    low, high = (pl.lit(bound, dtype=pl.Int128) for bound in _INT64)
    wide = rows.filter((pl.col("value") < low) | (pl.col("value") > high))
    for row in wide.head(1).iter_rows(named=True):
        raise CellOverflow(
            cell=row["cell"],
            participant_id=row["participant_id"],
            currency=row["currency"],
            value=row["value"],
        )


def _evidence_rows(filled: _Filled, business_date: date) -> pl.DataFrame:
    runs = pl.concat([frame.with_columns(cell=pl.lit(code)) for code, frame in filled.runs.items()])
    return runs.with_columns(
        _ref(filled.template, business_date), business_date=pl.lit(business_date)
    ).select(list(REGULATORY_EVIDENCE.schema))


def _unequal(filled: _Filled, business_date: date) -> pl.DataFrame:
    """The checks of the template whose two sides differ."""
    found = [RETURN_VIOLATIONS.empty()]
    for check in filled.template.checks:
        sides = filled.grid.select(*GROUP, left=_total(check.left), right=_total(check.right))
        message = pl.format(
            "{}: " + " + ".join(check.left) + " is {}, " + " + ".join(check.right) + " is {}",
            pl.lit(check.title),
            "left",
            "right",
        )
        wrong = sides.filter(pl.col("left") != pl.col("right")).with_columns(
            check=pl.lit(check.check_id), subject=pl.lit(filled.template.return_id), message=message
        )
        found.append(_violations(wrong, filled.template, business_date))
    return pl.concat(found)


def _closing_entries(
    filled: _Filled, business_date: date, closing: pl.DataFrame, posted: pl.DataFrame
) -> pl.DataFrame:
    """Accounts whose totals are not those that the day's last entry left: evidence would mislead."""
    last = posted.filter(
        pl.col("version") == pl.col("version").max().over("book_id", "account_id")
    ).select("book_id", "account_id", last="version", debits="debits_posted_after",
             credits="credits_posted_after")  # fmt: skip
    wrong = (
        closing.join(filled.grid.select(GROUP), on=GROUP, how="semi")
        .join(last, on=["book_id", "account_id"])
        .filter(
            (pl.col("version") != pl.col("last"))
            | (pl.col("debits_posted") != pl.col("debits"))
            | (pl.col("credits_posted") != pl.col("credits"))
        )
        .with_columns(
            check=pl.lit("closing_entry"),
            subject=pl.format("{}:{}", "book_id", "account_id"),
            left=(pl.col("debits_posted") - pl.col("credits_posted")).cast(pl.Int128),
            right=(pl.col("debits") - pl.col("credits")).cast(pl.Int128),
            message=pl.format(
                "the account's totals (version {}) are not those after its last entry of the day "
                "(version {})",
                "version",
                "last",
            ),
        )
    )
    return _violations(wrong, filled.template, business_date)


def _violations(wrong: pl.DataFrame, template: Template, business_date: date) -> pl.DataFrame:
    return wrong.with_columns(
        business_date=pl.lit(business_date),
        return_id=pl.lit(template.return_id),
        return_version=pl.lit(template.version, dtype=pl.Int32),
        left_minor=pl.col("left").cast(pl.Int64),
        right_minor=pl.col("right").cast(pl.Int64),
    ).select(list(RETURN_VIOLATIONS.schema))
