"""`wgi up` as a person runs it: everything answers on loopback, and Ctrl-C leaves nothing behind."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser

from ledger_service.runtime.settings import PROJECT_ROOT

START_SECONDS = 150
pytestmark = [pytest.mark.xdist_group("up"), pytest.mark.timeout(400)]


class Running:
    """A `wgi up` process and the URLs that it printed."""

    def __init__(self, home: Path) -> None:
        self.home = home
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
    assert running.urls["API"].startswith("http://localhost:")
    assert running.urls["Dagster UI"].startswith("http://127.0.0.1:")
    assert _get(running.urls["API"] + "/v1/health") == '{"status":"ok"}'
    assert "dagster" in _get(running.urls["Dagster UI"]).lower()


@pytest.mark.browser
def test_the_graph_and_a_page_of_an_asset_can_be_seen(running: Running, browser: Browser) -> None:
    ui = running.urls["Dagster UI"]
    page = browser.new_page(viewport={"width": 1500, "height": 1000})
    page.goto(f"{ui}/asset-groups/")
    for group in ("ledger", "settlement", "reconciliation", "compliance", "regulatory", "credit"):
        page.get_by_text(group, exact=True).first.wait_for(timeout=60_000)
    page.goto(f"{ui}/assets/reconciliation?view=checks")
    page.get_by_text("every_difference_is_explained").first.wait_for(timeout=60_000)
    page.close()


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on this machine")
def test_the_tour_of_the_api_is_as_the_readme_tells(running: Running, tmp_path: Path) -> None:
    readme = (PROJECT_ROOT / "README.md").read_text()
    section = readme.split("## Five minutes with the API\n")[1].split("\n## ")[0]
    *steps, end = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    script = "\n".join(["set -eu", *steps]).replace("http://localhost:8000", running.urls["API"])
    script = script.replace("9000", port).replace("./wgi", str(PROJECT_ROOT / "wgi"))
    script = script.replace("docs/", f"{PROJECT_ROOT}/docs/")
    said = tmp_path / "said.txt"
    with said.open("w") as written:
        shell = subprocess.Popen(
            ["bash"],
            stdin=subprocess.PIPE,
            stdout=written,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "WGI_HOME": str(running.home)},
        )
        assert shell.stdin is not None
        shell.stdin.write(script + "\necho all was asked\n")
        shell.stdin.flush()
        delivered = _seen(said, '"type":"transfer.posted"', shell) and _seen(
            said, "all was asked", shell
        )
        shell.communicate(end, timeout=30)
    answers = said.read_text()
    assert delivered, answers
    ids = re.findall(r'^{"id":"([0-9a-f-]{36})".*"amount":"125.50"', answers, re.MULTILINE)
    assert len(ids) == 2, answers
    assert ids[0] == ids[1]
    assert "idempotent-replayed: true" in answers
    assert '"available":"125.50","entries":1' in answers
    assert '"code":"insufficient_funds"' in answers


def _seen(said: Path, words: str, shell: "subprocess.Popen[str]") -> bool:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and shell.poll() is None:
        if words in said.read_text():
            return True
        time.sleep(0.1)
    return False


def test_ctrl_c_leaves_no_process_behind(running: Running) -> None:
    children = psutil.Process(running.process.pid).children(recursive=True)
    assert len(children) > 3
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(90) == 0
    _, alive = psutil.wait_procs(children, timeout=20)
    assert [process.name() for process in alive] == []
    log = running.log.read_text()
    assert "stopping" in log
    assert "Traceback" not in log
