"""The OpenAPI document is whole, and the page that renders it works in a browser."""

import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, Page

from api.app import create_app
from tests.api.served_gateway import listening


@pytest.fixture(scope="module")
def client() -> TestClient:
    return TestClient(create_app(), follow_redirects=False)


def test_every_operation_says_its_id_its_answers_and_its_failures(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    operations = [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    ids = [operation["operationId"] for *_, operation in operations]
    assert len(set(ids)) == len(ids)
    for path, _, operation in operations:
        if path.startswith(("/v1/transfers", "/v1/holds", "/v1/payments")):
            assert {"401", "403", "422", "429", "503", "504"} <= set(operation["responses"]), path
            assert operation["security"]


@pytest.mark.parametrize(
    "path", ["/v1/transfers", "/v1/transfers/{transfer_id}/reversals", "/v1/holds", "/v1/payments"]
)
def test_every_posting_says_that_it_needs_a_key(client: TestClient, path: str) -> None:
    operation = client.get("/openapi.json").json()["paths"][path]["post"]
    (key,) = [each for each in operation["parameters"] if each["name"] == "Idempotency-Key"]
    assert key["required"] is True
    assert "Location" in operation["responses"]["201"]["headers"]
    assert "Idempotent-Replayed" in operation["responses"]["201"]["headers"]
    codes = {code for answer in operation["responses"].values() for code in examples(answer)}
    assert {"idempotency_key_in_use", "idempotency_key_reused", "insufficient_funds"} <= codes


def examples(answer: dict[str, dict[str, dict[str, dict[str, object]]]]) -> set[str]:
    return {
        code for content in answer.get("content", {}).values() for code in content.get("examples", {})
    }


def test_the_type_of_a_problem_leads_to_what_the_page_says_of_it(client: TestClient) -> None:
    answer = client.get("/problems/insufficient_funds")
    assert (answer.status_code, answer.headers["Location"]) == (307, "/#problem-insufficient_funds")


def test_the_page_needs_nothing_from_elsewhere(client: TestClient) -> None:
    for path in ("/", "/documentation/page.js", "/documentation/page.css"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert "http://" not in answer.text
        assert "https://" not in answer.text


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    """The address of the application, which needs no ledger for its documentation."""
    with listening() as bound:
        config = uvicorn.Config(create_app(), log_level="error", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def page(browser: Browser, served: str) -> Iterator[Page]:
    page = browser.new_page()
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: told.append(str(error)))
    page.goto(served)
    page.wait_for_selector("#operation-create_transfer")
    yield page
    assert told == []
    page.close()


def test_a_person_searches_by_keyboard(page: Page) -> None:
    page.keyboard.press("/")
    page.keyboard.type("exceeds_hold")
    assert page.locator("#operation-capture_hold").is_visible()
    assert page.locator("#operation-create_transfer").is_hidden()
    assert page.locator("#found").text_content() == "1 operations"
    page.keyboard.press("Escape")
    assert page.locator("#operation-create_transfer").is_visible()


def test_it_fits_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
