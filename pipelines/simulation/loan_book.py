"""Loans from disbursement to the last repayment: what is owed, and when a borrower means to pay it.

Belongs here: a loan's life, the same for loans migrated from an earlier system (`lending_history.py`)
and for loans of the simulated days. A borrower has one open loan at a time, so that every repayment
belongs to one loan, and owes its principal only: interest is not part of the simulated economy.
"""

from datetime import date

import numpy as np
import polars as pl

from pipelines.simulation.draft import draft
from pipelines.simulation.draws import Ints, draw_weighted, happens, stream

TERMS_DAYS = np.array([14, 30, 60, 90], dtype=np.int64)
TERM_WEIGHTS = np.array([200, 580, 150, 70], dtype=np.int64)
EARLIEST_DAYS = 10
"""How long before the due date, at most, a good borrower repays."""
LATE_DAYS = 24
IN_PARTS_PERMILLE = 250
"""Share of loans that are repaid in two parts."""
PART_AHEAD_DAYS = 3
"""How long before the due date or the last part, whichever is first, the first part is paid at most."""

DISBURSEMENT, REPAYMENT = "loan_disbursement", "loan_repayment"

LOAN: dict[str, type[pl.DataType]] = {
    "account": pl.Int64,  # index of the borrower's account
    "principal_minor": pl.Int64,
    "disbursed_on": pl.Date,
    "due_on": pl.Date,
    "part_minor": pl.Int64,  # what is repaid first, of a loan that is repaid in two parts; else 0
    "part_on": pl.Date,
    "settle_on": pl.Date,  # when the borrower means to repay the rest
    "paid_minor": pl.Int64,
    "closed_on": pl.Date,  # null while something is owed
}


def draw_terms(rng: np.random.Generator, count: int) -> Ints:
    """The terms of `count` loans, days."""
    return TERMS_DAYS[draw_weighted(rng, TERM_WEIGHTS, count)]


def draw_conduct(
    rng: np.random.Generator,
    *,
    term_days: Ints,
    probability_ppm: Ints,
    late_days: int | Ints = LATE_DAYS,
) -> pl.DataFrame:
    """How each loan will be repaid: delay_days, part_permille, part_delay_days.

    Delays are days after the due date, negative before it. A loan is late with its borrower's
    probability, in millionths. `part_permille` of the principal is repaid first, 0 when nothing is.
    """
    count = len(term_days)
    late = rng.integers(0, 10**6, count) < probability_ppm
    delays = 1 + rng.integers(0, late_days, count) * rng.integers(0, late_days, count) // late_days
    ahead = rng.integers(0, np.minimum(term_days - PART_AHEAD_DAYS - 1, EARLIEST_DAYS))
    delay = np.where(late, delays, -ahead)
    parts = happens(rng, permille=IN_PARTS_PERMILLE, count=count)
    return pl.DataFrame(
        {
            "delay_days": delay,
            "part_permille": np.where(parts, rng.integers(300, 700, count), 0),
            "part_delay_days": np.minimum(delay, 0) - rng.integers(1, PART_AHEAD_DAYS + 1, count),
        }
    )


