"""`wgi test`: the whole test command."""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import typer
from rich.console import Console

from ledger_service.runtime.settings import PROJECT_ROOT

PACKAGES = ("ledger_service", "pipelines", "ml", "quality", "orchestration", "api")

GATES = {
    "format": ["ruff", "format", "--check", "."],
    "lint": ["ruff", "check", "."],
    "types": ["mypy"],
    "import contracts": ["importlinter.cli", "lint"],
}
"""What must hold beside the tests, each `python -m ...`."""


def run(*, arguments: list[str]) -> None:
    """Run pytest and beside it the gates, all of them; exit 1 when anything failed."""
    console = Console(emoji=False)
    # Tests of one group share something costly, such as a warehouse build: one worker takes them all.
    workers = ["-n", str(os.cpu_count() or 2), "--dist", "loadgroup"]
    tests = [sys.executable, "-m", "pytest", *workers, *arguments]
    if arguments:
        raise typer.Exit(bool(subprocess.run(tests, cwd=PROJECT_ROOT, check=False).returncode))
    with ThreadPoolExecutor(1) as beside:
        # In their own thread: types take one processor a minute, while the tests begin.
        gates = beside.submit(lambda: [(name, *_gate(command)) for name, command in GATES.items()])
        status = subprocess.run(tests, cwd=PROJECT_ROOT, check=False).returncode
    checked = gates.result()
    for name, result, seconds in checked:
        verdict = "[green]ok" if result.returncode == 0 else "[red]FAILED"
        console.print(f"{name:18} {verdict}[/] {seconds:5.1f} s")
        if result.returncode:
            console.print(result.stdout + result.stderr, markup=False, highlight=False)
    if status or any(result.returncode for _, result, _ in checked):
        raise typer.Exit(1)


def _gate(command: list[str]) -> tuple[subprocess.CompletedProcess[str], float]:
    """What a gate said, and the seconds that it took."""
    started = time.monotonic()
    result = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=PROJECT_ROOT,
        env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)},
        capture_output=True,
        check=False,
        text=True,
    )
    return result, time.monotonic() - started
