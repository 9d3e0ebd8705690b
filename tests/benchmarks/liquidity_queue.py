"""The liquidity-saving queue where liquidity is scarce: FIFO, the value-optimal mode, and the bound.

200 banks of log-normal sizes, 100,000 payments with Pareto values (a few of them larger than anything
that could ever fund them), liquidity of 1 % and of 0.2 % of their value, spread by size. References:
for FIFO one bare pass, outflow and inflow by participant in Polars; for the optimal mode the bare linear
program over payments, once, by HiGHS.
"""

import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import polars as pl
from scipy.optimize import linprog
from scipy.sparse import csr_array

from pipelines.netting.gridlock import resolve_gridlock
from pipelines.netting.liquidity import settle_most_value
from pipelines.netting.payment_queue import Queue, read_queue

BANKS = 200
PAYMENTS = 100_000
SHAPE = 1.13  # of the Pareto distribution: the two largest payments are half of all value
SHARES = (0.01, 0.002)
SEED = 7
ROUNDS = 5

Result = TypeVar("Result")


def _frames(share: float) -> tuple[pl.DataFrame, pl.DataFrame]:
    draw = np.random.default_rng(SEED)
    sizes = draw.lognormal(0, 1, BANKS)
    sizes /= sizes.sum()
    debtor, creditor = (draw.choice(BANKS, PAYMENTS, p=sizes) for _ in range(2))
    while (same := debtor == creditor).any():
        creditor[same] = draw.choice(BANKS, same.sum(), p=sizes)
    amount = ((1 + draw.pareto(SHAPE, PAYMENTS)) * 10_000).astype(np.int64)
    names = np.array([f"bank-{number:03}" for number in range(BANKS)])
    payments = pl.DataFrame(
        {
            "payment_id": [f"payment-{number}" for number in range(PAYMENTS)],
            "debtor_id": names[debtor],
            "creditor_id": names[creditor],
            "amount_minor": amount,
            "position": np.arange(PAYMENTS),
        }
    )
    liquidity = (amount.sum() * share * sizes).astype(np.int64)
    return payments, pl.DataFrame({"participant_id": names, "liquidity_minor": liquidity})


def _timed(work: Callable[[], Result], *, rounds: int = 1) -> tuple[float, Result]:
    best = float("inf")
    for _ in range(rounds):
        started = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - started)
    return best, result


def _bare_pass(payments: pl.DataFrame) -> None:
    for side in ("debtor_id", "creditor_id"):
        payments.group_by(side).agg(pl.col("amount_minor").sum())


def _bare_linear_program(queue: Queue) -> float:
    """Value settled when payments may be cut, in millionths of the queue's value."""
    amount = queue.amount / queue.total_minor * 1e6
    rows, count = np.arange(len(amount)), len(amount)
    net = csr_array(
        (np.r_[amount, -amount], (np.r_[queue.debtor, queue.creditor], np.r_[rows, rows])),
        shape=(len(queue.cover), count),
    )
    cover = queue.cover / queue.total_minor * 1e6
    return -float(linprog(-amount, A_ub=net, b_ub=cover, bounds=(0, 1), method="highs").fun)


def benchmark() -> list[tuple[str, float, float]]:
    """(name with the shares of value, our seconds, reference seconds), FIFO the best of some rounds."""
    lines = []
    for share in SHARES:
        payments, liquidity = _frames(share)
        queue = read_queue(payments, liquidity)
        fifo_seconds, fifo = _timed(
            lambda payments=payments, liquidity=liquidity: resolve_gridlock(
                read_queue(payments, liquidity)
            ),
            rounds=ROUNDS,
        )
        pass_seconds, _ = _timed(lambda payments=payments: _bare_pass(payments), rounds=ROUNDS)
        optimal_seconds, optimal = _timed(lambda queue=queue: settle_most_value(queue))
        program_seconds, relaxed = _timed(lambda queue=queue: _bare_linear_program(queue))
        total = queue.total_minor
        scarce = f"queue of {PAYMENTS:,}, liquidity {share:.1%} of value"
        lines += [
            (f"{scarce}: FIFO settles {fifo.settled_minor / total:.1%}", fifo_seconds, pass_seconds),
            (
                f"{scarce}: optimal settles {optimal.settled_minor / total:.2%}, bound "
                f"{optimal.bound.bound_minor / total:.2%}, linear program {relaxed / 1e6:.2%}",
                optimal_seconds,
                program_seconds,
            ),
        ]
    return lines


if __name__ == "__main__":
    for line in benchmark():
        print(line)  # noqa: T201 (run by hand it tells its result)
