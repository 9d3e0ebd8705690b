"""Simulated banks for tests, with a clock that stands still until it is moved."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipelines.simulation.bank.bank import SimulatedBank
from pipelines.simulation.bank.behaviour import Rule
from pipelines.simulation.bank.configuration import AccountKept, BankConfig

SECRET = "correct horse"  # noqa: S105 - of a bank on loopback, for as long as the test runs


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.time = datetime(2024, 3, 11, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def pass_by(self, **by: int) -> None:
        self.time += timedelta(**by)


def config(*rules: Rule, **changes: object) -> BankConfig:
    settings: dict[str, object] = {
        "name": "equator",
        "title": "Equator Settlement Bank & Co",
        "bic": "EQTRKENAXXX",
        "client_title": "Wekeza <Global>",
        "client_bic": "WEKZKENAXXX",
        "accounts": (
            AccountKept(account="SETTLE-KES", currency="KES", opening_minor=50_000_000, settlement=True),
            AccountKept(account="SETTLE-UGX", currency="UGX", opening_minor=900_000, settlement=True),
            AccountKept(account="CUST-1", currency="KES", opening_minor=1_000),
            AccountKept(account="CUST-CLOSED", currency="KES", closed=True),
        ),
        "misbehaviour": rules,
    }
    return BankConfig.model_validate(settings | changes)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def bank_of(tmp_path: Path, clock: Clock) -> Callable[..., SimulatedBank]:
    """A bank on its own folder, made from rules and changes of the configuration."""

    def made(*rules: Rule, folder: str = "bank", **changes: object) -> SimulatedBank:
        return SimulatedBank(config(*rules, **changes), folder=tmp_path / folder, clock=clock)

    return made
