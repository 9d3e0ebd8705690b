"""Borrowers and the loans they had before the first date, migrated like opening balances.

Belongs here: who borrows, how likely a loan of theirs is late, and their loans of the last twelve
months. The probability is a logit of declared terms (`data/borrower_model.csv`), like that of the
credit files, so that scores can be measured against the best possible ones. The principal of a
migrated loan stays on the account until it is repaid: no balance depends on what it was spent on.
"""

from datetime import date

import numpy as np
import polars as pl

from pipelines.simulation.draft import draft
from pipelines.simulation.draws import (
    Ints,
    draw_weighted,
    happens,
    probability_ppm,
    round_to_step,
    stream,
)
from pipelines.simulation.economy import Economy
from pipelines.simulation.holdings import Role
from pipelines.simulation.loan_book import (
    DISBURSEMENT,
    LATE_DAYS,
    draw_conduct,
    draw_terms,
    fresh_loans,
    repayment_draft,
    with_term,
)

BORROWER_PERMILLE = 400
"""Of the accounts that are old enough; with them about a third of all."""
KNOWN_DAYS = 365
"""An account with earlier loans has been open for at least so long."""
FARTHEST_DAYS = 360
"""The first migrated loan was disbursed at most so long ago."""
LOANS_WEIGHTS = np.array([20, 22, 20, 16, 12, 10], dtype=np.int64)
"""Of having had 1, 2, 3 ... earlier loans."""
CLOSED_WITHIN_DAYS = 45
"""How long ago, at most, the last loan was closed: an account in use has moved lately."""
LAST_LATE_DAYS = 45
"""Delay of a last loan that is late, at most; it may well be open and overdue on the first date."""
PAUSE_DAYS = 25
FIRST_LOAN_PERCENT = 40
"""Of the loans people ask for nowadays: lenders begin with small ones."""
GOOD_PERCENT, LATE_PERCENT = 30, -25
"""By how much each loan before, repaid in time or late, changes the amount of the next."""
GROWTH_PERCENT = (50, 250)


def default_probability_ppm(accounts: pl.DataFrame, *, economy: Economy, seed: int) -> Ints:
    """Probability, by account index and in millionths, that a loan of the account is repaid late."""
    rng = stream(seed, "borrowers", "unreliability")
    count = accounts.height
    unreliability = rng.integers(0, 1001, count) * rng.integers(0, 1001, count) // 1000
    terms = {
        "intercept": pl.lit(1),
        "unreliability_permille": pl.lit(pl.Series(unreliability)),
        "freelancer": pl.col("party_kind") == "freelancer",
        "sme": pl.col("party_kind") == "sme",
        "wallet": pl.col("product") == "wallet",
    }
    logit = pl.sum_horizontal(
        terms[name].cast(pl.Int64).fill_null(0) * weight
        for name, weight in economy.borrower_model.iter_rows()
    )
    return probability_ppm(accounts.select(logit).to_series().to_numpy())


def earlier_loans(
    accounts: pl.DataFrame, *, economy: Economy, probability_ppm: Ints, seed: int, first_date: date
) -> pl.DataFrame:
    """The loans (columns of `LOAN`) disbursed before the first date, some of them still open.

    In order of account, then disbursement; what was repaid before the first date is `paid_minor`.
    """
    rng = stream(seed, "borrowers", "loans")
    borrowers = _borrowers(accounts, economy=economy, seed=seed, first_date=first_date)
    wanted = 1 + draw_weighted(rng, LOANS_WEIGHTS, borrowers.height)
    loans = borrowers[np.repeat(np.arange(borrowers.height), wanted)].with_columns(
        last=pl.Series(np.arange(wanted.sum()) == np.repeat(np.cumsum(wanted), wanted) - 1)
    )
    timed = _timed(rng, loans, probability_ppm=probability_ppm[loans["account"].to_numpy()])
    known = timed.filter(pl.col("days_ago") <= FARTHEST_DAYS)
    loans = fresh_loans(
        known.with_columns(
            principal_minor=_principals(rng, known),
            disbursed_on=pl.lit(first_date) - pl.duration(days="days_ago"),
        )
    )
    part = pl.col("part_on") < first_date
    settled = pl.col("settle_on") < first_date
    return loans.with_columns(
        paid_minor=pl.when(settled)
        .then("principal_minor")
        .when(part)
        .then("part_minor")
        .otherwise("paid_minor"),
        closed_on=pl.when(settled).then("settle_on"),
    )


