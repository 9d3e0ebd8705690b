"""The exchange with banks at the end of a business date: files out, answers home, both remembered.

Belongs here: which banks there are (the connections of the installation, or simulated banks on
loopback), and the order of things: send, let the banks close, take what they left. Simulated banks live
by the business date's own clock, so that a day is the same bytes on every run; real ones by the real.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from functools import partial
from pathlib import Path
from typing import Final

import polars as pl

from ledger_service.payments.bank_files import BankFileLog
from ledger_service.runtime.database import Database, Role
from ledger_service.runtime.settings import SourceName
from orchestration.bank_log import PostgresDeliveryLog
from orchestration.resources import Platform
from pipelines.lake.ledger_tables import PARTICIPANTS
from pipelines.settlement.banks.bank import OutgoingFile
from pipelines.settlement.banks.connection import Connection, read_connections
from pipelines.settlement.banks.delivery import Deliverer, Exchange, Inbox
from pipelines.settlement.banks.opening import open_bank
from pipelines.simulation.bank.configuration import BankConfig
from pipelines.simulation.bank.partners import (
    SETTLEMENT_AGENT,
    bank_name,
    partner_banks,
)
from pipelines.simulation.bank.server import RunningBank, running_banks

_SECRET: Final = "loopback"  # noqa: S105 (of simulated banks, which listen on loopback alone)
_SENT_AT, _CLOSED_AT = time(16, tzinfo=UTC), time(20, tzinfo=UTC)
_SEED: Final = 1
_BANKS_AT_ONCE: Final = 8
"""A slow bank does not hold up the others; each gets its own files in order."""


@dataclass(frozen=True, slots=True)
class ExchangeDone:
    """What the exchange of a date did; the log and the inbox have the rest."""

    exchanges: tuple[Exchange, ...]
    connections: Mapping[str, Connection]
    """By bank."""
    ended_at: datetime
    """By the clock of the exchange."""

    @property
    def alarms(self) -> list[str]:
        """What a person must see."""
        return [alarm for done in self.exchanges for alarm in done.alarms]


@dataclass(slots=True)
class _Clock:
    """The time of a simulated day, moved by hand."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now


@dataclass(frozen=True, slots=True)
class _Banks:
    """The banks of an installation, open."""

    connections: Mapping[str, Connection]
    secrets: Mapping[str, str]
    clock: Callable[[], datetime]
    close: Callable[[], None] = field(default=lambda: None)
    """Lets simulated banks close the date; real ones do it themselves."""


def exchange_files(platform: Platform, day: date, files: Sequence[OutgoingFile]) -> ExchangeDone:
    """Bring files to their banks, in order; take home what the banks answered, to any file.

    Each of an installation's own banks is asked, also one that gets nothing. Raises `FileConflict` when
    a file that a bank has was written again with another content, and `LookupError` for a bank that no
    connection is kept for.
    """
    by_bank: dict[str, list[OutgoingFile]] = {}
    for file in files:
        by_bank.setdefault(file.bank_id, []).append(file)
    with (
        platform.server.connect(Database.LEDGER, Role.APP, autocommit=True) as database,
        _open_banks(platform, day, files) as banks,
    ):
        log = PostgresDeliveryLog(BankFileLog(database, exchange_date=day))
        for bank_id in by_bank:
            _connection(banks, bank_id)

        async def one_bank(
            connection: Connection, statements_on: date | None, turn: asyncio.Semaphore
        ) -> Exchange:
            deliverer = Deliverer(
                connection=connection,
                open_bank=partial(open_bank, connection, secrets=banks.secrets),
                log=log,
                inbox=inbox(platform),
                clock=banks.clock,
            )
            async with turn:
                return await deliverer.exchange(
                    by_bank.get(connection.bank_id, []), statements_on=statements_on
                )

        async def all_banks(statements_on: date | None) -> list[Exchange]:
            turn = asyncio.Semaphore(_BANKS_AT_ONCE)
            return await asyncio.gather(
                *(one_bank(known, statements_on, turn) for _, known in sorted(banks.connections.items()))
            )

        sent = asyncio.run(all_banks(None))
        banks.close()
        taken = asyncio.run(all_banks(day))
        return ExchangeDone((*sent, *taken), banks.connections, banks.clock())


def bank_of(receiver_id: str | None) -> str:
    """The bank that gets a file: the receiving participant's, or the settlement agent."""
    return SETTLEMENT_AGENT if receiver_id is None else bank_name(receiver_id)


def inbox(platform: Platform) -> Inbox:
    """Where answers are kept as they came."""
    return Inbox(platform.settings.root / "inbox")


def _connection(banks: _Banks, bank_id: str) -> Connection:
    if bank_id not in banks.connections:
        known = ", ".join(sorted(banks.connections)) or "none"
        raise LookupError(f"no connection is kept for bank {bank_id}; known: {known}")
    return banks.connections[bank_id]


@contextmanager
def _open_banks(platform: Platform, day: date, files: Sequence[OutgoingFile]) -> Iterator[_Banks]:
    settings = platform.settings
    if settings.banks is not None:
        secrets = {name: value.get_secret_value() for name, value in settings.bank_secrets.items()}
        yield _Banks(read_connections(settings.banks), secrets, lambda: datetime.now(UTC))
        return
    clock = _Clock(datetime.combine(day, _SENT_AT))
    configs = _simulated(platform, day, files)
    folder = settings.root / "banks"
    with running_banks(configs, folder=folder, clock=clock, secret=_SECRET) as running:

        def close() -> None:
            clock.now = datetime.combine(day, _CLOSED_AT)
            for bank in running.values():
                bank.bank.close_day(day)

        connections = {config.name: _loopback(config, running[config.name]) for config in configs}
        yield _Banks(connections, {"loopback": _SECRET}, clock, close)


def _simulated(platform: Platform, day: date, files: Sequence[OutgoingFile]) -> list[BankConfig]:
    """The banks that get files on the date."""
    currencies: dict[str, set[str]] = {}
    for file in files:
        currencies.setdefault(file.bank_id, set()).add(file.currency)
    participants = platform.lake.read(PARTICIPANTS, day)
    getting = pl.col("participant_id").str.to_lowercase().is_in(list(currencies))
    return partner_banks(
        participants.filter(getting),
        currencies,
        seed=_SEED,
        faulty=platform.settings.source is SourceName.SIMULATED,
    )


def _loopback(config: BankConfig, bank: RunningBank) -> Connection:
    keys = bank.credentials
    transport: dict[str, object] = (
        {
            "wire": "sftp",
            "host": "127.0.0.1",
            "port": bank.sftp_port,
            "user": config.client_id,
            "host_key": Path(f"{keys.host_key}.pub"),
            "client_key": keys.client_key,
        }
        if config.sftp
        else {
            "wire": "https",
            "url": f"https://localhost:{bank.https_port}",
            "authority": keys.authority,
            "client_certificate": keys.client,
            "client_id": config.client_id,
            "client_secret": "loopback",
        }
    )
    said = {
        "bank_id": config.name,
        "title": config.title,
        "country": "KE",
        "transport": transport,
        "accounts": [kept.account for kept in config.accounts if config.sftp],
        "first_wait_s": 0.05,
    }
    return Connection.model_validate(said)
