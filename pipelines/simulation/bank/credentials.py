"""Keys and certificates of a simulated bank, made when it starts, on loopback only.

Belongs here: one certificate authority, the server's and the client's certificate, the SSH host key and
the client's SSH key, as files in a folder. Private keys are readable by their owner alone. A folder that
has them keeps them, so that a restarted bank is recognised. They are the one thing about a bank that is
drawn at random, and their validity the one that does not follow its clock: TLS asks the machine's.
"""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import asyncssh
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_VALID_FROM, _VALID_TO = datetime(2020, 1, 1, tzinfo=UTC), datetime(2049, 12, 31, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Credentials:
    """Files of PEM and OpenSSH keys in one folder."""

    folder: Path

    @property
    def authority(self) -> Path:
        """Certificate that both sides trust."""
        return self.folder / "authority.pem"

    @property
    def server(self) -> Path:
        """The bank's certificate and key, for 127.0.0.1 and localhost."""
        return self.folder / "server.pem"

    @property
    def client(self) -> Path:
        """The client's certificate and key."""
        return self.folder / "client.pem"

    @property
    def host_key(self) -> Path:
        """The bank's SSH key; the public one, to be pinned, has the suffix .pub."""
        return self.folder / "ssh_host_key"

    @property
    def client_key(self) -> Path:
        """The client's SSH key; the public one has the suffix .pub."""
        return self.folder / "ssh_client_key"


def credentials(folder: Path) -> Credentials:
    """The credentials in `folder`, made where it has none."""
    made = Credentials(folder)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not made.client.exists():
        _make_certificates(made)
    for path in (made.host_key, made.client_key):
        if not path.exists():
            key = asyncssh.generate_private_key("ssh-ed25519")
            key.write_public_key(str(path.with_suffix(".pub")))
            _write_private(path, key.export_private_key())
    return made


def _make_certificates(made: Credentials) -> None:
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = _certificate("simulated authority", authority_key.public_key(), purpose=None).sign(
        authority_key, hashes.SHA256()
    )
    made.authority.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    for path, name, purpose in (
        (made.server, "localhost", ExtendedKeyUsageOID.SERVER_AUTH),
        (made.client, "client", ExtendedKeyUsageOID.CLIENT_AUTH),
    ):
        key = ec.generate_private_key(ec.SECP256R1())
        signed = _certificate(name, key.public_key(), purpose=purpose).sign(
            authority_key, hashes.SHA256()
        )
        private = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        _write_private(path, private + signed.public_bytes(serialization.Encoding.PEM))


def _certificate(
    name: str, key: ec.EllipticCurvePublicKey, *, purpose: x509.ObjectIdentifier | None
) -> x509.CertificateBuilder:
    """A certificate of the authority, or signed by it where it has a purpose."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "simulated authority")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_VALID_FROM)
        .not_valid_after(_VALID_TO)
        .add_extension(x509.BasicConstraints(ca=purpose is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(_key_usage(signs_certificates=purpose is None), critical=True)
    )
    if purpose is None:
        return builder
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    return builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False).add_extension(
        x509.SubjectAlternativeName(names), critical=False
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _write_private(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)
