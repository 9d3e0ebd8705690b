"""A million ledger entries against a million statement entries, through all of a day's comparison.

The reference is the same cascade as plain Polars joins, which pair an item as often as it finds a
partner and say nothing about any of them. Ours pairs every item once, writes what was compared, and
gives every item left its class of break.
"""

import resource
import time
from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl

from pipelines.reconciliation.items import ITEM_COLUMNS, NostroItems
from pipelines.reconciliation.pass_rules import MATCH, AnyPass, GroupPass, Pass
from pipelines.reconciliation.rules import Rules, load_rules
from pipelines.reconciliation.shapes import FOUND_SCHEMA, shaped
from pipelines.reconciliation.statements import Compared, compare_nostro
from pipelines.reconciliation.tables import MATCHES

ACCOUNTS = 40
SEED = 20260302
FIRST = date(2026, 3, 2)
CLOSE = date(2026, 3, 4)
LATER = 20
WITHOUT_REFERENCE = 20
GROUPED = 25
MISSING = 200
"""Every 20th entry is stated a day later, every 20th without its reference, every 25th as part of a
group of four whose parts are others than ours, and every 200th is missing on either side."""

KIBIBYTES = 2**20
"""Of a GiB; the operating system counts resident memory in KiB."""

EXACT = ["account", "end_to_end_id", "signed_minor", "value_date"]
CASCADE: tuple[AnyPass, ...] = (
    Pass(id="exact", title="Exact", equal=tuple(EXACT[:3]), outcome=MATCH, value_date_tolerance_days=0),
    Pass(
        id="tolerance",
        title="Value dates two days apart",
        equal=tuple(EXACT[:3]),
        outcome=MATCH,
        value_date_tolerance_days=2,
    ),
    Pass(
        id="no_reference",
        title="Without a reference",
        equal=("account", "signed_minor"),
        outcome=MATCH,
        value_date_tolerance_days=2,
        unique=True,
        one_reference_absent=True,
    ),
    GroupPass(
        id="group",
        title="Equal sums of one reference",
        equal=("account", "end_to_end_id", "direction"),
        outcome=MATCH,
    ),
)


def cascade_rules() -> Rules:
    """The four passes of the cascade, then the declared passes that give pairs a class."""
    declared = load_rules()
    breaking = tuple(rule for rule in declared.passes if rule.outcome != MATCH)
    return replace(declared, passes=CASCADE + breaking)


