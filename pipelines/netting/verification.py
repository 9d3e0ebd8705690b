"""The verifier: whether a result of netting or clearing follows from its obligations, by other means.

Belongs here: rules that a netted or cleared window must keep, checked from the obligations alone. It
shares no code with what computes the results, so that an error in one is not repeated in the other.
What settles from a queue is verified in `queue_verification.py`.

Every function returns rows of `VIOLATIONS_SCHEMA`, sorted; none when the result is proven.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final

import polars as pl

VIOLATIONS_SCHEMA: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "rule": pl.String,  # Rule
    "where": pl.String,  # the window, currency, participant, obligation ... that breaks it
    "expected": pl.Int128,  # minor units, or how many; of a limit the value nearest to what was found
    "found": pl.Int128,
}


class Rule(StrEnum):
    """What must hold."""

    NETS_SUM_TO_ZERO = "nets_sum_to_zero"
    """The net positions of a window and currency sum to zero."""
    NET_OF_OBLIGATIONS = "net_of_obligations"
    """A participant's net position is what it is owed less what it owes."""
    GROSS_OF_OBLIGATIONS = "gross_of_obligations"
    """What a position says that its participant owes, and is owed, is what the obligations say."""
    PAIR_OF_OBLIGATIONS = "pair_of_obligations"
    """The net of a pair is what one owes the other less what it is owed by it."""
    POSITION_STATED_ONCE = "position_stated_once"
    """A participant has one net position in a window and currency."""
    CAP_KEPT = "cap_kept"
    """No net position is further below zero than the participant's cap."""
    OBLIGATION_TRACED_ONCE = "obligation_traced_once"
    """Each obligation is in the cleared ones as it was, once, and nothing else is."""
    CLEARED_WITHIN_AMOUNT = "cleared_within_amount"
    """Of an obligation no less than nothing and no more than its amount is cleared."""
    REMAINDER_OF_AMOUNT = "remainder_of_amount"
    """What remains of an obligation is its amount less what is cleared."""
    CLEARING_BALANCED = "clearing_balanced"
    """At each party as much is cleared of what it owes as of what it is owed: its net stays."""
    NOTHING_CLEARS_MORE = "nothing_clears_more"
    """What is cleared is as much as prices prove that nothing exceeds."""
    RING_CLOSES = "ring_closes"
    """Each creditor of a set-off notice is the debtor of its next step, the last one of the first."""
    RING_OF_ONE_AMOUNT = "ring_of_one_amount"
    """All steps of a set-off notice are of the same amount, more than nothing."""
    NOTICES_MAKE_CLEARED = "notices_make_cleared"
    """The notices sum per debtor and creditor to what is cleared of their obligations."""
    SETTLED_FROM_QUEUE = "settled_from_queue"
    """What settles is in the queue as it was, and at most once."""
    LIQUIDITY_KEPT = "liquidity_kept"
    """Nobody has less than its net debit cap below nothing, after all that settles together."""
    BILATERAL_LIMIT_KEPT = "bilateral_limit_kept"
    """Nobody has paid another net more than their bilateral limit."""
    NOT_OVERTAKEN = "not_overtaken"
    """No payment settles before an earlier one of the same participant."""
    STATEMENT_OF_SETTLED = "statement_of_settled"
    """Paid, received, queued and left liquidity are those that follow from what settled."""


_CYCLE: Final = ("business_date", "window_id", "currency")
_PARTICIPANT: Final = (*_CYCLE, "participant_id")
_OBLIGATION: Final = (*_CYCLE, "book_id", "account_id", "version")
_ONE: Final = pl.lit(1, pl.Int128)
NOTHING: Final = pl.lit(0, pl.Int128)
"""Zero minor units, or none."""


