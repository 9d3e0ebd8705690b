"""Balances of statements: their texts as balances, or why one is none.

Belongs here: what a `Bal` must say. Many are made at once, since a file may be many small statements.
"""

from collections.abc import Mapping, Sequence

import polars as pl

from pipelines.settlement.iso20022.read_columns import currency_path
from pipelines.settlement.iso20022.read_rows import Scope
from pipelines.settlement.iso20022.read_values import Values
from pipelines.settlement.reading import Balance, Refused

Texts = tuple[str, str, str, str | None, str | None, str | None, str | None, str | None, str | None]
"""Place, statement, account, created, kind, amount, currency, direction, day."""
_NAMES = ("place", "statement", "account", "created", "kind", "amount", "amount.Ccy", "direction", "day")
PATHS = {
    "kind": ("Tp/CdOrPrtry/Cd", "Tp/CdOrPrtry/Prtry", "Tp/Cd", "Tp/Prtry"),
    "amount": ("Amt",),
    "amount.Ccy": (currency_path("Amt"),),
    "direction": ("CdtDbtInd",),
    "day": ("Dt/Dt", "Dt/DtTm"),
}
"""In a `Bal`."""


def texts(scope: Scope, place: str, found: Mapping[str, Sequence[str | None]]) -> Texts:
    """What is read of a `Bal`, of what was found in it by path."""
    kind, amount, currency, direction, day = (
        next((found[path][0] for path in paths if path in found), None) for paths in PATHS.values()
    )
    whose = (scope.message_id or "", scope.account or "", scope.created)
    return (place, *whose, kind, amount, currency, direction, day)


def balances(rows: Sequence[Texts]) -> list[Balance | Refused]:
    """Balances in the order of the file, debit ones negative, and then what was refused."""
    values = Values(
        pl.DataFrame(rows, schema=dict.fromkeys(_NAMES, pl.String), orient="row")
        .with_row_index("row", offset=1)
        .with_columns(pl.lit(0).alias("detail"))
    )
    values.require("kind", "amount", "direction")
    values.dates("day")
    values.directions("direction")
    values.valid_on(pl.col("day"))
    values.money("amount")
    sign = pl.when(pl.col("direction") == "D").then(-1).otherwise(1)
    good = values.good().select(
        "statement", "account", "kind", "amount.Ccy", sign * pl.col("amount_minor"), "day"
    )
    made: list[Balance | Refused] = [Balance(*row) for row in good.iter_rows()]
    for _, place, field, code, sentence in values.problems().iter_rows():
        made.append(Refused(0, place, field, code, sentence))
    return made
