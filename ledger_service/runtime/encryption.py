"""Encryption of personal data and secrets: envelopes of AES-256-GCM, and blind indexes to find them by.

Every value has a random data key of its own, wrapped by a key-encryption key. After a rotation old
values are rewrapped, which does not touch their content; a key that wraps nothing any more can be taken
out. The `context` (what the value is, and whose) is authenticated: a value that is moved elsewhere in
the database does not open.

Layout of a sealed value: version (1 octet), length of the key's id (1), the id, nonce of the wrapping
(12), wrapped data key (32 + 16), nonce (12), ciphertext and tag (n + 16).
"""

import base64
import binascii
import hmac
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ledger_service.runtime.settings import Settings

KEY_OCTETS: Final = 32
_VERSION: Final = b"\x01"
_NONCE: Final = 12
_TAG: Final = 16
_WRAPPED: Final = KEY_OCTETS + _TAG
_KEY_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


class KeysInvalid(ValueError):
    """The key-encryption keys cannot be used; says which and why, never what they are."""

    def __init__(self, source: str, reason: str) -> None:
        self.source = source
        super().__init__(f"encryption keys of {source}: {reason}")


class UnknownKey(LookupError):
    """A value was encrypted under a key that is not there."""

    def __init__(self, key_id: str) -> None:
        self.key_id = key_id
        super().__init__(f"encrypted under key {key_id!a}, which is not among the encryption keys")


class DecryptionFailed(ValueError):
    """The value was changed, cut, or belongs to another context."""

    def __init__(self, reason: str = "the value or its context was changed") -> None:
        super().__init__(f"a value cannot be decrypted: {reason}")


@dataclass(frozen=True, slots=True)
class _Envelope:
    key_id: str
    wrap_nonce: bytes
    wrapped: bytes
    nonce: bytes
    ciphertext: bytes

    @classmethod
    def of(cls, sealed: bytes) -> Self:
        """Raises `DecryptionFailed`."""
        length = sealed[1] if len(sealed) > 2 else 0
        if sealed[:1] != _VERSION or len(sealed) < 2 + length + 2 * _NONCE + _WRAPPED + _TAG:
            raise DecryptionFailed("it is cut, or of an unknown version")
        ends = list(accumulate((_NONCE, _WRAPPED, _NONCE), initial=2 + length))
        wrap_nonce, wrapped, nonce = (sealed[begin:end] for begin, end in pairwise(ends))
        key_id = sealed[2 : 2 + length].decode("ascii", "replace")
        return cls(key_id, wrap_nonce, wrapped, nonce, sealed[ends[-1] :])

    def sealed(self) -> bytes:
        """As it is kept."""
        key_id = self.key_id.encode()
        head = _VERSION + bytes([len(key_id)]) + key_id
        return head + self.wrap_nonce + self.wrapped + self.nonce + self.ciphertext


@dataclass(frozen=True, slots=True)
class Keyring:
    """The key-encryption keys, by id; the last one is current."""

    keys: Mapping[str, bytes] = field(repr=False)
    index_key: bytes = field(repr=False)
    """Of the blind indexes: derived from the first key, which stays."""

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """The keys of the settings; where they name none, of a file that is made at first use.

        Raises `KeysInvalid`.
        """
        if settings.encryption_keys:
            written = {name: key.get_secret_value() for name, key in settings.encryption_keys.items()}
            return cls.of(written, source="WGI_ENCRYPTION_KEYS")
        path = settings.root / "keys" / "encryption.json"
        if not path.exists():
            _make(path)
        try:
            written = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise KeysInvalid(str(path), str(error)) from error
        return cls.of(written, source=str(path))

    @classmethod
    def of(cls, written: Mapping[str, str], *, source: str) -> Self:
        """Keys as they are written: by id, 32 octets in base64. Raises `KeysInvalid`."""
        keys = {}
        for key_id, text in written.items():
            if not _KEY_ID.fullmatch(key_id):
                raise KeysInvalid(source, f"{key_id!a} is no id of a key")
            try:
                keys[key_id] = base64.b64decode(text, validate=True)
            except (binascii.Error, TypeError, ValueError) as error:
                raise KeysInvalid(source, f"key {key_id} is not base64") from error
            if len(keys[key_id]) != KEY_OCTETS:
                raise KeysInvalid(source, f"key {key_id} does not have {KEY_OCTETS} octets")
        if not keys:
            raise KeysInvalid(source, "there is none")
        first = next(iter(keys.values()))
        derived = HKDF(SHA256(), KEY_OCTETS, salt=None, info=b"wgi blind index").derive(first)
        return cls(keys, derived)

    @property
    def current(self) -> str:
        """Id of the key that new values are encrypted under."""
        return next(reversed(list(self.keys)))

    def encrypt(self, clear: bytes, *, context: str) -> bytes:
        """A sealed value; the same twice gives two different ones."""
        data_key, nonce = os.urandom(KEY_OCTETS), os.urandom(_NONCE)
        ciphertext = AESGCM(data_key).encrypt(nonce, clear, context.encode())
        return self._wrapped(data_key, nonce, ciphertext).sealed()

    def decrypt(self, sealed: bytes, *, context: str) -> bytes:
        """The clear value. Raises `UnknownKey`, `DecryptionFailed`."""
        envelope = _Envelope.of(sealed)
        data_key = self._data_key(envelope)
        try:
            return AESGCM(data_key).decrypt(envelope.nonce, envelope.ciphertext, context.encode())
        except InvalidTag as error:
            raise DecryptionFailed from error

    def rewrapped(self, sealed: bytes) -> bytes:
        """The same value under the current key; itself where it is. Raises as `decrypt`."""
        envelope = _Envelope.of(sealed)
        if envelope.key_id == self.current:
            return sealed
        data_key = self._data_key(envelope)
        return self._wrapped(data_key, envelope.nonce, envelope.ciphertext).sealed()

    def blind_index(self, clear: str, *, context: str) -> bytes:
        """By which a value is found without being decrypted: equal for equal values of a context.

        HMAC-SHA-256. The caller brings values that count as equal into one form (case, blanks).
        """
        return hmac.digest(self.index_key, f"{context}\x00{clear}".encode(), sha256)

    def _wrapped(self, data_key: bytes, nonce: bytes, ciphertext: bytes) -> _Envelope:
        wrap_nonce, key_id = os.urandom(_NONCE), self.current
        wrapped = AESGCM(self.keys[key_id]).encrypt(wrap_nonce, data_key, key_id.encode())
        return _Envelope(key_id, wrap_nonce, wrapped, nonce, ciphertext)

    def _data_key(self, envelope: _Envelope) -> bytes:
        key = self.keys.get(envelope.key_id)
        if key is None:
            raise UnknownKey(envelope.key_id)
        try:
            return AESGCM(key).decrypt(envelope.wrap_nonce, envelope.wrapped, envelope.key_id.encode())
        except InvalidTag as error:
            raise DecryptionFailed from error


def _make(path: Path) -> None:
    """A file with one new key, for its owner alone; another process may be faster."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    content = json.dumps({"1": base64.b64encode(os.urandom(KEY_OCTETS)).decode()})
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
