"""Small sets of items for tests of the matching engine, and what every matching must satisfy."""

from datetime import date, timedelta
from typing import Any

import polars as pl

from pipelines.reconciliation.match_shapes import ITEM_SCHEMA, OPTIONAL_SCHEMA
from pipelines.reconciliation.matching import Matching, match_items

DAY = date(2026, 3, 2)


def items(rows: list[dict[str, Any]], *, first: int = 0) -> pl.DataFrame:
    """Items numbered from `first`; `day` counts from `DAY`, None is no value date."""
    made = []
    for number, row in enumerate(rows):
        day = row.get("day", 0)
        made.append(
            {"item": first + number, "account": 0, "relation": 0}
            | {name: value for name, value in row.items() if name != "day"}
            | {"value_date": None if day is None else DAY + timedelta(days=day)}
        )
    return pl.DataFrame(made, schema=dict(ITEM_SCHEMA) | dict(OPTIONAL_SCHEMA))


def groups_of(matching: Matching) -> set[tuple[frozenset[int], frozenset[int]]]:
    """Every group as its ledger and its stated items."""
    return sides_of(matching.members)


def sides_of(members: pl.DataFrame) -> set[tuple[frozenset[int], frozenset[int]]]:
    found = set()
    for _, rows in members.group_by("match"):
        ledger, stated = (
            frozenset(rows.filter(pl.col("side") == side)["item"]) for side in ("ledger", "stated")
        )
        found.add((ledger, stated))
    return found


def check_conservation(matching: Matching, *, ledger: pl.DataFrame, stated: pl.DataFrame) -> None:
    """Every item is in one pair, in one group or left; groups and matched pairs have equal sums."""
    for side, frame, left in (
        ("ledger", ledger, matching.ledger_left),
        ("stated", stated, matching.stated_left),
    ):
        members = matching.members.filter(pl.col("side") == side)["item"]
        assert sorted([*matching.pairs[f"{side}_item"], *members, *left["item"]]) == sorted(
            frame["item"]
        )
        proposed = matching.proposed.filter(pl.col("side") == side)["item"]
        assert set(proposed) <= set(left["item"])
    amounts = [dict(frame.select("item", "signed_minor").iter_rows()) for frame in (ledger, stated)]
    for own, other in groups_of(matching):
        assert sum(amounts[0][item] for item in own) == sum(amounts[1][item] for item in other)
    for row in matching.pairs.iter_rows(named=True):
        difference = amounts[1][row["stated_item"]] - amounts[0][row["ledger_item"]]
        assert difference == row["difference_minor"]
    assert (matching.groups["ledger_minor"] == matching.groups["stated_minor"]).all()


def check_order(ledger: pl.DataFrame, stated: pl.DataFrame, *, passes: Any, seed: int) -> None:
    """Rows in any order give the same result, frame by frame."""
    straight = match_items(ledger, stated, passes=passes)
    shuffled = match_items(
        *(side.sample(fraction=1, shuffle=True, seed=seed) for side in (ledger, stated)), passes=passes
    )
    assert straight.pairs.sort("ledger_item").equals(shuffled.pairs.sort("ledger_item"))
    for name in ("groups", "members", "proposals", "proposed", "unproved"):
        assert getattr(straight, name).equals(getattr(shuffled, name)), name