def _borrowers(accounts: pl.DataFrame, *, economy: Economy, seed: int, first_date: date) -> pl.DataFrame:
    """One row a borrower: account, cash_step_minor, asked_minor (what people like them ask for)."""
    chosen = happens(
        stream(seed, "borrowers", "chosen"), permille=BORROWER_PERMILLE, count=accounts.height
    )
    asked = economy.activity.filter(kind=DISBURSEMENT).select("party_kind", "median_permille")
    return (
        accounts.filter(
            pl.Series(chosen),
            pl.col("role") == Role.ACTIVE,
            "home",
            pl.col("opened_on") <= pl.lit(first_date) - pl.duration(days=KNOWN_DAYS),
        )
        .join(asked, on="party_kind", maintain_order="left")
        .select(
            "cash_step_minor",
            account="index",
            asked_minor=pl.col("salary_minor") * pl.col("median_permille") // 1000,
        )
    )


def _timed(rng: np.random.Generator, loans: pl.DataFrame, *, probability_ppm: Ints) -> pl.DataFrame:
    """Add terms and conduct, and `days_ago`: when each was disbursed.

    Loans follow each other with pauses; the last one was closed lately, or is still open.
    """
    count = loans.height
    term_days = draw_terms(rng, count)
    last = loans["last"].to_numpy()
    conduct = draw_conduct(
        rng,
        term_days=term_days,
        probability_ppm=probability_ppm,
        late_days=np.where(last, LAST_LATE_DAYS, LATE_DAYS),
    )
    held = term_days + conduct["delay_days"].to_numpy()
    pause = rng.integers(1, PAUSE_DAYS, count)
    closed_ago = rng.integers(1 - held, CLOSED_WITHIN_DAYS + 1)
    span = held + np.where(last, closed_ago, pause)
    return loans.with_columns(
        conduct, term_days=pl.Series(term_days), span=pl.Series(span)
    ).with_columns(days_ago=pl.col("span").cum_sum(reverse=True).over("account"))


def _principals(rng: np.random.Generator, loans: pl.DataFrame) -> pl.Series:
    """Amounts that grow with every loan repaid in time and shrink with every late one."""
    late = pl.col("delay_days") > 0
    change = pl.when(late).then(LATE_PERCENT).otherwise(GOOD_PERCENT)
    earned = (change.cum_sum() - change).over("account")
    percent = loans.select((100 + earned).clip(*GROWTH_PERCENT)).to_series().to_numpy()
    scale = loans["asked_minor"].to_numpy() * FIRST_LOAN_PERCENT // 100
    amounts = scale * percent // 100 * rng.integers(90, 111, loans.height) // 100
    return pl.Series(round_to_step(amounts, loans["cash_step_minor"].to_numpy()))


def with_opening_before(
    accounts: pl.DataFrame, loans: pl.DataFrame, *, first_date: date, seed: int
) -> pl.DataFrame:
    """The accounts with borrowers' last movement, their opening balance, moved before their loans."""
    ahead = stream(seed, "borrowers", "opening").integers(1, 5, accounts.height)
    first = loans.group_by(index="account").agg(
        days_ago=(pl.lit(first_date) - pl.col("disbursed_on").min()).dt.total_days()
    )
    return (
        accounts.join(first, on="index", how="left", maintain_order="left")
        .with_columns(last_movement=pl.coalesce(pl.col("days_ago") + pl.Series(ahead), "last_movement"))
        .drop("days_ago")
    )


def migrated_loans(
    loans: pl.DataFrame, *, accounts: pl.DataFrame, economy: Economy, seed: int, first_date: date
) -> pl.DataFrame:
    """A draft of the disbursements and repayments before the first date, with `days_before`."""
    rng = stream(seed, "borrowers", "migration")
    purposes = economy.activity.filter(kind=DISBURSEMENT).select("party_kind", "purpose")
    who = loans["account"]
    named = pl.DataFrame({"party_kind": accounts["party_kind"].gather(who)}).join(
        purposes, on="party_kind", maintain_order="left"
    )
    term = (loans["due_on"] - loans["disbursed_on"]).dt.total_days()
    disbursed = draft(
        {
            "kind": DISBURSEMENT,
            "creditor": who,
            "amount_minor": loans["principal_minor"],
            "second": rng.integers(8 * 3600, 17 * 3600, loans.height),
            "channel": "file",
            "purpose": named.select(with_term(term)).to_series(),
        }
    ).with_columns(on=loans["disbursed_on"])
    rest = pl.col("principal_minor") - pl.col("part_minor")
    parts = [
        loans.filter(pl.col(on) < first_date).select(
            "account", amount_minor=amount, rest=pl.lit(on == "settle_on"), on=on
        )
        for on, amount in (("part_on", pl.col("part_minor")), ("settle_on", rest))
    ]
    paying = pl.concat(parts)
    repaid = repayment_draft(
        paying, second=rng.integers(7 * 3600, 21 * 3600, paying.height), channel="file"
    ).with_columns(on=paying["on"])
    return (
        pl.concat([disbursed, repaid])
        .with_columns(
            counter_minor=pl.lit(None, pl.Int64),
            days_before=(pl.lit(first_date) - pl.col("on")).dt.total_days(),
        )
        .drop("on")
    )