def ledger_items(count: int, *, accounts: int = ACCOUNTS, seed: int = SEED) -> pl.DataFrame:
    """Entries of our books: every amount, account and date drawn, references distinct but in groups."""
    draw = np.random.default_rng(seed)
    number = pl.int_range(pl.len(), dtype=pl.Int64)
    signs = draw.choice(np.array([-1, 1]), count)
    frame = pl.DataFrame(
        {
            "account": draw.integers(0, accounts, count),
            "signed_minor": draw.integers(100, 5_000_000, count) * signs,
            "day": draw.integers(0, 2, count),
        }
    ).with_columns(number.alias("item"))
    leader = pl.when(_grouped()).then(pl.col("item") // 4 * 4).otherwise("item")
    return frame.with_columns(
        pl.col("account", "day").gather(leader),
        signed_minor=pl.when(_grouped())
        .then(pl.col("signed_minor").abs() * pl.col("signed_minor").sign().gather(leader))
        .otherwise("signed_minor"),
        end_to_end_id=pl.format("E2E{}", leader.cast(pl.String).str.zfill(12)),
    ).with_columns(relation=pl.col("account") // 2, value_date=pl.lit(FIRST) + pl.duration(days="day"))


def stated_items(ledger: pl.DataFrame, *, seed: int = SEED) -> pl.DataFrame:
    """What the banks state of these entries: late, without reference, grouped otherwise, missing."""
    number = pl.col("item")
    grouped = _grouped()
    shift = pl.when(number % 4 == 0).then(7).when(number % 4 == 1).then(-7).otherwise(0)
    later = ~grouped & (number % LATER == 1)
    anonymous = ~grouped & (number % WITHOUT_REFERENCE == 2)
    return (
        ledger.with_columns(
            signed_minor=pl.when(grouped).then(pl.col("signed_minor") + shift).otherwise("signed_minor"),
            value_date=pl.when(later)
            .then(pl.col("value_date") + pl.duration(days=1))
            .otherwise("value_date"),
            end_to_end_id=pl.when(~anonymous).then("end_to_end_id"),
        )
        .filter(number % MISSING != 50)
        .sample(fraction=1, shuffle=True, seed=seed)
        .with_columns(item=pl.int_range(pl.len(), dtype=pl.Int64))
    )


def _grouped() -> pl.Expr:
    """Blocks of four entries that share a reference."""
    return pl.col("item") // 4 % GROUPED == 0


def _as_nostro(side: pl.DataFrame, *, stated: bool) -> pl.DataFrame:
    """The columns that items of a nostro account have on their side."""
    named = side.with_columns(
        participant_id=pl.lit("ke-bank"),
        counterparty_id=pl.lit("gb-partner"),
        book_id=pl.lit(1, dtype=pl.Int32),
        account_id=pl.col("account"),
        external_ref=pl.format("nostro:{}", "account"),
        currency=pl.lit("GBP"),
        is_charge=pl.lit(value=False),
        is_opening=pl.lit(value=False),
        **(
            {"statement_ref": pl.format("statement.xml#{}", "item")}
            if stated
            else {"version": pl.col("item"), "payment_id": pl.format("payment-{}", "item")}
        ),
    )
    return named.select("item", *shaped(named, ITEM_COLUMNS).get_columns())


def compare(ledger: pl.DataFrame, stated: pl.DataFrame, *, rules: Rules) -> Compared:
    """The whole comparison: matches with evidence, open breaks with class, proposals."""
    return compare_nostro(
        NostroItems(ledger=ledger, stated=stated, statements=pl.DataFrame(), rejected=pl.DataFrame()),
        business_date=CLOSE,
        carried=pl.DataFrame(schema=dict(FOUND_SCHEMA)),
        earlier_matches=MATCHES.empty(),
        rules=rules,
    )


def bare_joins(ledger: pl.DataFrame, stated: pl.DataFrame) -> int:
    """The same cascade as joins alone; returns the number of rows they find."""
    near = (pl.col("value_date") - pl.col("value_date_right")).abs() <= pl.duration(days=2)
    left, right, rows = ledger, stated, 0
    for keys, condition, absent in (
        (EXACT, None, False),
        (EXACT[:3], near, False),
        (["account", "signed_minor"], near, True),
    ):
        among = right.filter(pl.col("end_to_end_id").is_null()) if absent else right
        found = left.join(among, on=keys)
        found = found if condition is None else found.filter(condition)
        rows += found.height
        left = left.join(found.select("item"), on="item", how="anti")
        right = right.join(found.select(item="item_right"), on="item", how="anti")
    keys = ["account", "end_to_end_id", "direction"]
    sums = [
        side.with_columns(direction=pl.col("signed_minor") > 0)
        .group_by(keys)
        .agg(pl.col("signed_minor").sum())
        for side in (left, right)
    ]
    return rows + sums[0].join(sums[1], on=[*keys, "signed_minor"]).height


def check(compared: Compared, *, ledger: pl.DataFrame, stated: pl.DataFrame) -> None:
    """Every item is once in a match or a break."""
    for side, column in ((ledger, "version"), (stated, "statement_ref")):
        ended = pl.concat([compared.proved[column], compared.found[column]]).drop_nulls()
        if ended.len() != side.height or ended.n_unique() != side.height:
            raise AssertionError(f"{ended.len()} of {side.height} items ended in a match or a break")


def measure(count: int, *, rounds: int) -> tuple[str, float, float]:
    """Best of some rounds: (name, our seconds, the joins' seconds)."""
    plain = ledger_items(count)
    plain_stated = stated_items(plain)
    ledger, stated = _as_nostro(plain, stated=False), _as_nostro(plain_stated, stated=True)
    rules = cascade_rules()
    ours, reference = [], []
    for _ in range(rounds):
        started = time.perf_counter()
        compared = compare(ledger, stated, rules=rules)
        ours.append(time.perf_counter() - started)
        started = time.perf_counter()
        bare_joins(plain, plain_stated)
        reference.append(time.perf_counter() - started)
    check(compared, ledger=ledger, stated=stated)
    classes = compared.found["break_class"].value_counts(sort=True).rows()
    told = ", ".join(f"{number:,} {name}" for name, number in classes)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIBIBYTES
    size = f"{count:,} x {stated.height:,}"
    name = f"{size} with evidence and classes ({told}), peak {peak:.1f} GiB, the joins too"
    return name, min(ours), min(reference)
