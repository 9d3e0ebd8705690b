"""Served directly, the gateway speaks TLS 1.3 and nothing older."""

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from api.serve import TlsFilesMissing, certificate_files, configured, local_certificate
from api.settings import GatewaySettings, Tls


async def _says_hello(scope, receive, send) -> None:  # type: ignore[no-untyped-def]
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Of a server with a certificate of its own, before an application that only answers."""
    certificate, key = local_certificate(tmp_path)
    settings = GatewaySettings(tls=Tls.FILES, tls_certificate=certificate, tls_key=key)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        config = configured(settings, host="127.0.0.1", port=0)
        config.app = config.loaded_app = _says_hello
        config.lifespan = "off"
        config.install_signal_handlers = False  # type: ignore[attr-defined]
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield int(listening.getsockname()[1])
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


def _speaks(port: int, certificate: Path, *, at_most: ssl.TLSVersion) -> str | None:
    context = ssl.create_default_context(cafile=str(certificate))
    context.maximum_version = at_most
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as wrapped,
    ):
        return wrapped.version()


def test_tls_1_3_is_spoken_with_a_certificate_that_verifies(port: int, tmp_path: Path) -> None:
    certificate = tmp_path / "localhost.pem"
    assert _speaks(port, certificate, at_most=ssl.TLSVersion.TLSv1_3) == "TLSv1.3"


def test_tls_1_2_is_refused(port: int, tmp_path: Path) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        _speaks(port, tmp_path / "localhost.pem", at_most=ssl.TLSVersion.TLSv1_2)


def test_the_certificate_of_this_machine_is_made_once_for_its_owner(tmp_path: Path) -> None:
    certificate, key = local_certificate(tmp_path)
    before = certificate.read_bytes(), key.read_bytes()
    assert local_certificate(tmp_path) == (certificate, key)
    assert (certificate.read_bytes(), key.read_bytes()) == before
    assert key.stat().st_mode & 0o777 == 0o600


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(TlsFilesMissing, match="WGI_API_TLS_CERTIFICATE"):
        certificate_files(GatewaySettings(tls=Tls.FILES))
    certificate, _ = local_certificate(tmp_path)
    with pytest.raises(TlsFilesMissing, match="WGI_API_TLS_KEY"):
        certificate_files(GatewaySettings(tls=Tls.FILES, tls_certificate=certificate))
