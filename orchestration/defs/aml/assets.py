"""The AML sweep."""

from datetime import timedelta

import dagster as dg

from orchestration.asset import business_date_asset
from orchestration.asset_page import in_major_units, pages_wanted, table
from orchestration.partitions import business_dates
from orchestration.resources import Platform
from pipelines.aml.rules import load_rules, longest_lookback_days
from pipelines.aml.sweep import sweep
from pipelines.aml.tables import ALERT_TRANSFERS, ALERTS, AML_EVIDENCE
from pipelines.lake.ledger_tables import ACCOUNTS, ENTRIES, PARTICIPANTS, PAYMENTS


@business_date_asset(group="compliance", owner="compliance", kinds={"duckdb", "sql"}, deps=["close"])
def aml(context: dg.AssetExecutionContext, platform: dg.ResourceParam[Platform]) -> None:
    """Alerts of the date by the declared rules, each with the transfers that fired it."""
    days = business_dates(context)
    lake, rules = platform.lake, load_rules()
    lookback = timedelta(days=longest_lookback_days(rules))
    for day in days:
        found = sweep(
            business_date=day,
            entries=lake.scan_until(ENTRIES, day, since=day - lookback),
            accounts=lake.scan(ACCOUNTS, [day]),
            payments=lake.scan_until(PAYMENTS, day, since=day - lookback),
            participants=lake.scan(PARTICIPANTS, [day]),
            rules=rules,
        )
        lake.write(ALERTS, day, found.alerts)
        lake.write(ALERT_TRANSFERS, day, found.alert_transfers)
        lake.write(AML_EVIDENCE, day, found.evidence)
        page = {}
        if pages_wanted(days):
            shown = found.alerts.select(
                "severity", "rule_id", "participant_id", "currency", "amount_minor", "transfers",
                "explanation", "ref",
            )  # fmt: skip
            page["alerts"] = table(in_major_units(shown, platform.exponents(day)))
        context.add_asset_metadata(
            {"alerts": found.alerts.height, "transfers": found.alert_transfers.height, **page},
            partition_key=str(day),
        )
