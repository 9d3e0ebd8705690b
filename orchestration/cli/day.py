"""`wgi day`: input, close and everything that follows, in one process, through Dagster."""

import sys
import time
from contextlib import redirect_stdout
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console

from ledger_service.runtime.settings import Settings, SourceName
from orchestration.cli.installation import choose, dagster_home, remember
from orchestration.partitions import FROM_DATE, ONE_DATE, RANGE_END, RANGE_START
from orchestration.resources import Platform, open_platform

if TYPE_CHECKING:
    from dagster import AssetKey, DagsterInstance, JobDefinition

    from orchestration.cli.progress import StepProgress

STORAGE_TIMEOUT_MS = 600_000
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

    console = Console(file=sys.stdout, emoji=False)
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
    """Run the job for the dates; whether it succeeded, and seconds per step.

    One date is one run of the whole job. Several are two: Dagster records every date for every asset
    of a run, also for the warehouse's, which has no dates; so that is built in a run of its own.
    """
    from dagster import AssetKey, DagsterInstance

    from orchestration.cli.progress import StepProgress
    from orchestration.definitions import definitions
    from orchestration.jobs import BUSINESS_DAY

    job = definitions().resolve_job_def(BUSINESS_DAY.name)
    first, last = str(dates[0]), str(dates[-1])
    runs: list[tuple[dict[str, str], list[AssetKey] | None]] = [({ONE_DATE: last}, None)]
    if first != last:
        graph = job.asset_layer.asset_graph
        dated = [key for key in graph.executable_asset_keys if graph.get(key).partitions_def is not None]
        undated = sorted(graph.executable_asset_keys - set(dated))
        ahead = [key for key in undated if graph.get(key).child_keys & set(dated)]
        after = [key for key in undated if key not in ahead]
        runs = [
            ({ONE_DATE: last}, ahead),
            ({RANGE_START: first, RANGE_END: last}, dated),
            ({ONE_DATE: last, FROM_DATE: first}, after),
        ]
    succeeded = True
    log = platform.settings.root / "dagster" / "day.log"
    with (
        log.open("w") as output,
        redirect_stdout(output),  # dbt tells its progress there
        DagsterInstance.get() as instance,
        StepProgress(console, job) as progress,
    ):
        # The same pool of connections that the UI uses: without it each event opens two new ones.
        instance.optimize_for_webserver(
            statement_timeout=STORAGE_TIMEOUT_MS, pool_recycle=3600, max_overflow=20
        )
        for tags, selection in runs:
            succeeded = succeeded and _run(job, instance, progress, tags=tags, selection=selection)
        for failure in progress.failures:
            console.print(f"[red]{failure.step}[/]: {failure.message}", soft_wrap=True)
    return succeeded and not progress.failures, progress.seconds


def _run(
    job: "JobDefinition",
    instance: "DagsterInstance",
    progress: "StepProgress",
    *,
    tags: dict[str, str],
    selection: "list[AssetKey] | None",
) -> bool:
    """Run the job's selected assets, all when None, in this process."""
    from dagster._core.utils import make_new_run_id

    run_id = make_new_run_id()
    instance.add_event_listener(run_id, progress.on_event)
    result = job.execute_in_process(
        instance=instance,
        run_id=run_id,
        raise_on_error=False,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        tags=tags,
        asset_selection=selection,
    )
    return bool(result.success)
