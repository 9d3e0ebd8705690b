"""Reasons of a score in plain sentences: what moved it, most first.

A model's contributions to the log odds of default are added up per reason code, so that five measures
of lateness are one reason. Belongs here: the sentences and their order; the codes of features stand in
their definitions and in `ml/features/reasons.yaml`.
"""

from collections.abc import Sequence
from enum import StrEnum

import numpy as np
import numpy.typing as npt
import polars as pl

from ml.features.declarations import load_reasons

REASONS = 3
NOTICEABLE = 1e-9
"""Log odds below which a contribution is rounding, not a reason."""


class Abstention(StrEnum):
    """Why a score is the portfolio's average: the sentence that is given instead of reasons."""

    NO_LOAN_HISTORY = "N01 No loan history: the score is the average of all borrowers"
    """There is nothing to judge by."""
    NO_DUE_DATES = "N02 Loans without a stated term, so lateness is unknown: the score is the average"
    """There are loans, but not what the model needs to know of them."""
    NOTHING_APART = "N03 Nothing in the loan history differs from the average borrower"
    """The model found nothing that moves the score."""


def sentence(code: str, *, raises: bool) -> str:
    """Such as `L02 How late loans were repaid: raised the risk`."""
    return f"{code} {load_reasons()[code]}: {'raised' if raises else 'lowered'} the risk"


def reasons(contributions: npt.NDArray[np.float64], codes: Sequence[str]) -> pl.DataFrame:
    """The strongest reasons per row: columns `reason_1` to `reason_3`, null where there are fewer.

    `contributions`: one row a score, one column a feature, log odds of default; `codes`: the reason
    code of each column. Ties go to the code that sorts first.
    """
    known = sorted(set(codes))
    membership = np.array([[code == name for name in known] for code in codes], dtype=np.float64)
    grouped = contributions @ membership
    order = np.argsort(-np.abs(grouped), axis=1, kind="stable")[:, :REASONS]
    strength = np.take_along_axis(grouped, order, axis=1)
    texts = np.array([[sentence(c, raises=up) for up in (False, True)] for c in known], dtype=object)
    chosen = texts[order, (strength > 0).astype(int)]
    chosen[np.abs(strength) <= NOTICEABLE] = None
    ranked = {f"reason_{rank + 1}": chosen[:, rank : rank + 1].ravel() for rank in range(REASONS)}
    # Lists, because Polars keeps an object array without any text as objects, not as strings.
    padded = {name: t.tolist() if t.size else [None] * len(chosen) for name, t in ranked.items()}
    frame = pl.DataFrame(padded, schema=dict.fromkeys(ranked, pl.String))
    return frame.with_columns(pl.col("reason_1").fill_null(str(Abstention.NOTHING_APART)))
