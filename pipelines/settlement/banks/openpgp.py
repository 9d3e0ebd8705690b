"""OpenPGP for files on their way: encrypted to the bank and signed by us, and the other way round.

Belongs here: the two directions, over Sequoia (`pysequoia`). A sealed file is kept beside the plain one,
because sealing draws a session key: an upload that goes on must go on with the same octets.
"""

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pysequoia

from pipelines.settlement.banks.bank import BankUnproven, CredentialsRefused, OutgoingFile
from pipelines.settlement.banks.connection import OpenPgp

SUFFIX = ".pgp"


class Seal:
    """The keys of both sides."""

    def __init__(self, bank_id: str, keys: OpenPgp) -> None:
        self._bank_id = bank_id
        try:
            self._bank = pysequoia.Cert.from_file(str(keys.bank_certificate))
            own = pysequoia.Tsk.from_file(str(keys.own_key))
        except (OSError, ValueError, RuntimeError) as error:
            raise CredentialsRefused(
                bank_id, f"the OpenPGP keys cannot be read: {_told(error)}"
            ) from error
        self._own = own

    def sealed(self, file: OutgoingFile) -> OutgoingFile:
        """The file as it goes out; sealed once, found again afterwards."""
        # Its content is in the name: a file of the same name tomorrow is not sealed today.
        path = file.path.with_name(f"{file.path.name}.{file.sha256}{SUFFIX}")
        if not path.exists():
            plain = file.path.read_bytes()
            try:
                content = pysequoia.encrypt(plain, [self._bank], signer=self._own.signer(), armor=False)
            except (ValueError, RuntimeError) as error:
                raise CredentialsRefused(
                    self._bank_id, f"the OpenPGP keys cannot be used: {error}"
                ) from error
            _write(path, content)
        content = path.read_bytes()
        return replace(
            file,
            name=file.name + SUFFIX,
            path=path,
            size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
        )

    def opened(self, name: str, content: bytes) -> bytes:
        """An answer in clear. Raises `BankUnproven` when the bank did not sign it."""
        if not name.endswith(SUFFIX):
            raise BankUnproven(self._bank_id, f"answer {name} is not encrypted and signed")
        try:
            found = pysequoia.decrypt(content, self._own.decryptor(), store=lambda _: [self._bank])
        except (ValueError, RuntimeError) as error:
            raise BankUnproven(
                self._bank_id,
                f"answer {name} is not encrypted to us and signed by the bank: {_told(error)}",
            ) from error
        if not found.valid_sigs:
            raise BankUnproven(self._bank_id, f"answer {name} is not signed by the bank")
        return found.bytes or b""


def _told(error: Exception) -> str:
    """What Sequoia says, without its stack."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _write(path: Path, content: bytes) -> None:
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    with unfinished.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
