"""The lake in PostgreSQL, and the dbt project that makes marts of it."""

import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from dagster_dbt import (
    DagsterDbtTranslator,
    DagsterDbtTranslatorSettings,
    DbtCliResource,
    dbt_assets,
)

from ledger_service.runtime.database import Database, Role
from ml.tables import ML_TABLES
from orchestration.asset import business_date_asset
from orchestration.partitions import business_dates, dates_of_run
from orchestration.resources import Platform
from orchestration.warehouse_project import (
    DBT,
    PROJECT_DIR,
    connection_environment,
    manifest,
    output_environment,
    target_path,
)
from pipelines.aml.tables import AML_TABLES
from pipelines.lake.ledger_tables import LEDGER_TABLES
from pipelines.lake.table import Table
from pipelines.lake.warehouse import ensure_tables, load_dates
from pipelines.netting.tables import NETTING_TABLES
from pipelines.reconciliation.tables import RECONCILIATION_TABLES
from pipelines.regulatory.tables import REGULATORY_TABLES
from pipelines.settlement.tables import SETTLEMENT_TABLES

GROUP = "warehouse"

LAKE_TABLES: tuple[Table, ...] = (
    *LEDGER_TABLES,
    *NETTING_TABLES,
    *SETTLEMENT_TABLES,
    *RECONCILIATION_TABLES,
    *AML_TABLES,
    *REGULATORY_TABLES,
    *ML_TABLES,
)
"""Everything in the lake goes to the warehouse, one raw table a lake table."""


@business_date_asset(
    group=GROUP,
    owner="data-platform",
    kinds={"postgres", "polars"},
    deps=[
        "close",
        "netting",
        "set_off",
        "settlement_finality",
        "reconciliation",
        "aml",
        "returns",
        "features",
        "scores",
    ],
)
def warehouse_raw(
    context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]
) -> dg.MaterializeResult[None]:
    """The date's partition of every lake table, replaced in the warehouse's schema `raw`."""
    days = business_dates(context)
    loaded_at = datetime.now(UTC)
    rows: dict[str, int] = {}
    with platform.server.connect(Database.WAREHOUSE, Role.OWNER) as connection:
        ensure_tables(connection, LAKE_TABLES)
        for table in LAKE_TABLES:
            rows[table.name] = load_dates(
                connection,
                table=table,
                dates=days,
                frame=platform.lake.scan(table, days).collect(),
                loaded_at=loaded_at,
            )
        connection.commit()
    return dg.MaterializeResult(metadata={"rows": sum(rows.values()), "rows by table": rows})


DBT_CLI = DbtCliResource(project_dir=str(PROJECT_DIR), profiles_dir=str(PROJECT_DIR), dbt_executable=DBT)
"""One for all runs: each new one asks dbt for its version, which takes seconds."""


class WarehouseTranslator(DagsterDbtTranslator):
    """dbt's names in Dagster's words: every source is the one raw load, groups are audiences."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """Sources are tables of `warehouse_raw`; models keep their own name."""
        if dbt_resource_props["resource_type"] == "source":
            return dg.AssetKey("warehouse_raw")
        return dg.AssetKey(dbt_resource_props["alias"])

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The folder below `models/`, and below `marts/` the audience."""
        layer, *rest = dbt_resource_props["fqn"][1:]
        return f"marts_{rest[0]}" if layer == "marts" else str(layer)

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str]:
        """The team that runs the warehouse; business owners stand in the dbt groups."""
        return ["team:data-platform"]

    def get_automation_condition(
        self, dbt_resource_props: Mapping[str, Any]
    ) -> dg.AutomationCondition[Any]:
        """As soon as what it is built from has changed and passed its checks."""
        return dg.AutomationCondition.eager()


TRANSLATOR = WarehouseTranslator(
    settings=DagsterDbtTranslatorSettings(enable_duplicate_source_asset_keys=True)
)


@dbt_assets(manifest=manifest(), name="dbt", dagster_dbt_translator=TRANSLATOR)
def dbt_models(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> Iterator[Any]:
    """Staging, intermediate and marts, in one run of dbt: each more would take seconds to start."""
    first, last = dates_of_run(context.run)
    os.environ.update(connection_environment(platform.server) | output_environment())
    build = ["build", "--vars", json.dumps({"from_date": first, "to_date": last})]
    target = target_path() / "run"
    yield from DBT_CLI.cli(build, context=context, manifest=manifest(), target_path=target).stream()
