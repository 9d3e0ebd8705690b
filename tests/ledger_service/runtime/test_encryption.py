"""Sealed values open with their key and in their context alone, and follow a rotation."""

import base64
import json
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.runtime.encryption import (
    DecryptionFailed,
    Keyring,
    KeysInvalid,
    UnknownKey,
)
from ledger_service.runtime.settings import Settings


def key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


OLD, NEW = key(), key()
RING = Keyring.of({"old": OLD}, source="test")
ROTATED = Keyring.of({"old": OLD, "new": NEW}, source="test")


@given(clear=st.binary(max_size=200), context=st.text(max_size=20))
def test_what_was_sealed_opens(clear: bytes, context: str) -> None:
    assert RING.decrypt(RING.encrypt(clear, context=context), context=context) == clear


@given(clear=st.binary(max_size=40), at=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_flipped_bit_anywhere_is_noticed(clear: bytes, at: int, bit: int) -> None:
    sealed = bytearray(RING.encrypt(clear, context="name"))
    sealed[at % len(sealed)] ^= 1 << bit
    with pytest.raises((DecryptionFailed, UnknownKey)):
        RING.decrypt(bytes(sealed), context="name")


@given(length=st.integers(0, 200))
def test_a_cut_value_is_noticed(length: int) -> None:
    sealed = RING.encrypt(b"some name", context="name")
    with pytest.raises((DecryptionFailed, UnknownKey)):
        RING.decrypt(sealed[: min(length, len(sealed) - 1)], context="name")


def test_a_value_does_not_open_in_another_context() -> None:
    with pytest.raises(DecryptionFailed):
        RING.decrypt(RING.encrypt(b"x", context="person 1"), context="person 2")


def test_equal_values_do_not_look_alike() -> None:
    assert RING.encrypt(b"x", context="c") != RING.encrypt(b"x", context="c")


def test_after_a_rotation_old_values_open_and_are_rewrapped() -> None:
    old = RING.encrypt(b"clear", context="c")
    assert ROTATED.current == "new"
    assert ROTATED.decrypt(old, context="c") == b"clear"
    rewrapped = ROTATED.rewrapped(old)
    assert ROTATED.rewrapped(rewrapped) is rewrapped
    alone = Keyring.of({"new": NEW}, source="test")
    assert alone.decrypt(rewrapped, context="c") == b"clear"
    with pytest.raises(UnknownKey):
        alone.decrypt(old, context="c")


def test_blind_indexes_are_equal_for_equal_values_of_a_context_alone() -> None:
    index = RING.blind_index("a@example.com", context="email")
    assert index == ROTATED.blind_index("a@example.com", context="email"), "rotation keeps them"
    assert index != RING.blind_index("b@example.com", context="email")
    assert index != RING.blind_index("a@example.com", context="name")
    assert index != Keyring.of({"old": NEW}, source="test").blind_index("a@example.com", context="email")


def test_without_a_setting_a_file_is_made_once_for_its_owner_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WGI_ENCRYPTION_KEYS", raising=False)
    settings = Settings(home=tmp_path)
    made = Keyring.open(settings)
    (path,) = tmp_path.rglob("encryption.json")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Keyring.open(settings) == made


def test_keys_are_taken_from_the_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WGI_ENCRYPTION_KEYS", json.dumps({"old": OLD, "new": NEW}))
    ring = Keyring.open(Settings(home=tmp_path))
    assert ring == ROTATED
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ({}, "there is none"),
        ({"a": "short"}, "base64"),
        ({"a": base64.b64encode(b"x" * 31).decode()}, "32 octets"),
        ({"a b": OLD}, "no id"),
        ({"": OLD}, "no id"),
    ],
)
def test_keys_that_are_none_are_refused_without_being_shown(
    written: dict[str, str], reason: str
) -> None:
    with pytest.raises(KeysInvalid, match=reason) as refused:
        Keyring.of(written, source="somewhere")
    assert OLD not in str(refused.value)


def test_a_keyring_does_not_show_its_keys() -> None:
    assert OLD not in repr(RING)
    assert str(base64.b64decode(OLD)) not in repr(RING)
