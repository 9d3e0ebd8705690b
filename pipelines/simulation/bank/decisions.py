"""Whether the bank executes a payment, and why not: by rule first, then by a draw from its reference.

Belongs here: the order of the reasons. A payment is executed (ACSC) or rejected (RJCT) with an ISO 20022
external reason; of the executed ones some are marked to come back later. The same seed and references
decide the same, in whatever order files come; only the cover depends on what came before.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping

import polars as pl

from pipelines.simulation.bank.behaviour import Rule
from pipelines.simulation.bank.configuration import BankConfig

EXECUTED, REJECTED = "ACSC", "RJCT"
PERMILLE = 1000

PARTIAL_REASON = "AC04"
"""Reason of the payments that a partly accepted file loses."""


def reference() -> pl.Expr:
    """By what a payment is known to the bank: its UETR, else the narrowest id that it has."""
    given = pl.col("uetr", "transaction_id", "instruction_id", "end_to_end_id")
    return pl.coalesce(given.replace("NOTPROVIDED", None))


def draw(seed: int, purpose: str, references: Iterable[str | None]) -> list[int]:
    """A number below 1000 for each reference; one by one, because Polars has no hash that is stable."""
    return [
        int.from_bytes(
            hashlib.blake2b(f"{seed}/{purpose}/{text}".encode(), digest_size=8).digest(), "big"
        )
        % PERMILLE
        for text in references
    ]


def drawn_reason(drawn: pl.Expr, rates: Mapping[str, int]) -> pl.Expr:
    """The reason into whose share of a thousand the draw falls; null beyond them all."""
    chosen, below = pl.lit(None, pl.String), 0
    for reason, permille in rates.items():
        chosen = (
            pl.when((drawn >= below) & (drawn < below + permille)).then(pl.lit(reason)).otherwise(chosen)
        )
        below += permille
    return chosen


def decided(
    payments: pl.DataFrame,
    *,
    config: BankConfig,
    message_type: str,
    known: pl.Series,
    available: Callable[[str], int],
    partial: Rule | None,
) -> pl.DataFrame:
    """`payments` (`orders.ORDERED`) with status, reason, return_reason and the accounts that it moves.

    `known`: references that were executed before. `available`: what an account can still pay.
    """
    customer = message_type.startswith("pain.")
    settlement = {kept.currency: kept.account for kept in config.accounts if kept.settlement}
    rows = payments.with_columns(
        reference=reference(),
        debit_account=pl.col("debtor_account")
        if customer
        else pl.col("currency").replace_strict(settlement, default=None, return_dtype=pl.String),
        credit_account=_kept(pl.col("creditor_account"), config),
    )
    rows = rows.with_columns(
        drawn=pl.Series(draw(config.seed, "rejected", rows["reference"]), dtype=pl.Int64),
        drawn_return=pl.Series(draw(config.seed, "returned", rows["reference"]), dtype=pl.Int64),
    ).with_columns(reason=_reason(config, known, customer=customer))
    if partial is not None:
        rows = _partly(rows, partial, config.seed)
    rows = _covered(rows, available)
    executed = pl.col("reason").is_null()
    return rows.with_columns(
        status=pl.when(executed).then(pl.lit(EXECUTED)).otherwise(pl.lit(REJECTED)),
        return_reason=pl.when(executed).then(
            drawn_reason(pl.col("drawn_return"), config.returned_permille)
        ),
    ).drop("drawn", "drawn_return")


def _kept(account: pl.Expr, config: BankConfig) -> pl.Expr:
    return pl.when(account.is_in([kept.account for kept in config.accounts])).then(account)


def _reason(config: BankConfig, known: pl.Series, *, customer: bool) -> pl.Expr:
    currencies = {kept.account: kept.currency for kept in config.accounts}
    closed = [kept.account for kept in config.accounts if kept.closed]
    of_debit, of_credit = (
        pl.col(name).replace_strict(currencies, default=None, return_dtype=pl.String)
        for name in ("debit_account", "credit_account")
    )
    repeated = pl.col("reference").is_in(known.implode()) | ~pl.col("reference").is_first_distinct()
    unkept = pl.lit("AC01") if customer else pl.lit("AM03")
    return (
        pl.when(pl.col("reference").is_null())
        .then(pl.lit("RF01"))
        .when(pl.col("execution_date").is_null())
        .then(pl.lit("DT01"))
        .when(repeated)
        .then(pl.lit("AM05"))
        .when(of_debit.is_null())
        .then(unkept)
        .when((of_debit != pl.col("currency")) | (of_credit != pl.col("currency")).fill_null(False))
        .then(pl.lit("AM03"))
        .when(
            pl.col("debit_account").is_in(closed).fill_null(False)
            | pl.col("credit_account").is_in(closed).fill_null(False)
        )
        .then(pl.lit("AC04"))
        .otherwise(drawn_reason(pl.col("drawn"), config.rejected_permille))
    )


def _partly(rows: pl.DataFrame, rule: Rule, seed: int) -> pl.DataFrame:
    """Reject the rule's share of what would be executed: at least one payment, and not all."""
    drawn = pl.Series(draw(seed, "partial", rows["reference"]), dtype=pl.Int64)
    open_rows = rows.select("row", "reason", drawn=drawn).filter(pl.col("reason").is_null())
    ordered = open_rows.sort("drawn", "row")
    share = ordered.filter(pl.col("drawn") < rule.permille).height
    # Rejected already by another rule: then even all of the others may be executed.
    least = 1 if open_rows.height == rows.height else 0
    lost = ordered["row"].head(max(least, min(share, ordered.height - 1)) if ordered.height > 1 else 0)
    return rows.with_columns(
        reason=pl.when(pl.col("row").is_in(lost.implode()))
        .then(pl.lit(PARTIAL_REASON))
        .otherwise("reason")
    )


def _covered(rows: pl.DataFrame, available: Callable[[str], int]) -> pl.DataFrame:
    """Reject with AM04 what an account cannot pay, in the order of the file.

    A rejected payment uses up nothing, so where the whole is not covered it goes payment by payment.
    """
    for (account,), due in rows.filter(pl.col("reason").is_null()).group_by(
        "debit_account", maintain_order=True
    ):
        left = available(str(account))
        if int(due["amount_minor"].cast(pl.Int128).sum()) <= left:
            continue
        short = []
        for row, amount in due.select("row", "amount_minor").iter_rows():
            if amount > left:
                short.append(row)
            else:
                left -= amount
        rows = rows.with_columns(
            reason=pl.when(pl.col("row").is_in(short)).then(pl.lit("AM04")).otherwise("reason")
        )
    return rows
