"""The pages of login in a real browser: with a passkey, by keyboard, on a phone."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyotp
import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page

from api.app import create_app
from ledger_service.parties.clients import Actor
from ledger_service.parties.people import NewPerson, new_person
from ledger_service.runtime.database import Database, Role, Server
from ledger_service.runtime.encryption import Keyring
from ledger_service.runtime.settings import Settings
from tests.api.served_gateway import listening

PASSWORD = "a lorry full of mangoes"  # noqa: S105  # of the tests
PHONE = {"width": 390, "height": 844}


@pytest.fixture
def host() -> str:
    """By which the gateway is reached: a name, because passkeys belong to names."""
    return "localhost"


@pytest.fixture
def served(
    ledger_database: Server, host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The address of the gateway."""
    with listening() as bound:
        issuer = f"http://{host}:{bound.getsockname()[1]}"
        monkeypatch.setenv("WGI_HOME", str(tmp_path))
        monkeypatch.setenv("WGI_IDENTITY_ISSUER", issuer)
        app = create_app(server=ledger_database)
        server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.02)
        yield issuer
        server.should_exit = True
        thread.join()


@pytest.fixture
def phone(browser: Browser) -> Iterator[BrowserContext]:
    """A phone's browser, whose errors fail the test."""
    context = browser.new_context(viewport=PHONE)  # type: ignore[arg-type]  # a size
    yield context
    context.close()


@pytest.fixture
def page(phone: BrowserContext) -> Iterator[Page]:
    page = phone.new_page()
    told: list[str] = []
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on(
        "console",
        lambda message: told.append(message.text) if "Content Security" in message.text else None,
    )
    yield page
    assert told == []


def invited(server: Server, served: str) -> str:
    """The link of somebody's invitation."""
    new = NewPerson(email="clerk@wgi.example", name="A Clerk", role="finance")
    with server.connect(Database.LEDGER, Role.APP) as connection:
        keyring, at = Keyring.open(Settings()), datetime.now(UTC)
        _, token = new_person(connection, new, keyring=keyring, by=Actor("ops"), at=at)
    return f"{served}/enrol?token={token}"


def authenticator(page: Page) -> None:
    """A virtual one that answers at once."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": False}
    options |= {"hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True}
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def fits(page: Page) -> bool:
    width = page.evaluate("document.documentElement.scrollWidth")
    return bool(width <= PHONE["width"])


def focused(page: Page, element: str) -> None:
    """Wait until the element that a person begins with has the focus."""
    page.wait_for_function("element => document.activeElement.matches(element)", arg=element)


def chosen_password(page: Page, link: str) -> None:
    page.goto(link)
    assert fits(page)
    focused(page, "#password")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/account/factors?**")
    assert fits(page)


def given_password(page: Page, served: str) -> None:
    page.goto(f"{served}/login")
    assert fits(page)
    focused(page, "#email")
    page.keyboard.type("clerk@wgi.example")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/login/factor?**")
    assert fits(page)


def logged_out(page: Page) -> None:
    page.get_by_role("button", name="Log out here").click()
    page.wait_for_url("**/login")


def test_a_passkey_is_added_and_lets_its_person_in_by_keyboard_alone(
    page: Page, ledger_database: Server, served: str
) -> None:
    authenticator(page)
    chosen_password(page, invited(ledger_database, served))
    page.get_by_label("What you call it").fill("My phone")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/account/recovery-codes?**")
    focused(page, "button")
    page.keyboard.press("Enter")
    page.wait_for_selector("ol.codes")
    assert page.locator("ol.codes li").count() == 10
    assert fits(page)
    page.get_by_role("link", name="I have them").click()
    page.wait_for_url("**/account")
    assert "My phone" in page.content()
    assert fits(page)
    logged_out(page)
    given_password(page, served)
    focused(page, ".passkey button")
    page.keyboard.press("Enter")
    page.wait_for_url("**/account")
    assert "A Clerk" in page.content()


def test_what_went_wrong_with_a_passkey_is_said(
    page: Page, ledger_database: Server, served: str
) -> None:
    authenticator(page)
    chosen_password(page, invited(ledger_database, served))
    page.context.clear_cookies()
    page.get_by_role("button", name="Add a passkey").click()
    page.get_by_text("the passkey was not accepted").wait_for()


def test_an_app_is_added_and_its_code_lets_its_person_in(
    page: Page, ledger_database: Server, served: str
) -> None:
    chosen_password(page, invited(ledger_database, served))
    secret = (page.locator("main code").first.text_content() or "").replace(" ", "")
    app = pyotp.TOTP(secret)
    before = app.timecode(datetime.now(UTC)) - 1  # clocks may differ by a step
    page.get_by_label("Code that the app shows").fill(app.generate_otp(before))
    page.keyboard.press("Enter")
    page.wait_for_url("**/account/recovery-codes?**")
    page.get_by_role("link", name="Not now").click()
    logged_out(page)
    given_password(page, served)
    focused(page, "#code")
    page.keyboard.type("000000")
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=alert]")
    focused(page, "[role=alert]")
    page.get_by_label("Code of your authenticator app").fill(app.now())
    page.keyboard.press("Enter")
    page.wait_for_url("**/account")


@pytest.mark.parametrize("host", ["127.0.0.1"])
def test_at_an_address_without_a_name_passkeys_are_not_offered(
    page: Page, ledger_database: Server, served: str
) -> None:
    chosen_password(page, invited(ledger_database, served))
    assert page.get_by_role("button", name="Add a passkey").count() == 0
    assert "passkeys belong to a name" in page.content()