def netting_violations(
    obligations: pl.DataFrame, *, multilateral: pl.DataFrame, bilateral: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Rules that net positions break; frames as OBLIGATIONS, NET_POSITIONS, BILATERAL_POSITIONS.

    A position that is not stated counts as zero: who owes and is owed the same may be left out.
    """
    nets = multilateral.select(*_PARTICIPANT, value=minor("net_minor"))
    counted = nets.group_by(_PARTICIPANT).agg(count=pl.len().cast(pl.Int128))
    count, value = pl.col("count"), pl.col("value")
    found = [
        differing(
            Rule.NETS_SUM_TO_ZERO,
            summed(nets, _CYCLE),
            _CYCLE,
            expected=NOTHING,
            found=value,
        ),
        unequal_sums(Rule.NET_OF_OBLIGATIONS, _signed(obligations, "amount_minor"), nets, _PARTICIPANT),
        *(
            unequal_sums(
                Rule.GROSS_OF_OBLIGATIONS,
                obligations.select(*_CYCLE, participant_id=side, value=minor("amount_minor")).join(
                    multilateral, on=_PARTICIPANT, how="semi"
                ),
                multilateral.select(*_PARTICIPANT, value=minor(stated)),
                _PARTICIPANT,
            )
            for side, stated in (("debtor_id", "owes_minor"), ("creditor_id", "is_owed_minor"))
        ),
        differing(Rule.POSITION_STATED_ONCE, counted, _PARTICIPANT, expected=_ONE, found=count),
    ]
    if bilateral is not None:
        owed, stated = _by_pair(obligations, "amount_minor"), _by_pair(bilateral, "net_minor")
        pair = (*_CYCLE, "low_id", "high_id")
        found.append(unequal_sums(Rule.PAIR_OF_OBLIGATIONS, owed, stated, pair))
    return in_order(found)


def cap_violations(multilateral: pl.DataFrame, caps: pl.DataFrame) -> pl.DataFrame:
    """Net positions below the participant's cap; who has none stated may not owe anything.

    `multilateral` as NET_POSITIONS; `caps` one row a participant and currency: participant_id,
    currency, cap_minor (Int64, how far below zero it may go).
    """
    net, cap = minor("net_minor"), minor("cap_minor").fill_null(0)
    capped = multilateral.join(caps, on=["participant_id", "currency"], how="left")
    lowest = pl.max_horizontal(net, NOTHING - cap)
    return in_order([differing(Rule.CAP_KEPT, capped, _PARTICIPANT, expected=lowest, found=net)])


def clearing_violations(obligations: pl.DataFrame, cleared_obligations: pl.DataFrame) -> pl.DataFrame:
    """Rules that cleared obligations break; frames as OBLIGATIONS and CLEARED_OBLIGATIONS."""
    amount, value, left = (minor(f"{what}_minor") for what in ("amount", "cleared", "remaining"))
    balances = summed(_signed(cleared_obligations, "cleared_minor"), _PARTICIPANT)
    within = pl.min_horizontal(pl.max_horizontal(value, NOTHING), amount)
    rows = cleared_obligations
    return in_order(
        [
            not_once(
                Rule.OBLIGATION_TRACED_ONCE,
                obligations,
                cleared_obligations.select(obligations.columns),
                _OBLIGATION,
            ),
            differing(Rule.CLEARED_WITHIN_AMOUNT, rows, _OBLIGATION, expected=within, found=value),
            differing(Rule.REMAINDER_OF_AMOUNT, rows, _OBLIGATION, expected=amount - value, found=left),
            differing(
                Rule.CLEARING_BALANCED,
                balances,
                _PARTICIPANT,
                expected=NOTHING,
                found=pl.col("value"),
            ),
        ]
    )


def notice_violations(cleared_obligations: pl.DataFrame, notices: pl.DataFrame) -> pl.DataFrame:
    """Rules that set-off notices break; frames as CLEARED_OBLIGATIONS and SET_OFF_NOTICES.

    Where a ring does not close, `expected` is how many steps it has, `found` how many lead to the next.
    """
    ring, pair = (*_CYCLE, "notice"), (*_CYCLE, "debtor_id", "creditor_id")
    last = pl.col("step") == pl.len().over(ring)
    next_step = pl.when(last).then(1).otherwise(pl.col("step") + 1)
    following = notices.select(*ring, step="step", creditor_id="debtor_id")
    leading = (
        notices.with_columns(step=next_step)
        .join(following, on=[*ring, "step", "creditor_id"], how="semi")
        .group_by(ring)
        .agg(leads=pl.len().cast(pl.Int128))
    )
    rings = (
        notices.group_by(ring)
        .agg(
            steps=pl.len().cast(pl.Int128),
            smallest=minor("amount_minor").min(),
            largest=minor("amount_minor").max(),
        )
        .join(leading, on=ring, how="left", nulls_equal=True)
    )
    found = [
        differing(
            Rule.RING_CLOSES, rings, ring, expected=pl.col("steps"), found=pl.col("leads").fill_null(0)
        ),
        differing(
            Rule.RING_OF_ONE_AMOUNT,
            rings,
            ring,
            expected=pl.max_horizontal("smallest", _ONE),
            found=pl.col("largest"),
        ),
        unequal_sums(
            Rule.NOTICES_MAKE_CLEARED,
            cleared_obligations.select(*pair, value=minor("cleared_minor")),
            notices.select(*pair, value=minor("amount_minor")),
            pair,
        ),
    ]
    return in_order(found)


def minor(column: str) -> pl.Expr:
    """A column of minor units, wide enough that no sum of it wraps."""
    return pl.col(column).cast(pl.Int128)


def summed(frame: pl.DataFrame, at: Sequence[str]) -> pl.DataFrame:
    """`value` added up per key."""
    return frame.group_by(at).agg(pl.col("value").sum())


def differing(
    rule: Rule, frame: pl.DataFrame, at: Sequence[str], *, expected: pl.Expr, found: pl.Expr
) -> pl.DataFrame:
    """Rows of a frame in which something is not as expected, or missing."""
    return (
        frame.lazy()
        .select(
            rule=pl.lit(rule.value),
            where=pl.concat_str(
                [pl.col(name).cast(pl.String).fill_null("?") for name in at], separator=" "
            ),
            expected=expected,
            found=found,
        )
        .filter(pl.col("expected").ne_missing(pl.col("found")))
        .collect()
    )


def unequal_sums(
    rule: Rule, expected: pl.DataFrame, found: pl.DataFrame, at: Sequence[str]
) -> pl.DataFrame:
    """Keys whose `value` sums to something else in one frame than in the other; nothing where absent."""
    both = summed(expected, at).join(
        summed(found, at).rename({"value": "found"}), on=at, how="full", coalesce=True, nulls_equal=True
    )
    return differing(
        rule, both, at, expected=pl.col("value").fill_null(0), found=pl.col("found").fill_null(0)
    )


def not_once(
    rule: Rule, given: pl.DataFrame, found: pl.DataFrame, at: Sequence[str], *, all_of_them: bool = True
) -> pl.DataFrame:
    """Rows of `found` that are not once in `given`, as they are there; and the other way round.

    Unless `all_of_them` must be found, rows of `given` may be missing.
    """
    columns = given.columns
    both = (
        given.group_by(columns)
        .agg(expected=pl.len().cast(pl.Int128))
        .join(
            found.group_by(columns).agg(found=pl.len().cast(pl.Int128)),
            on=columns,
            how="full" if all_of_them else "right",
            coalesce=True,
            nulls_equal=True,
        )
    )
    times = pl.min_horizontal(pl.col("expected").fill_null(0), _ONE)
    return differing(rule, both, at, expected=times, found=pl.col("found").fill_null(0))


def in_order(found: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """All violations, in order of rule and place."""
    return pl.concat([pl.DataFrame(schema=VIOLATIONS_SCHEMA), *found]).sort("rule", "where", "found")


def _signed(obligations: pl.DataFrame, column: str) -> pl.DataFrame:
    """Each obligation twice: `value` of its creditor, and negative of its debtor."""
    value = minor(column)
    return pl.concat(
        [
            obligations.select(*_CYCLE, participant_id="creditor_id", value=value),
            obligations.select(*_CYCLE, participant_id="debtor_id", value=NOTHING - value),
        ]
    )


def _by_pair(obligations: pl.DataFrame, column: str) -> pl.DataFrame:
    """`value` that the low of the two ids owes the high one, negative the other way."""
    value = minor(column)
    low = pl.col("debtor_id") < pl.col("creditor_id")
    return obligations.select(
        *_CYCLE,
        low_id=pl.min_horizontal("debtor_id", "creditor_id"),
        high_id=pl.max_horizontal("debtor_id", "creditor_id"),
        value=pl.when(low).then(value).otherwise(NOTHING - value),
    )
