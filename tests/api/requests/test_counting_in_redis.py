"""Requests counted in a Redis: gateways share the count, and go on without it when it is away."""

import asyncio
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from tests.api.requests.test_limits import answered, application

SERVER = shutil.which("redis-server")
pytestmark = pytest.mark.skipif(SERVER is None, reason="no redis-server on this machine")


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """The address of a Redis, and its process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(SERVER), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    process = subprocess.Popen([*command, "--dir", str(tmp_path)], stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with socket.socket() as asking:
            if asking.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.05)
    yield f"async+redis://127.0.0.1:{port}/0", process
    process.kill()
    process.wait()


def test_gateways_share_the_count_and_go_on_when_it_is_away(
    redis: tuple[str, "subprocess.Popen[bytes]"],
) -> None:
    uri, process = redis
    first, second = (application(rate_storage=SecretStr(uri), rate="3/hour") for _ in range(2))
    here = asyncio.run(answered(first, "/v1/ping", "/v1/ping"))
    assert [answer.status_code for answer in here] == [200, 200]
    there = asyncio.run(answered(second, "/v1/ping", "/v1/ping"))
    assert sorted(answer.status_code for answer in there) == [200, 429]
    assert all(answer.headers["ratelimit-remaining"] == "0" for answer in there)
    process.kill()
    process.wait()
    away = asyncio.run(answered(second, "/v1/ping"))
    assert [answer.status_code for answer in away] == [200]
