"""The jobs that people and schedules start."""

import dagster as dg

BUSINESS_DAY = dg.define_asset_job(
    name="business_day",
    selection=dg.AssetSelection.all(),
    description="The whole business day: intake, close, everything derived, the warehouse.",
    tags={"audience": "operations"},
)

RETURNS = dg.define_asset_job(
    name="regulatory_returns",
    selection=dg.AssetSelection.assets("returns"),
    description="The daily returns alone, for instance after a template has changed.",
    tags={"audience": "regulatory"},
)

JOBS = (BUSINESS_DAY, RETURNS)
