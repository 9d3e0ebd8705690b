"""`wgi test`: the whole test command."""

import os
import subprocess
import sys
import time

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
"""What must hold before the tests run, each `python -m ...`."""


def run(*, arguments: list[str]) -> None:
    """Run the gates, all of them even when one fails, then pytest; exit 1 when anything failed."""
    console = Console(emoji=False)
    failed = []
    if not arguments:
        failed = [name for name, command in GATES.items() if not _passes(console, name, command)]
    # Tests of one group share something costly, such as a warehouse build: one worker takes them all.
    workers = ["-n", str(os.cpu_count() or 2), "--dist", "loadgroup"]
    tests = subprocess.run(
        [sys.executable, "-m", "pytest", *workers, *arguments], cwd=PROJECT_ROOT, check=False
    )
    if failed:
        console.print(f"[red]failed before the tests: {', '.join(failed)}")
    if failed or tests.returncode:
        raise typer.Exit(1)


def _passes(console: Console, name: str, command: list[str]) -> bool:
    started = time.monotonic()
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT)}
    result = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=PROJECT_ROOT,
        env=environment,
        capture_output=True,
        check=False,
        text=True,
    )
    seconds = time.monotonic() - started
    verdict = "[green]ok" if result.returncode == 0 else "[red]FAILED"
    console.print(f"{name:18} {verdict}[/] {seconds:5.1f} s")
    if result.returncode:
        console.print(result.stdout + result.stderr, markup=False, highlight=False)
    return result.returncode == 0
