"""What a model is trained on: features with an outcome, whatever loan book they come from."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from ml.features.definition import Definition, Family


class DatasetTooSmall(ValueError):
    """There are not enough loans of either outcome to train and validate on."""

    def __init__(self, *, good: int, bad: int, needed: int) -> None:
        self.good = good
        self.bad = bad
        self.needed = needed
        super().__init__(f"{good} good and {bad} bad loans: at least {needed} of each are needed")


@dataclass(frozen=True, slots=True)
class Dataset:
    """Loans with their outcome, one row a loan, in a fixed order.

    `features` has a Float64 column a definition, in their order; `defaulted` is 1 for bad, 0 for good;
    `observed_on` is the date of which the features are.
    """

    definitions: tuple[Definition, ...]
    features: pl.DataFrame
    defaulted: pl.Series
    observed_on: pl.Series

    def of(self, families: Iterable[Family]) -> "Dataset":
        """Only the features of some families."""
        kept = tuple(d for d in self.definitions if d.family in set(families))
        return replace(self, definitions=kept, features=self.features.select(d.name for d in kept))

    def matrix(self) -> npt.NDArray[np.float64]:
        """The features as a matrix; what is not known is NaN."""
        return self.features.fill_null(float("nan")).to_numpy().astype(np.float64)

    def labels(self) -> npt.NDArray[np.int8]:
        """The outcomes as a vector."""
        return self.defaulted.to_numpy().astype(np.int8)

    def date_range(self) -> tuple[date, date]:
        """The first and last date of observation."""
        days = self.observed_on.sort()
        return days[0], days[-1]

    def sha256(self) -> str:
        """Hash of everything that is learnt from: names and versions, values, outcomes, dates."""
        digest = hashlib.sha256()
        digest.update(",".join(f"{d.name}:{d.version}" for d in self.definitions).encode())
        digest.update(self.matrix().astype("<f8").tobytes())
        digest.update(self.labels().tobytes())
        digest.update(self.observed_on.cast(pl.Int32).to_numpy().astype("<i4").tobytes())
        return digest.hexdigest()
