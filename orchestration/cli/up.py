"""`wgi up`: PostgreSQL, the API, the deliveries of webhooks and the Dagster UI together on loopback."""

import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from rich.console import Console

from ledger_service.runtime.settings import PROJECT_ROOT, SourceName
from orchestration.cli.installation import choose, dagster_home
from orchestration.resources import open_platform

HOST = "127.0.0.1"
NAME = "localhost"
"""By which people reach the API: passkeys belong to names, not to numbers."""
_OWN_CERTIFICATE = ssl.create_default_context()
_OWN_CERTIFICATE.check_hostname = (
    False  # whether our own server answers on loopback is all that is asked
)
_OWN_CERTIFICATE.verify_mode = ssl.CERT_NONE
START_SECONDS = 120
STOP_SECONDS = 20


class ServiceEnded(RuntimeError):
    """One of the servers stopped by itself."""

    def __init__(self, name: str, status: int) -> None:
        super().__init__(f"{name} ended with status {status}; its messages are above")


class PortTaken(ValueError):
    """A chosen port is in use."""

    def __init__(self, port: int, option: str) -> None:
        super().__init__(f"port {port} is in use: choose another with {option}, or 0 for a free one")


@dataclass(frozen=True, slots=True)
class Service:
    """A process in a process group of its own, and where it answers; None if it does not."""

    name: str
    process: subprocess.Popen[bytes]
    url: str | None


def run(*, source: SourceName | None, api_port: int, ui_port: int) -> None:
    """Start everything, print the URLs, wait for Ctrl-C or SIGTERM, stop everything."""
    console = Console(file=sys.stdout, emoji=False)
    settings = choose(source)
    api_port = _free(api_port, "--api-port")
    ui_port = _free(ui_port, "--ui-port")
    for signal_number in (signal.SIGINT, signal.SIGTERM):  # a shell may start us with SIGINT ignored
        signal.signal(signal_number, _interrupt)
    with ExitStack() as stack:
        platform = stack.enter_context(open_platform(settings))
        dagster_home(settings, platform.server)
        console.print(f"PostgreSQL   {platform.server.conninfo}", highlight=False, soft_wrap=True)
        scheme = "https" if os.environ.get("WGI_API_TLS", "off") != "off" else "http"
        api_url = f"{scheme}://{NAME}:{api_port}"
        os.environ.setdefault("WGI_IDENTITY_ISSUER", api_url)
        os.environ.setdefault("PYTHONWARNINGS", "ignore")  # what libraries tell programmers, not users
        os.environ.setdefault("WGI_WEBHOOKS_LOOPBACK", "true")  # nobody else reaches what is served here
        api = ["api.serve", "--host", HOST, "--port", str(api_port)]
        ui = ["dagster", "dev", "--host", HOST, "--port", str(ui_port), "--log-level", "warning"]
        ui += ["--module-name", "orchestration.definitions"]
        services = [
            stack.enter_context(_service("API", api, api_url)),
            stack.enter_context(_service("Webhooks", ["api.webhooks"], None)),
            stack.enter_context(_service("Dagster UI", ui, f"http://{HOST}:{ui_port}")),
        ]
        try:
            with console.status("starting the API and the Dagster UI"):
                for service in services:
                    _wait_until_ready(service)
            for service in services:
                console.print(f"{service.name:12} {service.url or 'at work'}", highlight=False)
            console.print("Ctrl-C stops everything.")
            _wait_for_end(services)
        except KeyboardInterrupt:
            console.print("stopping")


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _free(port: int, option: str) -> int:
    with socket.socket() as probe:
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise PortTaken(port, option) from error
        return int(probe.getsockname()[1])


@contextmanager
def _service(name: str, command: list[str], url: str | None) -> Iterator[Service]:
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", *command],
        cwd=PROJECT_ROOT,
        env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT)},
        start_new_session=True,
    )
    try:
        yield Service(name, process, url)
    finally:
        _end_group(process)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End a service with everything it started: the interrupt first, then without asking.

    Dagster leaves its code servers behind when only its first process is told to stop.
    """
    group = process.pid
    for signal_number, patience in (
        (signal.SIGINT, STOP_SECONDS),
        (signal.SIGTERM, 5),
        (signal.SIGKILL, 5),
    ):
        if not _group_alive(group):
            break
        os.killpg(group, signal_number)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline and _group_alive(group):
            process.poll()
            time.sleep(0.1)
    process.wait()


def _group_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def _wait_until_ready(service: Service) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        if (status := service.process.poll()) is not None:
            raise ServiceEnded(service.name, status)
        if service.url is None:
            return
        try:
            with urllib.request.urlopen(  # noqa: S310 - our own loopback URL
                service.url, timeout=2, context=_OWN_CERTIFICATE
            ):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)


def _wait_for_end(services: list[Service]) -> None:
    while True:
        for service in services:
            if (status := service.process.poll()) is not None:
                raise ServiceEnded(service.name, status)
        time.sleep(0.5)
