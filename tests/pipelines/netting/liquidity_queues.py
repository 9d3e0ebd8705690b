"""Small drawn queues, and whether a choice from one of them holds, told by a loop over its payments."""

from dataclasses import dataclass

import polars as pl
from hypothesis import strategies as st

NAMES = ["amani", "baobab", "cauri", "dogon"]


@dataclass(frozen=True)
class Queued:
    debtor: str
    creditor: str
    amount: int
    priority: int


@dataclass(frozen=True)
class Drawn:
    payments: list[Queued]
    liquidity: dict[str, int]
    caps: dict[str, int]
    limits: dict[tuple[str, str], int]


pairs = st.permutations(NAMES).map(lambda names: (names[0], names[1]))
amounts = st.one_of(st.integers(1, 12), st.integers(1, 1000))


def drawn_queues(*, largest: int) -> st.SearchStrategy[Drawn]:
    """Queues of up to so many payments between four participants, some with bilateral limits."""
    payment = st.builds(
        lambda pair, amount, priority: Queued(*pair, amount, priority), pairs, amounts, st.integers(0, 1)
    )
    covers = st.fixed_dictionaries({name: st.one_of(st.just(0), amounts) for name in NAMES})
    return st.builds(
        Drawn,
        payments=st.lists(payment, max_size=largest),
        liquidity=covers,
        caps=st.one_of(st.just(dict.fromkeys(NAMES, 0)), covers),
        limits=st.one_of(st.just({}), st.dictionaries(pairs, amounts, max_size=4)),
    )


def frames(drawn: Drawn) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Payments, liquidity and bilateral limits as `read_queue` takes them."""
    payments = pl.DataFrame(
        [
            (f"payment-{n}", p.debtor, p.creditor, p.amount, n, p.priority)
            for n, p in enumerate(drawn.payments)
        ],
        schema={
            "payment_id": pl.String,
            "debtor_id": pl.String,
            "creditor_id": pl.String,
            "amount_minor": pl.Int64,
            "position": pl.Int64,
            "priority": pl.Int64,
        },
        orient="row",
    )
    liquidity = pl.DataFrame(
        [(name, drawn.liquidity[name], drawn.caps[name]) for name in NAMES],
        schema={
            "participant_id": pl.String,
            "liquidity_minor": pl.Int64,
            "net_debit_cap_minor": pl.Int64,
        },
        orient="row",
    )
    limits = pl.DataFrame(
        [(*pair, limit) for pair, limit in drawn.limits.items()],
        schema={"debtor_id": pl.String, "creditor_id": pl.String, "limit_minor": pl.Int64},
        orient="row",
    )
    return payments, liquidity, limits


def allowed(drawn: Drawn, rows: list[int]) -> bool:
    """Whether settling these payments together leaves everybody within cover and limits."""
    net = dict.fromkeys(NAMES, 0)
    between = {(one, other): 0 for one in NAMES for other in NAMES}
    for row in rows:
        payment = drawn.payments[row]
        net[payment.debtor] -= payment.amount
        net[payment.creditor] += payment.amount
        between[payment.debtor, payment.creditor] += payment.amount
        between[payment.creditor, payment.debtor] -= payment.amount
    return all(net[name] + drawn.liquidity[name] + drawn.caps[name] >= 0 for name in NAMES) and all(
        between[pair] <= limit for pair, limit in drawn.limits.items()
    )
