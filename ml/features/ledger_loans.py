"""Loans of customer accounts, read from the entries that disburse and repay them.

Repayments settle the oldest loan first. What is repaid beyond all loans disbursed so far belongs to a
loan that the ledger did not disburse (another bank's, or from before the ledger's first day): that is
one loan more, known from its repayments only, without principal and due date. The term is what the
disbursement's purpose states, as in `Consumer loan, term 30 days`; where it states none, no due date
is known, and lateness stays unknown. Loans are dated by value date: those migrated from an earlier
system are booked long after they were disbursed and repaid, and known only since then.
"""

import polars as pl

from ml.features.expressions import SUBJECT, columns_of
from ml.features.known import LOAN_PURPOSE, Known
from ml.features.loans import LOAN_DATES
from ml.features.movements import repays_loan

TERM = r"(?i)\bterm (\d{1,4}) days\b"
"""How a purpose states the term of a loan."""

COUNTED_ON = "counted_on"
"""The value date, at the latest the date on which the books know of it."""

DISBURSEMENT, REPAYMENT = "loan_disbursement", "loan_repayment"


def ledger_loans(known: Known) -> pl.DataFrame:
    """Every loan of every account as known at the close (schema `LOAN_DATES`)."""
    events = _events(known)
    disbursed = events.filter("is_disbursement").with_columns(
        settled_from=pl.col("disbursed_minor") - pl.col("amount_minor")
    )
    dated = _first_repaid(_closed(disbursed, _repayments(events)), _repayments(events))
    term = pl.col("purpose").str.extract(TERM).cast(pl.Int32)
    own = dated.select(
        SUBJECT,
        disbursed_order="version",
        disbursed_on=COUNTED_ON,
        principal_minor="amount_minor",
        term_days=term,
        due_on=pl.col(COUNTED_ON).dt.offset_by(pl.format("{}d", term)),
        first_repaid_on="first_repaid_on",
        closed_on="closed_on",
    )
    known_on = pl.lit(known.business_date, pl.Date)
    both = pl.concat([own, _foreign(events)], how="diagonal_relaxed")
    return both.with_columns(observed_on=known_on).select(columns_of(LOAN_DATES))


def _events(known: Known) -> pl.DataFrame:
    """Disbursements and repayments in order, with running totals.

    `disbursed_minor` and `repaid_minor` run over the account; `excess_minor` is what has been
    repaid beyond what had been disbursed by then, so `repaid - excess` has settled our loans.
    """
    marked = pl.col("purpose").str.starts_with(LOAN_PURPOSE).fill_null(value=False)
    payments = known.payments.filter(pl.col("kind").is_in([DISBURSEMENT, REPAYMENT]) | marked)
    candidates = pl.col("kind").is_in([DISBURSEMENT, REPAYMENT]) | pl.col("purpose").is_not_null()
    rows = (
        known.entries.filter(pl.col("amount_minor") > 0)
        .join(payments.select("payment_id", "purpose"), on="payment_id", how="left")
        .filter(candidates)
        .collect()
        .sort(SUBJECT, "version")
    )
    is_disbursement = (pl.col("kind") == DISBURSEMENT) & (pl.col("side") == "C")
    is_repayment = (pl.col("side") == "D") & (repays_loan() | (pl.col("kind") == DISBURSEMENT))
    amount = pl.col("amount_minor")
    running = rows.filter(is_disbursement | is_repayment).with_columns(
        pl.min_horizontal("value_date", "business_date").alias(COUNTED_ON),
        is_disbursement=is_disbursement,
        disbursed_minor=pl.when(is_disbursement).then(amount).otherwise(0).cum_sum().over(SUBJECT),
        repaid_minor=pl.when(is_disbursement).then(0).otherwise(amount).cum_sum().over(SUBJECT),
    )
    beyond = (pl.col("repaid_minor") - pl.col("disbursed_minor")).cum_max().over(SUBJECT)
    return running.with_columns(excess_minor=beyond.clip(0))


def _repayments(events: pl.DataFrame) -> pl.DataFrame:
    """The day on which each level of settlement was first reached, ascending."""
    return (
        events.filter(~pl.col("is_disbursement"))
        .with_columns(settled_minor=pl.col("repaid_minor") - pl.col("excess_minor"))
        .unique([SUBJECT, "settled_minor"], keep="first", maintain_order=True)
        .select(SUBJECT, "settled_minor", settled_on=COUNTED_ON)
        .sort("settled_minor", SUBJECT)
    )


def _closed(disbursed: pl.DataFrame, repayments: pl.DataFrame) -> pl.DataFrame:
    """With `closed_on`: when all that was disbursed up to and with the loan had been settled."""
    return (
        disbursed.sort("disbursed_minor", SUBJECT)
        .join_asof(
            repayments,
            left_on="disbursed_minor",
            right_on="settled_minor",
            by=SUBJECT,
            strategy="forward",
            check_sortedness=False,  # both are sorted just above and in `_repayments`
        )
        .rename({"settled_on": "closed_on"})
        .drop("settled_minor", strict=False)
    )


def _first_repaid(disbursed: pl.DataFrame, repayments: pl.DataFrame) -> pl.DataFrame:
    """With `first_repaid_on`: when more had been settled than the loans before it."""
    return disbursed.sort("settled_from", SUBJECT).join_asof(
        repayments.rename({"settled_on": "first_repaid_on"}),
        left_on="settled_from",
        right_on="settled_minor",
        by=SUBJECT,
        strategy="forward",
        allow_exact_matches=False,
        check_sortedness=False,  # as in `_closed`
    )


def _foreign(events: pl.DataFrame) -> pl.DataFrame:
    """One loan an account that repaid more than the ledger ever disbursed to it."""
    return (
        events.filter(pl.col("excess_minor") > 0)
        .group_by(SUBJECT)
        .agg(
            disbursed_order=pl.col("version").min(),
            disbursed_on=pl.col(COUNTED_ON).min(),
            first_repaid_on=pl.col(COUNTED_ON).min(),
        )
    )
