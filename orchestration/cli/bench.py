"""`wgi bench`: the benchmarks of `tests/benchmarks`, each against its reference in the same run."""

import os
import platform
from importlib import import_module
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from ledger_service.runtime.settings import PROJECT_ROOT

FOLDER = PROJECT_ROOT / "tests" / "benchmarks"


class UnknownSubject(ValueError):
    """There is no benchmark of that name."""

    def __init__(self, subject: str, known: list[str]) -> None:
        super().__init__(f"there is no benchmark {subject!r}; there are: {', '.join(known)}")


def run(*, subjects: list[str]) -> None:
    """Run the chosen benchmarks, all when none is named, and print what each measured."""
    console = Console(emoji=False)
    known = sorted(path.stem.removeprefix("bench_") for path in FOLDER.glob("bench_*.py"))
    for subject in subjects:
        if subject not in known:
            raise UnknownSubject(subject, known)
    console.print(_environment(), highlight=False)
    for subject in subjects or known:
        table = Table(title=subject, title_justify="left")
        table.add_column("measurement")
        for name in ("ours, s", "reference, s", "ours / reference"):
            table.add_column(name, justify="right")
        with console.status(f"measuring {subject}") as status:
            for name, ours, reference in import_module(f"tests.benchmarks.bench_{subject}").benchmark():
                table.add_row(name, f"{ours:,.3f}", f"{reference:,.3f}", f"{ours / reference:.3g}")
                status.update(f"measuring {subject}; last: {name}")
        console.print(table)
    if not known:
        raise typer.Exit(1)


def _environment() -> str:
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        )
        if Path("/proc/cpuinfo").exists()
        else iter(()),
        platform.processor(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores ({model or 'unknown'}), {memory:.0f} GiB, {platform.system()} "
        f"{platform.release()}, Python {platform.python_version()}; fsync and synchronous_commit on"
    )
