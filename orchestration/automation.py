"""What starts by itself: the close of the day, the returns, and bank files that arrive."""

from collections.abc import Iterator
from datetime import date

import dagster as dg

from ledger_service.runtime.settings import Settings
from orchestration.jobs import BUSINESS_DAY, RETURNS

CLOSE_OF_DAY = dg.build_schedule_from_partitioned_job(
    BUSINESS_DAY,
    name="close_of_day",
    hour_of_day=0,
    minute_of_hour=15,
    description="Closes yesterday after midnight UTC, past every cut-off.",
)

DAILY_RETURNS = dg.build_schedule_from_partitioned_job(
    RETURNS,
    name="daily_returns",
    hour_of_day=5,
    minute_of_hour=0,
    description="Prepares the returns once more before the regulators' hour, with corrections included.",
)


@dg.sensor(
    job=BUSINESS_DAY,
    minimum_interval_seconds=60,
    description="Looks for bank statements that arrived or changed, and reruns their business date.",
)
def bank_files(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """One run for each business date whose statement files are newer than the cursor."""
    folder = Settings().input / "statements"
    seen = int(context.cursor or 0)
    newest = seen
    arrived: dict[str, int] = {}
    for path in sorted(folder.glob("*/*.xml")):
        changed = path.stat().st_mtime_ns
        if changed > seen and _is_date(path.parent.name):
            arrived[path.parent.name] = max(changed, arrived.get(path.parent.name, 0))
            newest = max(newest, changed)
    if not arrived:
        yield dg.SkipReason(f"no new statements below {folder}")
        return
    for day, changed in sorted(arrived.items()):
        yield dg.RunRequest(run_key=f"{day}:{changed}", partition_key=day)
    context.update_cursor(str(newest))


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


SCHEDULES = (CLOSE_OF_DAY, DAILY_RETURNS)
SENSORS = (
    bank_files,
    dg.AutomationConditionSensorDefinition(
        "automation", target=dg.AssetSelection.all(), default_status=dg.DefaultSensorStatus.STOPPED
    ),
)
