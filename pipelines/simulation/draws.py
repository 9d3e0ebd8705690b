"""Seeded draws that are the same bytes on every machine.

Belongs here: named random streams, heavy-tailed integer amounts, identifiers. What is drawn for
which purpose is the business of the modules that call it.

Only integers and uniform doubles are taken from numpy: its normal, log-normal and Poisson draws go
through the platform's `exp` and `log`, whose last bit differs between processors, and one bit is
enough to move an amount by a minor unit. Curves are therefore tabulated here in decimal arithmetic,
which rounds the same everywhere.
"""

import hashlib
from decimal import Decimal, localcontext
from functools import lru_cache
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

Ints = npt.NDArray[np.int64]

QUANTILES = 4000
"""Equally probable points of an amount distribution."""
TAIL_FROM = Decimal("0.97")
"""Probability from which the log-normal body gives way to the Pareto tail."""
JITTER_PERMILLE = 40
"""Amounts are moved by up to this much, so that the points of the table do not show."""


def stream(seed: int, *name: object) -> np.random.Generator:
    """The random stream of one purpose: independent of every stream of another name.

    A new purpose therefore changes nothing that was drawn for the others.
    """
    digest = hashlib.sha256("/".join(str(part) for part in name).encode()).digest()
    words = np.frombuffer(digest, dtype="<u4").tolist()
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *words])))


@lru_cache(maxsize=256)
def amount_quantiles(sigma_milli: int, tail_milli: int) -> tuple[int, ...]:
    """Quantiles of an amount in thousandths of its median, ascending, `QUANTILES` of them.

    Log-normal with the given sigma up to `TAIL_FROM`, Pareto with the given tail index above it
    (both in thousandths), continuous where they meet.
    """
    normal = NormalDist()
    with localcontext(prec=28):
        joint_z = Decimal(round(normal.inv_cdf(float(TAIL_FROM)) * 10**6)) / 10**6
        joint = (Decimal(sigma_milli) / 1000 * joint_z).exp()
        exponent = Decimal(1000) / tail_milli
        points = []
        for i in range(QUANTILES):
            u = (Decimal(i) + Decimal("0.5")) / QUANTILES
            if u < TAIL_FROM:
                z = Decimal(round(normal.inv_cdf(float(u)) * 10**6)) / 10**6
                ratio = (Decimal(sigma_milli) / 1000 * z).exp()
            else:
                ratio = joint * ((1 - TAIL_FROM) / (1 - u)) ** exponent
            points.append(max(1, int(ratio * 1000)))
    return tuple(points)


def draw_amounts(
    rng: np.random.Generator, *, median_minor: Ints, sigma_milli: int, tail_milli: int
) -> Ints:
    """Heavy-tailed amounts in minor units, one a median, each at least 1."""
    table = np.array(amount_quantiles(sigma_milli, tail_milli), dtype=np.int64)
    ratio = table[rng.integers(0, QUANTILES, len(median_minor))]
    jitter = rng.integers(1000 - JITTER_PERMILLE, 1001 + JITTER_PERMILLE, len(median_minor))
    amounts: Ints = np.maximum(1, median_minor * ratio // 1000 * jitter // 1000)
    return amounts


def round_to_step(amounts: Ints, steps: Ints) -> Ints:
    """Amounts rounded to the nearest multiple of their step, never below one step."""
    rounded: Ints = np.maximum(steps, (amounts + steps // 2) // steps * steps)
    return rounded


def draw_weighted(rng: np.random.Generator, weights: Ints, count: int) -> Ints:
    """Indices into `weights`, each with a probability proportional to its weight."""
    bounds = np.cumsum(weights)
    return np.searchsorted(bounds, rng.integers(0, bounds[-1], count), side="right").astype(np.int64)


def happens(rng: np.random.Generator, *, permille: int, count: int) -> npt.NDArray[np.bool_]:
    """Independent trials that succeed with the given probability."""
    result: npt.NDArray[np.bool_] = rng.integers(0, 1000, count) < permille
    return result


def counts(rng: np.random.Generator, *, rate_permille: int, count: int) -> Ints:
    """How often something of a mean rate happens to each of `count`: its floor, or one more."""
    whole, rest = divmod(rate_permille, 1000)
    return whole + happens(rng, permille=rest, count=count).astype(np.int64)


@lru_cache(maxsize=1)
def logistic_ppm() -> tuple[int, ...]:
    """The logistic curve in millionths, at logits -8.00, -7.99 .. 8.00."""
    with localcontext(prec=28):
        return tuple(int(10**6 / (1 + (-Decimal(i) / 100).exp())) for i in range(-800, 801))


def probability_ppm(logit_milli: Ints) -> Ints:
    """Probability in millionths of a logit in thousandths, to the nearest hundredth below it."""
    table = np.array(logistic_ppm(), dtype=np.int64)
    return table[np.clip(logit_milli // 10 + 800, 0, len(table) - 1)]


def hex_words(rng: np.random.Generator, count: int) -> pl.Series:
    """`count` random strings of 32 hexadecimal digits."""
    return _hex(rng.integers(0, 256, (count, 16), dtype=np.uint8))


def uuid7(rng: np.random.Generator, epoch_seconds: Ints) -> pl.Series:
    """UUIDs of version 7 (RFC 9562) whose 48-bit time is the given one, other bits from the stream."""
    octets = rng.integers(0, 256, (len(epoch_seconds), 16), dtype=np.uint8)
    milliseconds = (epoch_seconds * 1000).astype(">u8").view(np.uint8).reshape(-1, 8)
    octets[:, :6] = milliseconds[:, 2:]
    octets[:, 6] = (octets[:, 6] & 0x0F) | 0x70
    octets[:, 8] = (octets[:, 8] & 0x3F) | 0x80
    digits = _hex(octets).str
    parts = [digits.slice(*span) for span in ((0, 8), (8, 4), (12, 4), (16, 4), (20, 12))]
    return pl.select(pl.concat_str([pl.lit(part) for part in parts], separator="-")).to_series()


def _hex(octets: npt.NDArray[np.uint8]) -> pl.Series:
    """One string of 32 hexadecimal digits a row of 16 octets."""
    digits = octets.tobytes().hex().encode()
    rows: npt.NDArray[Any] = np.frombuffer(digits, dtype="S32").astype("U32")
    return pl.Series(rows.tolist(), dtype=pl.String)
