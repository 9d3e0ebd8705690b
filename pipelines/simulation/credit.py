"""A credit history with a known default model, in the layout of the digital lender's data set.

Three files, `trainperf` (loans with their outcome), `trainprevloans` (the same customers' earlier
loans with repayment dates) and `traindemographics`. The outcome is drawn from the logit of
`data/credit_model.csv`, whose terms can all be computed from what was known when the loan was
created; the probability of each loan is written apart, so that a trained model can be measured
against the best possible one.
"""

import struct
import zlib
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from pipelines.simulation.draws import (
    Ints,
    draw_weighted,
    happens,
    hex_words,
    probability_ppm,
    stream,
)
from pipelines.simulation.economy import Economy

LOANS = 4000
TERMS_DAYS = np.array([15, 30, 60, 90], dtype=np.int64)
TERM_WEIGHTS = np.array([300, 600, 85, 15], dtype=np.int64)
EARLIER_WEIGHTS = np.array([33, 16, 11, 9, 7, 6, 5, 4, 3, 3, 2, 1], dtype=np.int64)
"""Of having had 1, 2, 3 ... earlier loans."""
EMPLOYMENT = ("Permanent", "Self-Employed", "Student", "Unemployed", None)
EMPLOYMENT_WEIGHTS = np.array([720, 90, 50, 20, 120], dtype=np.int64)
EDUCATION = (None, "Graduate", "Secondary", "Post-Graduate", "Primary")
EDUCATION_WEIGHTS = np.array([860, 100, 20, 16, 4], dtype=np.int64)
ACCOUNT_TYPES = ("Savings", "Other", "Current")
ACCOUNT_TYPE_WEIGHTS = np.array([790, 195, 15], dtype=np.int64)
SECONDS_A_DAY = 86_400
YOUNG_YEARS = 28


def write_credit_history(*, out: Path, truth: Path, seed: int, before: date, economy: Economy) -> int:
    """Write the three files and the probabilities; returns the number of loans with an outcome.

    Every loan was created 60 to 120 days before `before`, long enough for its outcome to be known.
    """
    borrowers = _borrowers(seed, before, economy)
    earlier = _earlier_loans(seed, borrowers)
    loans = _with_outcome(seed, borrowers, earlier, economy)
    out.mkdir(parents=True, exist_ok=True)
    truth.mkdir(parents=True, exist_ok=True)
    for name, frame in (
        ("trainperf", _performance(loans)),
        ("trainprevloans", _previous(earlier)),
        ("traindemographics", _demographics(seed, borrowers)),
    ):
        (out / f"{name}.csv.gz").write_bytes(stored_gzip(frame.write_csv().encode()))
    probabilities = loans.select("systemloanid", probability_of_default_ppm="ppm")
    (truth / "credit_probabilities.csv").write_bytes(probabilities.write_csv().encode())
    return loans.height


