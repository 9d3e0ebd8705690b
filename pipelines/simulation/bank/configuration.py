"""What a simulated bank is: its name, its client, the accounts that it keeps, how it decides.

Belongs here: the configuration, as data. Everything that a bank does follows from it, from the clock
it is given and from what it receives.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from pipelines.simulation.bank.behaviour import Rule

Clock = Callable[[], datetime]
"""Gives the time, aware; the bank knows no other."""

_BIC = r"^[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?$"
_REFERENCE = r"^[A-Za-z0-9]([A-Za-z0-9 ./_-]{0,32}[A-Za-z0-9])?$"


class StatementFormat(StrEnum):
    """How the bank writes the statement at the end of the day."""

    CAMT_053 = "camt.053"
    """ISO 20022 camt.053.001.08."""
    MT940 = "MT940"
    """SWIFT MT940, without the envelope of the network."""


class AccountKept(BaseModel):
    """An account that the bank keeps."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    account: str = Field(pattern=_REFERENCE)
    """IBAN or the bank's own reference."""
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    opening_minor: int = 0
    """Balance before the first entry, minor units."""
    overdraft_minor: int = Field(default=0, ge=0)
    settlement: bool = False
    """Whether it is the client's own: interbank payments in its currency are debited to it."""
    closed: bool = False
    """A payment from or to it is rejected with AC04."""


class BankConfig(BaseModel):
    """One simulated bank and its one client."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    title: str
    bic: str = Field(pattern=_BIC)
    client_title: str
    client_bic: str = Field(pattern=_BIC)
    accounts: tuple[AccountKept, ...]
    seed: int = 0
    """With a payment's reference it decides what the rates below leave open."""
    rejected_permille: Mapping[str, int] = {}
    """Share of payments rejected by ISO 20022 reason, such as AC04: 5."""
    returned_permille: Mapping[str, int] = {}
    """Share of accepted payments that come back at the end of the day, by reason."""
    recalls_granted_permille: int = Field(default=700, ge=0, le=1000)
    """Share of recalls that the creditor consents to; the others are answered with CUST."""
    misbehaviour: tuple[Rule, ...] = ()
    statement_format: StatementFormat = StatementFormat.CAMT_053
    notifies: bool = True
    """Whether each movement is told at once (camt.054), besides in the statement of the day."""
    sftp: bool = True
    https: bool = True
    client_id: str = "client"
    """Of OAuth 2, and the user name of SFTP; the secret is given when the bank is started."""
    token_seconds: int = Field(default=300, ge=1)
    max_file_bytes: int = Field(default=2 * 1024**3, ge=1)

    def kept(self, account: str) -> AccountKept | None:
        """The account of that reference; None when the bank does not keep it."""
        return next((kept for kept in self.accounts if kept.account == account), None)
