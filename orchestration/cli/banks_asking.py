"""`wgi banks balance`, `statement` and `recall`: questions to a bank that is connected."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.markup import escape

from ledger_service.runtime.settings import SourceName
from orchestration.cli.installation import choose
from orchestration.cli.ledger_books import refuse
from orchestration.cli.ledger_tables import moment
from pipelines.settlement.banks.bank import Bank, BankError
from pipelines.settlement.banks.connection import read_connections
from pipelines.settlement.banks.opening import open_bank

_Said = TypeVar("_Said")


def ask_balance(*, source: SourceName | None, bank: str, account: str) -> None:
    """Print what the bank says that the account has."""
    said = _ask(source, bank, lambda opened: opened.balance(account))
    amount = f"{said.amount_minor:,} minor units of {said.currency}"
    Console(emoji=False).print(
        f"{escape(said.account)} at {escape(bank)}: {amount}, as of {moment(said.as_of)} UTC"
    )


def fetch_statement(*, source: SourceName | None, bank: str, account: str, on: date, out: Path) -> None:
    """Keep the statement as it came."""
    content = _ask(source, bank, lambda opened: opened.statement(account, on=on))
    out.write_bytes(content)
    Console(emoji=False).print(f"{len(content):,} bytes: {escape(str(out))}")


def send_recall(*, source: SourceName | None, bank: str, path: Path) -> None:
    """Send a camt.056."""
    receipt = _ask(source, bank, lambda opened: opened.recall(path.name, path.read_bytes()))
    how = "the bank had it" if receipt.known else "sent"
    Console(emoji=False).print(
        f"{escape(path.name)}: {how}, SHA-256 {receipt.sha256}; the answer comes with the others"
    )


def _ask(source: SourceName | None, bank: str, question: Callable[[Bank], Awaitable[_Said]]) -> _Said:
    settings = choose(source)
    if settings.banks is None:
        refuse("no bank is connected: set WGI_BANKS; simulated banks answer during an exchange alone")
    connections = read_connections(settings.banks)
    if bank not in connections:
        refuse(
            f"no connection is kept for bank {bank!r}; known: {', '.join(sorted(connections)) or 'none'}"
        )
    secrets = {name: value.get_secret_value() for name, value in settings.bank_secrets.items()}

    async def asked() -> _Said:
        async with open_bank(connections[bank], secrets=secrets) as opened:
            return await question(opened)

    try:
        return asyncio.run(asked())
    except BankError as error:
        refuse(str(error))