def stored_gzip(content: bytes) -> bytes:
    """A gzip file (RFC 1952) without compression: the same bytes whatever deflate library is there."""
    block = 65_535
    parts = [b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"]
    for start in range(0, max(1, len(content)), block):
        chunk = content[start : start + block]
        final = start + block >= len(content)
        parts += [struct.pack("<BHH", final, len(chunk), len(chunk) ^ 0xFFFF), chunk]
    parts.append(struct.pack("<II", zlib.crc32(content), len(content) % 2**32))
    return b"".join(parts)


def _borrowers(seed: int, before: date, economy: Economy) -> pl.DataFrame:
    """One row a customer with the loan whose outcome is known; times are local epoch seconds."""
    rng = stream(seed, "credit", "borrowers")
    today = before.toordinal() - date(1970, 1, 1).toordinal()
    created = (today - rng.integers(60, 120, LOANS)) * SECONDS_A_DAY + rng.integers(
        0, SECONDS_A_DAY, LOANS
    )
    earlier = 1 + draw_weighted(rng, EARLIER_WEIGHTS, LOANS)
    employment = draw_weighted(rng, EMPLOYMENT_WEIGHTS, LOANS)
    banks = economy.institutions.filter(country="NG", kind="bank")["name"]
    return pl.DataFrame(
        {
            "customerid": hex_words(rng, LOANS),
            "created": created,
            "earlier_loans": earlier,
            "loanamount": _loan_amounts(rng, earlier),
            "termdays": TERMS_DAYS[draw_weighted(rng, TERM_WEIGHTS, LOANS)],
            "employment": [EMPLOYMENT[i] for i in employment],
            "born": today - rng.integers(21 * 365, 56 * 365, LOANS),
            "bank": banks.gather(rng.integers(0, len(banks), LOANS)),
            "unreliability": rng.integers(0, 1000, LOANS) * rng.integers(0, 1000, LOANS) // 1000,
            "referred": happens(rng, permille=130, count=LOANS),
        }
    ).with_columns(young=pl.lit(today) - pl.col("born") < YOUNG_YEARS * 365)


def _loan_amounts(rng: np.random.Generator, earlier: Ints) -> Ints:
    """Lenders let amounts grow with the number of loans repaid; in units of 10 000."""
    return 10_000 * (1 + rng.integers(0, 1 + np.minimum(5, earlier // 2)))


def _earlier_loans(seed: int, borrowers: pl.DataFrame) -> pl.DataFrame:
    """All earlier loans, one after the other, the last closed before the known loan was created."""
    rng = stream(seed, "credit", "earlier loans")
    loans = borrowers.select(
        "customerid",
        "created",
        "unreliability",
        loannumber=pl.int_ranges(1, pl.col("earlier_loans") + 1),
    ).explode("loannumber")
    count = loans.height
    term = TERMS_DAYS[draw_weighted(rng, TERM_WEIGHTS, count)]
    late = rng.integers(0, 1000, count) < 60 + loans["unreliability"].to_numpy()
    delay = np.where(
        late,
        1 + rng.integers(0, 25, count) * rng.integers(0, 25, count) // 24,
        -rng.integers(0, np.minimum(term, 12)),
    )
    kept = (term + delay) * SECONDS_A_DAY + rng.integers(0, SECONDS_A_DAY, count)
    pause = rng.integers(1800, 12 * SECONDS_A_DAY, count)
    timed = loans.with_columns(
        termdays=pl.Series(term),
        delay=pl.Series(delay),
        kept=pl.Series(kept),
        span=pl.Series(kept + pause),
        loanamount=pl.Series(_loan_amounts(rng, loans["loannumber"].to_numpy())),
    )
    start = pl.col("created") - pl.col("span").cum_sum(reverse=True).over("customerid")
    return timed.with_columns(created=start).with_columns(
        repaid=pl.col("created") + pl.col("kept"),
        due=(pl.col("created") // SECONDS_A_DAY + pl.col("termdays")) * SECONDS_A_DAY,
        systemloanid=301_000_000 + pl.int_range(pl.len()),
    )


def _with_outcome(
    seed: int, borrowers: pl.DataFrame, earlier: pl.DataFrame, economy: Economy
) -> pl.DataFrame:
    """Draw good or bad from the declared logit of what was known at creation."""
    days_late = ((pl.col("repaid") - pl.col("due")) // SECONDS_A_DAY).clip(0)
    record = earlier.group_by("customerid").agg(
        share_of_late_loans_percent=(100 * (days_late > 0).cast(pl.Int64).sum()) // pl.len(),
        mean_days_late=days_late.sum() // pl.len(),
    )
    loans = borrowers.join(record, on="customerid", how="left", maintain_order="left")
    terms = {
        "intercept": pl.lit(1),
        "share_of_late_loans_percent": pl.col("share_of_late_loans_percent"),
        "mean_days_late": pl.col("mean_days_late"),
        "earlier_loans": pl.col("earlier_loans"),
        "loan_amount_thousands": pl.col("loanamount") // 1000,
        "term_days": pl.col("termdays"),
        "self_employed": (pl.col("employment") == "Self-Employed").fill_null(value=False),
        "student": (pl.col("employment") == "Student").fill_null(value=False),
        "unemployed": (pl.col("employment") == "Unemployed").fill_null(value=False),
        "age_under_28": pl.col("young"),
    }
    weights = dict(economy.credit_model.iter_rows())
    logit = pl.sum_horizontal(terms[name].cast(pl.Int64) * weight for name, weight in weights.items())
    ppm = probability_ppm(loans.select(logit).to_series().to_numpy())
    bad = stream(seed, "credit", "outcomes").integers(0, 10**6, loans.height) < ppm
    first = 301_000_000 + earlier.height
    return loans.with_columns(
        ppm=pl.Series(ppm), bad=pl.Series(bad), systemloanid=first + pl.int_range(pl.len())
    )


def _time(seconds: pl.Expr) -> pl.Expr:
    return pl.from_epoch(seconds).dt.strftime("%Y-%m-%d %H:%M:%S.000000")


def _naira(amount: pl.Expr) -> pl.Expr:
    return amount.cast(pl.String) + ".0000"


def _loan_columns() -> list[pl.Expr]:
    """What both loan files say of a loan; interest is 1 % of the principal a day, up to 45 %."""
    interest = pl.col("loanamount") * pl.col("termdays").clip(0, 45) // 100
    return [
        pl.col("customerid"),
        pl.col("systemloanid"),
        pl.col("loannumber"),
        _time(pl.col("created") + 3600 + pl.col("created") % 20).alias("approveddate"),
        _time(pl.col("created")).alias("creationdate"),
        _naira(pl.col("loanamount")).alias("loanamount"),
        _naira(pl.col("loanamount") + interest).alias("totaldue"),
        pl.col("termdays"),
    ]


def _performance(loans: pl.DataFrame) -> pl.DataFrame:
    referrer = pl.when("referred").then(pl.col("customerid").shift(1))
    return loans.with_columns(loannumber=pl.col("earlier_loans") + 1).select(
        *_loan_columns(),
        referredby=referrer,
        good_bad_flag=pl.when("bad").then(pl.lit("Bad")).otherwise(pl.lit("Good")),
    )


def _previous(earlier: pl.DataFrame) -> pl.DataFrame:
    return earlier.select(
        *_loan_columns(),
        closeddate=_time(pl.col("repaid") + 900),
        referredby=pl.lit(None, pl.String),
        firstduedate=_time(pl.col("due")),
        firstrepaiddate=_time(pl.col("repaid")),
    )


def _demographics(seed: int, borrowers: pl.DataFrame) -> pl.DataFrame:
    rng = stream(seed, "credit", "demographics")
    kinds = draw_weighted(rng, ACCOUNT_TYPE_WEIGHTS, LOANS)
    education = draw_weighted(rng, EDUCATION_WEIGHTS, LOANS)
    longitude, latitude = (
        rng.integers(3_100_000, 9_000_000, LOANS),
        rng.integers(4_900_000, 12_500_000, LOANS),
    )
    return borrowers.select(
        "customerid",
        birthdate=_time(pl.col("born") * SECONDS_A_DAY),
        bank_account_type=pl.Series([ACCOUNT_TYPES[i] for i in kinds]),
        longitude_gps=_micro(longitude),
        latitude_gps=_micro(latitude),
        bank_name_clients="bank",
        bank_branch_clients=pl.lit(None, pl.String),
        employment_status_clients="employment",
        level_of_education_clients=pl.Series([EDUCATION[i] for i in education], dtype=pl.String),
    )


def _micro(values: Ints) -> pl.Expr:
    """Millionths of a degree as a decimal."""
    series = pl.lit(pl.Series(values))
    return (series // 10**6).cast(pl.String) + "." + (series % 10**6).cast(pl.String).str.zfill(6)
