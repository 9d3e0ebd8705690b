"""`wgi day`: input, close and everything that follows, in one process, through Dagster."""

import sys
import time
from contextlib import redirect_stdout
from datetime import date, timedelta
from pathlib import Path

import typer
from rich.console import Console

from ledger_service.runtime.settings import Settings, SourceName
from orchestration.cli.installation import choose, dagster_home, remember
from orchestration.resources import Platform, open_platform

DEFAULT_DATE = date(2025, 6, 30)
"""A month's end: salaries, interest and fees fall on it. Fixed, so that a first run is repeatable."""


class OtherInput(ValueError):
    """An installation that was simulated with some parameters is asked for others."""

    def __init__(self, folder: Path, present: str, wanted: str) -> None:
        super().__init__(
            f"{folder} holds the simulation {present}, not {wanted}; books are not rewritten: "
            "run `wgi reset` first, or choose another WGI_HOME"
        )


class NoBusinessDates(ValueError):
    """The input has no business date to close."""

    def __init__(self, folder: Path, until: date | None) -> None:
        limit = f" up to {until}" if until else ""
        super().__init__(f"the input in {folder} has no business dates{limit}")


def run(
    *,
    source: SourceName,
    data: Path | None,
    until: date | None,
    customers: int,
    days: int,
    seed: int,
) -> None:
    """Run the business dates and print the summary; exit status 1 when a step or check failed."""
    from orchestration.cli.summary import print_summary

    console = Console(file=sys.stdout)
    started = time.monotonic()
    settings = choose(source, data)
    if source is SourceName.SIMULATED and data is None:
        _simulate(
            console, settings, until=until or DEFAULT_DATE, customers=customers, days=days, seed=seed
        )
    with open_platform(settings) as platform:
        remember(settings)
        dates = [day for day in platform.source.business_dates() if until is None or day <= until]
        if not dates:
            raise NoBusinessDates(settings.input, until)
        dagster_home(settings, platform.server)
        preparation = time.monotonic() - started
        before = platform.lake.written()
        succeeded, seconds = _materialize(console, platform, dates)
        changed = sum(before.get(path) != time_ns for path, time_ns in platform.lake.written().items())
        print_summary(
            console,
            platform=platform,
            business_dates=dates,
            seconds={"start and input": preparation, **seconds},
            elapsed=time.monotonic() - started,
            changed_partitions=changed,
            complete=succeeded,
        )
    if not succeeded:
        raise typer.Exit(1)


def _simulate(
    console: Console, settings: Settings, *, until: date, customers: int, days: int, seed: int
) -> None:
    """Generate the input once; the same parameters find it there."""
    from pipelines.simulation.simulate import simulate

    marker = settings.input / "parameters.txt"
    wanted = f"seed={seed} customers={customers} days={days} until={until}"
    if marker.exists():
        if (present := marker.read_text().strip()) != wanted:
            raise OtherInput(settings.input, present, wanted)
        return
    with console.status(f"simulating {customers:,} customers over {days} day(s)"):
        simulate(
            out=settings.input,
            truth=settings.truth,
            seed=seed,
            first_date=until - timedelta(days=days - 1),
            days=days,
            customers=customers,
        )
    marker.write_text(f"{wanted}\n")


def _materialize(
    console: Console, platform: Platform, dates: list[date]
) -> tuple[bool, dict[str, float]]:
    """Run the job for the dates; whether it succeeded, and seconds per step."""
    from dagster import DagsterInstance
    from dagster._core.utils import make_new_run_id

    from orchestration.cli.progress import StepProgress
    from orchestration.definitions import definitions
    from orchestration.jobs import BUSINESS_DAY

    job = definitions().resolve_job_def(BUSINESS_DAY.name)
    run_id = make_new_run_id()
    log = platform.settings.root / "dagster" / "day.log"
    with (
        log.open("w") as output,
        redirect_stdout(output),  # dbt tells its progress there
        DagsterInstance.get() as instance,
        StepProgress(console, job) as progress,
    ):
        instance.add_event_listener(run_id, progress.on_event)
        result = job.execute_in_process(
            instance=instance,
            run_id=run_id,
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            tags={
                "dagster/asset_partition_range_start": str(dates[0]),
                "dagster/asset_partition_range_end": str(dates[-1]),
            },
        )
        for failure in progress.failures:
            console.print(f"[red]{failure.step}[/]: {failure.message}", soft_wrap=True)
    return result.success and not progress.failures, progress.seconds