def fresh_loans(terms: pl.DataFrame) -> pl.DataFrame:
    """Loans (columns of `LOAN`) of which nothing has been repaid.

    `terms`: account, principal_minor, disbursed_on, term_days, cash_step_minor, and the columns of
    `draw_conduct`. A first part is in tenths of the smallest note, as amounts that people choose are.
    """
    due = pl.col("disbursed_on") + pl.duration(days="term_days")
    step = pl.max_horizontal(pl.lit(1), pl.col("cash_step_minor") // 10)
    part = pl.col("principal_minor") * pl.col("part_permille") // 1000 // step * step
    return terms.with_columns(
        due_on=due,
        part_minor=part,
        part_on=pl.when(part > 0).then(due + pl.duration(days="part_delay_days")),
        settle_on=due + pl.duration(days="delay_days"),
        paid_minor=pl.lit(0),
        closed_on=pl.lit(None),
    ).select(pl.col(name).cast(kind) for name, kind in LOAN.items())


def granted(
    wished: pl.DataFrame,
    *,
    loans: pl.DataFrame,
    accounts: pl.DataFrame,
    probability_ppm: Ints,
    seed: int,
    day: date,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The drafts with the loans that are granted, their terms in the purpose, and these loans.

    Whoever has an open loan gets no second one. `probability_ppm`: by account index.
    """
    is_loan = pl.col("kind") == DISBURSEMENT
    indebted = loans.filter(pl.col("closed_on").is_null())["account"].implode()
    asked = wished.filter(is_loan, ~pl.col("creditor").is_in(indebted)).unique(
        "creditor", keep="first", maintain_order=True
    )
    rng = stream(seed, "loans", day)
    who = asked["creditor"].to_numpy()
    term_days = draw_terms(rng, asked.height)
    conduct = draw_conduct(rng, term_days=term_days, probability_ppm=probability_ppm[who])
    terms = asked.select(account="creditor", principal_minor="amount_minor").with_columns(
        conduct,
        disbursed_on=pl.lit(day),
        term_days=pl.Series(term_days),
        cash_step_minor=accounts["cash_step_minor"].gather(who),
    )
    paid_out = asked.with_columns(purpose=with_term(pl.Series(term_days)))
    return pl.concat([wished.filter(~is_loan), paid_out]), fresh_loans(terms)


def with_term(term_days: pl.Expr | pl.Series) -> pl.Expr:
    """The purpose of a disbursement, from the column `purpose`: `Consumer loan, term 30 days`."""
    return pl.format("{}, term {} days", "purpose", term_days)


def repayments(loans: pl.DataFrame, *, seed: int, day: date) -> pl.DataFrame:
    """A draft of what borrowers mean to repay on `day`, what could not be paid before included."""
    owing = loans.filter(pl.col("closed_on").is_null())
    rest = pl.col("settle_on") <= day
    part = (pl.col("part_on") <= day).fill_null(value=False) & (pl.col("paid_minor") == 0)
    paying = owing.filter(rest | part).select(
        "account",
        rest=rest,
        amount_minor=pl.when(rest)
        .then(pl.col("principal_minor") - pl.col("paid_minor"))
        .otherwise("part_minor"),
    )
    return repayment_draft(
        paying, second=stream(seed, "repayments", day).integers(7 * 3600, 21 * 3600, paying.height)
    )


def repayment_draft(paying: pl.DataFrame, *, second: Ints, channel: str = "app") -> pl.DataFrame:
    """A draft of repayments: account, amount_minor, and whether it is the `rest` of the loan."""
    return draft(
        {
            "kind": REPAYMENT,
            "debtor": paying["account"],
            "amount_minor": paying["amount_minor"],
            "second": second,
            "channel": channel,
            "purpose": pl.select(
                pl.when(paying["rest"])
                .then(pl.lit("Loan repayment"))
                .otherwise(pl.lit("Loan instalment"))
            ).to_series(),
        }
    )


def after_repayments(loans: pl.DataFrame, payments: pl.DataFrame, *, day: date) -> pl.DataFrame:
    """The loans after the repayments among the `payments` of `day`."""
    repaid = payments.filter(kind=REPAYMENT).select(account="debtor", repaid_minor="amount_minor")
    is_open = pl.col("closed_on").is_null()
    paid = pl.col("paid_minor") + pl.when(is_open).then(pl.col("repaid_minor").fill_null(0)).otherwise(0)
    return (
        loans.join(repaid, on="account", how="left", maintain_order="left")
        .with_columns(
            paid_minor=paid,
            closed_on=pl.when(is_open & (paid == pl.col("principal_minor")))
            .then(pl.lit(day))
            .otherwise("closed_on"),
        )
        .select(*LOAN)
    )


def owed_by_account(loans: pl.DataFrame, count: int) -> Ints:
    """What each of `count` accounts owes, minor units."""
    owed = np.zeros(count, dtype=np.int64)
    owed_minor = (loans["principal_minor"] - loans["paid_minor"]).to_numpy()
    np.add.at(owed, loans["account"].to_numpy(), owed_minor)
    return owed
