"""Progress of a run at the terminal, driven by Dagster's own events."""

import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import dagster as dg
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


@dataclass(frozen=True, slots=True)
class Failure:
    """A step that raised, or a blocking check that did not pass."""

    step: str
    message: str


class StepProgress:
    """A progress bar over the steps of a job; also keeps the seconds and the failures.

    A step that only checks an asset counts with the other checks of that asset.
    """

    def __init__(self, console: Console, job: dg.JobDefinition) -> None:
        self.seconds: dict[str, float] = {}
        self.failures: list[Failure] = []
        self._started: dict[str, float] = {}
        self._checked: dict[str, str] = {}
        self._progress = Progress(
            TextColumn("[bold]{task.description}", table_column=None),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._task = self._progress.add_task("starting", total=len(job.graph.node_dict))

    def __enter__(self) -> Self:
        """Show the bar."""
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the bar away; the summary follows."""
        self._progress.stop()

    def on_event(self, event: dg.EventLogEntry) -> None:
        """Follow one event of the run."""
        happened = event.dagster_event
        if happened is None or happened.step_key is None:
            return
        step = happened.step_key
        kind = happened.event_type
        if kind is dg.DagsterEventType.STEP_START:
            self._started[step] = time.monotonic()
            self._progress.update(self._task, description=step.replace("_", " "))
        elif kind in (dg.DagsterEventType.STEP_SUCCESS, dg.DagsterEventType.STEP_FAILURE):
            taken = time.monotonic() - self._started.get(step, time.monotonic())
            label = f"checks of {self._checked[step]}" if step in self._checked else step
            self.seconds[label] = self.seconds.get(label, 0.0) + taken
            self._progress.advance(self._task)
        elif kind is dg.DagsterEventType.STEP_SKIPPED:
            self._progress.advance(self._task)
        if kind is dg.DagsterEventType.STEP_FAILURE and step not in self._checked:
            error = happened.step_failure_data.error
            cause = error.cause if error and error.cause else error
            self.failures.append(Failure(step, cause.message.strip() if cause else "failed"))
        if kind is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            evaluation = happened.asset_check_evaluation_data
            asset = evaluation.asset_key.to_user_string()
            if step.startswith(f"{asset}_"):
                self._checked[step] = asset
            if not evaluation.passed and evaluation.severity is dg.AssetCheckSeverity.ERROR:
                facts = ", ".join(
                    f"{name} {value.value}"
                    for name, value in evaluation.metadata.items()
                    if isinstance(value.value, int | str) and len(str(value.value)) < 60
                )
                self.failures.append(
                    Failure(
                        f"{asset}: {evaluation.check_name}",
                        f"the check did not pass ({facts}); the asset's page lists the rows",
                    )
                )
