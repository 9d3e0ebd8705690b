"""Serving the application: `python -m api.serve --port 8000`, over TLS 1.3 where it is asked for.

Behind a proxy that ends TLS, `WGI_API_TRUSTED_PROXIES` names the addresses whose `X-Forwarded-*`
headers count. Served directly, `WGI_API_TLS` is `files`, with the paths of a certificate and its key,
or `local`: a certificate for this machine, made at first use and signed by itself.
"""

import argparse
import os
import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from api.settings import GatewaySettings, Tls
from ledger_service.runtime.garbage import collect_rarely, leave_what_is_there
from ledger_service.runtime.settings import Settings

LOCAL_DAYS: Final = 365
"""How long a certificate for this machine counts; it is made anew a month before."""


class TlsFilesMissing(ValueError):
    """TLS is to be served from files, and one is not named or not there."""

    def __init__(self, setting: str) -> None:
        super().__init__(f"WGI_API_TLS=files needs {setting}, the path of a file in PEM")


def configured(settings: GatewaySettings, *, host: str, port: int) -> uvicorn.Config:
    """How the application is served; raises `TlsFilesMissing`."""
    config = uvicorn.Config(
        "api.app:app",
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_keep_alive=75,
        h11_max_incomplete_event_size=64 * 1024,
    )
    if settings.tls is not Tls.OFF:
        certificate, key = certificate_files(settings)
        config.ssl_certfile, config.ssl_keyfile = str(certificate), str(key)
        config.load()
        if config.ssl is None:
            raise RuntimeError("TLS was asked for, and is not served")
        config.ssl.minimum_version = ssl.TLSVersion.TLSv1_3
    return config


def certificate_files(settings: GatewaySettings) -> tuple[Path, Path]:
    """Certificate and key; raises `TlsFilesMissing`."""
    if settings.tls is Tls.LOCAL:
        return local_certificate(Settings().root / "tls")
    for name, path in (
        ("WGI_API_TLS_CERTIFICATE", settings.tls_certificate),
        ("WGI_API_TLS_KEY", settings.tls_key),
    ):
        if path is None or not path.is_file():
            raise TlsFilesMissing(name)
    return Path(str(settings.tls_certificate)), Path(str(settings.tls_key))


def local_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for this machine, signed by itself, and its key; made where it is due."""
    certificate, key = folder / "localhost.pem", folder / "localhost.key"
    now = datetime.now(UTC)
    if certificate.is_file() and key.is_file():
        known = x509.load_pem_x509_certificate(certificate.read_bytes())
        if known.not_valid_after_utc > now + timedelta(days=30):
            return certificate, key
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost")]
    addresses = [x509.IPAddress(ip_address(address)) for address in ("127.0.0.1", "::1")]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=LOCAL_DAYS))
        .add_extension(x509.SubjectAlternativeName([*names, *addresses]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(private, SHA256())
    )
    text = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    descriptor = os.open(key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text)
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return certificate, key


def main() -> None:
    """Serve until the process is told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    given = parser.parse_args()
    config = configured(GatewaySettings(), host=given.host, port=given.port)
    if not config.loaded:
        config.load()
    collect_rarely()
    leave_what_is_there()
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run()


if __name__ == "__main__":
    main()
