"""Schemathesis on the whole OpenAPI document: whatever is asked is answered as documented."""

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from psycopg.conninfo import make_conninfo
from schemathesis import Case
from schemathesis.specs.openapi.checks import positive_data_acceptance

from api.app import create_app
from ledger_service.runtime.database import Server, prepare
from ledger_service.runtime.migrations import migrate
from ledger_service.runtime.postgres_server import LOGIN_ROLE
from tests.api.contract.whole_gateway import WholeGateway, whole_gateway

EXAMPLES = 12
"""That are drawn of each route, besides those of the document and of each limit that it names."""
OF_THE_LIVE_TENANT = ("/v1/audit-events", "/v1/clients")
SCHEMA = schemathesis.openapi.from_dict(create_app().openapi())


@pytest.fixture(scope="module")
def served(embedded_postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeGateway]:
    login = make_conninfo(embedded_postgres, user=LOGIN_ROLE, dbname="postgres")
    server = Server(login, prefix="contract")
    prepare(server)
    migrate(server)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WGI_HOME", str(tmp_path_factory.mktemp("home")))
        with whole_gateway(server) as gateway:
            yield gateway


def authorization(path: str, served: WholeGateway) -> str:
    if path.startswith("/oauth2"):
        return served.basic
    return "Bearer live" if path.startswith(OF_THE_LIVE_TENANT) else "Bearer play"


# A valid request may meet an account that is closed, or a key that was used: refusals are no failures.
@SCHEMA.parametrize()
@settings(
    max_examples=EXAMPLES, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
)
def test_every_answer_is_documented(case: Case, served: WholeGateway) -> None:
    headers = {"Authorization": authorization(case.operation.path, served)}
    case.call_and_validate(
        base_url=served.url, headers=headers, excluded_checks=[positive_data_acceptance]
    )
