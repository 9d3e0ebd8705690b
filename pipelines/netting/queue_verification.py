"""The verifier of the liquidity-saving queue: whether what settled may settle, by other means.

Belongs here: rules that a choice of whole payments must keep, checked from the queue, the liquidity and
the limits that it was made of. It shares no code with what chooses. Violations are those of
`verification.py`.
"""

import polars as pl

from pipelines.netting.verification import (
    NOTHING,
    Rule,
    differing,
    in_order,
    minor,
    not_once,
    summed,
    unequal_sums,
)

_PAIR = ("debtor_id", "creditor_id")


def settlement_violations(
    payments: pl.DataFrame,
    settled: pl.DataFrame,
    liquidity: pl.DataFrame,
    limits: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Rules that a settled choice breaks; rows of `VIOLATIONS_SCHEMA`.

    `payments` is the queue (payment_id, debtor_id, creditor_id, amount_minor, ...), `settled` what
    settles of it, `liquidity` participant_id, liquidity_minor and if it likes net_debit_cap_minor,
    `limits` debtor_id, creditor_id, limit_minor. All of `settled` settles together, or turn by turn
    where it has a column `turn`: then the rules hold after every turn. Who has no liquidity stated has
    none.
    """
    columns = [name for name in payments.columns if name in settled.columns]
    in_turns = _in_turns(settled)
    found = [
        not_once(
            Rule.SETTLED_FROM_QUEUE,
            payments.select(columns),
            settled.select(columns),
            ("payment_id",),
            all_of_them=False,
        ),
        differing(
            Rule.SETTLED_FROM_QUEUE,
            settled.group_by("payment_id").agg(times=pl.len().cast(pl.Int128)),
            ("payment_id",),
            expected=pl.lit(1, pl.Int128),
            found=pl.col("times"),
        ),
        _short_of_liquidity(in_turns, liquidity),
    ]
    if limits is not None:
        found.append(_beyond_limits(in_turns, limits))
    return in_order(found).unique(maintain_order=True)


def overtaking_violations(payments: pl.DataFrame, settled: pl.DataFrame) -> pl.DataFrame:
    """Payments that settled before another of their debtor that had entered before and goes first.

    First goes the smaller `priority`, where there is one, then the smaller `position`. `expected` is the
    turn of the last one that it should have waited for (one past the last turn when that did not settle
    at all), `found` its own.
    """
    turns = _in_turns(settled).select("payment_id", turn="turn")
    never = (turns["turn"].max() or 0) + 1  # type: ignore[operator]  # an integer column
    queue = (
        payments.with_columns(priority=_column_or_zero(payments, "priority"))
        .join(turns.unique("payment_id"), on="payment_id", how="left")
        .with_columns(pl.col("turn").fill_null(never))
    )
    if "turn" not in settled.columns:
        return in_order([_overtaking(queue.sort("debtor_id", "priority", "position"))])
    by_entry = queue.sort("debtor_id", "position")
    return in_order(
        _overtaking(by_entry.filter(pl.col("priority") <= level), priority=level)
        for level in by_entry["priority"].unique().sort()
    )


def statement_violations(
    payments: pl.DataFrame, settled: pl.DataFrame, statement: pl.DataFrame
) -> pl.DataFrame:
    """Where a statement of liquidity does not follow from what settled.

    `statement` one row a participant: participant_id, liquidity_minor, paid_minor, received_minor,
    queued_minor, liquidity_after_minor.
    """
    queued = payments.join(settled, on="payment_id", how="anti")
    found = []
    for column, side, moved in (
        ("paid_minor", "debtor_id", settled),
        ("received_minor", "creditor_id", settled),
        ("queued_minor", "debtor_id", queued),
    ):
        found.append(
            unequal_sums(
                Rule.STATEMENT_OF_SETTLED,
                moved.select(participant_id=side, what=pl.lit(column), value=minor("amount_minor")),
                statement.select("participant_id", what=pl.lit(column), value=minor(column)),
                ("participant_id", "what"),
            )
        )
    left = minor("liquidity_minor") - minor("paid_minor") + minor("received_minor")
    after = differing(
        Rule.STATEMENT_OF_SETTLED,
        statement.with_columns(what=pl.lit("liquidity_after_minor")),
        ("participant_id", "what"),
        expected=left,
        found=minor("liquidity_after_minor"),
    )
    return in_order([*found, after])


def _in_turns(settled: pl.DataFrame) -> pl.DataFrame:
    """What settled with a `turn`: all in one where it has none."""
    return settled.with_columns(turn=_column_or_zero(settled, "turn"))


def _column_or_zero(frame: pl.DataFrame, column: str) -> pl.Expr:
    return pl.col(column) if column in frame.columns else pl.lit(0, pl.Int64)


def _short_of_liquidity(in_turns: pl.DataFrame, liquidity: pl.DataFrame) -> pl.DataFrame:
    """Whoever has less than minus its cap after a turn."""
    amount = minor("amount_minor")
    moved = pl.concat(
        [
            in_turns.select("turn", participant_id="creditor_id", value=amount),
            in_turns.select("turn", participant_id="debtor_id", value=NOTHING - amount),
        ]
    )
    cap = _column_or_zero(liquidity, "net_debit_cap_minor").cast(pl.Int128)
    stated = liquidity.select("participant_id", start=minor("liquidity_minor"), cap=cap)
    at = ("participant_id", "turn")
    left = (
        summed(moved, at)
        .sort(at)
        .join(stated, on="participant_id", how="left")
        .with_columns(
            left=pl.col("start").fill_null(0) + pl.col("value").cum_sum().over("participant_id"),
            least=NOTHING - pl.col("cap").fill_null(0),
        )
    )
    least = pl.max_horizontal("left", "least")
    return differing(Rule.LIQUIDITY_KEPT, left, at, expected=least, found=pl.col("left"))


def _beyond_limits(in_turns: pl.DataFrame, limits: pl.DataFrame) -> pl.DataFrame:
    """Pairs that have paid more net than their limit after a turn."""
    amount = minor("amount_minor")
    at = (*_PAIR, "turn")
    there = in_turns.select(*at, value=amount)
    back = in_turns.select(
        "turn", debtor_id="creditor_id", creditor_id="debtor_id", value=NOTHING - amount
    ).select(there.columns)
    paid = (
        summed(pl.concat([there, back]), at)
        .sort(at)
        .with_columns(pl.col("value").cum_sum().over(_PAIR))
        .join(limits.select(*_PAIR, limit=minor("limit_minor")), on=_PAIR, how="inner")
    )
    most = pl.min_horizontal("value", "limit")
    return differing(Rule.BILATERAL_LIMIT_KEPT, paid, at, expected=most, found=pl.col("value"))


def _overtaking(ordered: pl.DataFrame, *, priority: int | None = None) -> pl.DataFrame:
    """Rows with an earlier row of the same debtor that has a later turn; of one priority, if given."""
    awaited = pl.col("turn").cum_max().shift(1).over("debtor_id").fill_null(-1).cast(pl.Int128)
    turn = pl.col("turn").cast(pl.Int128)
    waited = ordered.with_columns(awaited=awaited, turn=turn)
    if priority is not None:
        waited = waited.filter(priority=priority)
    return differing(
        Rule.NOT_OVERTAKEN,
        waited,
        ("payment_id",),
        expected=pl.max_horizontal("turn", "awaited"),
        found=pl.col("turn"),
    )
