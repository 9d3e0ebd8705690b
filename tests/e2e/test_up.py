"""`wgi up` as a person runs it: everything answers on loopback, and Ctrl-C leaves nothing behind."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ledger_service.runtime.settings import PROJECT_ROOT

CHROMIUM = Path("/usr/bin/chromium")
START_SECONDS = 150
pytestmark = [pytest.mark.xdist_group("up"), pytest.mark.timeout(400)]


class Running:
    """A `wgi up` process and the URLs that it printed."""

    def __init__(self, home: Path) -> None:
        self.log = home / "up.log"
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "orchestration.cli", "up", "--api-port", "0", "--ui-port", "0"],
            env={**os.environ, "WGI_HOME": str(home), "PYTHONPATH": str(PROJECT_ROOT)},
            stdout=self.log.open("w"),
            stderr=subprocess.STDOUT,
        )
        self.urls = self._urls()

    def _urls(self) -> dict[str, str]:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            found = dict(
                re.findall(r"^(API|Dagster UI) +(http://\S+)", self.log.read_text(), re.MULTILINE)
            )
            if len(found) == 2:
                return found
            time.sleep(0.3)
        raise AssertionError(self.log.read_text())


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    up = Running(tmp_path_factory.mktemp("up"))
    yield up
    if up.process.poll() is None:
        up.process.send_signal(signal.SIGINT)
        up.process.wait(60)


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310 - our own loopback URL
        return str(answer.read().decode())


def test_the_api_and_the_dagster_ui_answer_on_loopback(running: Running) -> None:
    assert all(url.startswith("http://127.0.0.1:") for url in running.urls.values())
    assert _get(running.urls["API"] + "/v1/health") == '{"status":"ok"}'
    assert "dagster" in _get(running.urls["Dagster UI"]).lower()


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no Chromium at {CHROMIUM}")
def test_the_graph_and_a_page_of_an_asset_can_be_seen(running: Running) -> None:
    from playwright.sync_api import sync_playwright

    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    flags += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    ui = running.urls["Dagster UI"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=flags)
        page = browser.new_page(viewport={"width": 1500, "height": 1000})
        page.goto(f"{ui}/asset-groups/")
        for group in ("ledger", "settlement", "reconciliation", "compliance", "regulatory", "credit"):
            page.get_by_text(group, exact=True).first.wait_for(timeout=60_000)
        page.goto(f"{ui}/assets/reconciliation?view=checks")
        page.get_by_text("every_difference_is_explained").first.wait_for(timeout=60_000)
        browser.close()


def test_ctrl_c_leaves_no_process_behind(running: Running) -> None:
    children = psutil.Process(running.process.pid).children(recursive=True)
    assert len(children) > 3
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(90) == 0
    _, alive = psutil.wait_procs(children, timeout=20)
    assert [process.name() for process in alive] == []
    assert "stopping" in running.log.read_text()
