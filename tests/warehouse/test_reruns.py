"""Rebuilding some business dates, and what a violation does.

This changes the warehouse that the other files read: the raw tables are put back, and so are the marts
that it rebuilt.
"""

from collections.abc import Iterator

import polars as pl
import pytest

from ledger_service.runtime.database import Database, Role
from pipelines.lake.table import Table
from pipelines.lake.warehouse import load_partition
from pipelines.netting.tables import NET_POSITIONS
from pipelines.reconciliation.tables import BREAKS
from tests.warehouse.dbt_runs import Build, Warehouse
from tests.warehouse.small_books import SECOND
from tests.warehouse.small_lake import LOADED_AT, frames

pytestmark = pytest.mark.xdist_group("warehouse")  # one build, in one worker
DATES = f"{{from_date: {SECOND}, to_date: {SECOND}}}"


def _load(warehouse: Warehouse, table: Table, frame: pl.DataFrame) -> None:
    with warehouse.server.connect(Database.WAREHOUSE, Role.OWNER) as connection:
        load_partition(connection, table=table, business_date=SECOND, frame=frame, loaded_at=LOADED_AT)


@pytest.fixture
def violated(warehouse: Warehouse, built: Build) -> Iterator[Build]:
    """The second date run again with a position that is one short and without any break."""
    assert built.exit_code == 0, built.log
    good = frames()
    lagos = pl.col("participant_id") == "lagos"
    one_short = pl.when(lagos).then(pl.col("net_minor") - 1).otherwise(pl.col("net_minor"))
    _load(warehouse, NET_POSITIONS, good["net_positions"].with_columns(net_minor=one_short))
    _load(warehouse, BREAKS, BREAKS.empty())
    selected = ["+fct_net_positions", "fct_reconciliation_breaks", "fct_daily_balances"]
    yield warehouse.dbt("build", "--vars", DATES, "--select", *selected)
    _load(warehouse, NET_POSITIONS, good["net_positions"])
    _load(warehouse, BREAKS, good["reconciliation_breaks"])
    warehouse.dbt("run", "--vars", DATES, "--select", "fct_net_positions", "fct_reconciliation_breaks")


def test_a_rerun_of_one_date_finds_the_violation_and_forgets_what_was(
    warehouse: Warehouse, violated: Build
) -> None:
    assert violated.exit_code == 1
    assert violated.failed() == {
        "net_positions_sum_to_zero_per_window_and_currency",
        "net_positions_are_owed_less_owes",
    }
    breaks = warehouse.rows("SELECT count(*) FROM warehouse_finance.fct_reconciliation_breaks")
    assert breaks == [(0,)]
    kept = warehouse.rows(
        "SELECT business_date, count(*) FROM warehouse_finance.fct_daily_balances GROUP BY 1 ORDER BY 1"
    )
    assert [count for _, count in kept] == [6, 6]
