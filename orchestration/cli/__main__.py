"""`python -m orchestration.cli`: where the bootstrap script hands over."""

import sys

from rich.console import Console

from ledger_service.runtime.garbage import collect_rarely
from orchestration.cli.app import app
from orchestration.cli.failures import explain


def main() -> None:
    """Run the command; a failure that we know is a sentence, not a traceback."""
    collect_rarely()
    try:
        app(prog_name="wgi")
    except Exception as error:
        explanation = explain(error)
        if explanation is None:
            raise
        Console(stderr=True, emoji=False).print(f"[bold red]wgi:[/] {explanation}", highlight=False)
        sys.exit(1)


if __name__ == "__main__":
    main()
