"""Fixtures of webhooks."""

from collections.abc import Iterator

import pytest

from ledger_service.runtime.database import Server
from tests.api.webhooks.receiver import Receiver
from tests.api.webhooks.webhook_ledger import Desk, connect, open_book


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Takes deliveries."""
    with Receiver() as running:
        yield running


@pytest.fixture
def desk(ledger_database: Server) -> Iterator[Desk]:
    """A ledger with one book."""
    with connect(ledger_database) as connection:
        yield Desk(ledger_database, connection, open_book(connection))
