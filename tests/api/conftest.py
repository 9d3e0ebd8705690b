"""The gateway on a ledger of two small banks."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from ledger_service.runtime.database import Server
from tests.api.gateway import fill, gateway


@pytest.fixture
def two_banks(ledger_database: Server) -> Server:
    """The ledger that the gateway runs on."""
    fill(ledger_database)
    return ledger_database


@pytest.fixture
def gateway_client(two_banks: Server) -> Iterator[TestClient]:
    """A client whose token reaches the first bank."""
    with gateway(two_banks) as client:
        yield client
