"""The simulated banks of a business day: one for each participant that gets files, and the agent.

Belongs here: which banks there are, how they are reached, how often they reject and return, and which
faults they show so that a day sees them. A real bank's history gets banks that take everything: what
it booked is what happened.
"""

import hashlib
import string
from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from pipelines.simulation.bank.behaviour import Misbehaviour, Rule
from pipelines.simulation.bank.configuration import AccountKept, BankConfig

SETTLEMENT_AGENT = "settlement-agent"
"""Who moves the net positions: a central bank or a settlement bank."""

_LIMIT_MINOR = 10**17
_CLIENT_BIC = "WEKZKENAXXX"
_REJECTED = {"AC04": 4, "AC01": 3, "AM09": 2}
_RETURNED = {"AC06": 3, "BE04": 2}
_FAULTS: Sequence[Rule] = (
    Rule(misbehaviour=Misbehaviour.DROPPED, byte=2_000, times=1),
    Rule(misbehaviour=Misbehaviour.DUPLICATE),
    Rule(misbehaviour=Misbehaviour.REORDERED),
    Rule(misbehaviour=Misbehaviour.UNAVAILABLE, times=1, retry_after_seconds=0),
    Rule(misbehaviour=Misbehaviour.PARTIAL, permille=100, times=1),
)
"""Each of the first banks has one."""


def bank_name(participant_id: str) -> str:
    """Name of a participant's bank."""
    return participant_id.lower()


def partner_banks(
    participants: pl.DataFrame, currencies: Mapping[str, Iterable[str]], *, seed: int, faulty: bool
) -> list[BankConfig]:
    """The settlement agent, and a bank for each participant (`PARTICIPANTS`), in their order.

    `currencies`: by name of the bank, those of our accounts there. Banks take turns in the wire, SFTP
    first; the agent is reached over HTTPS. `faulty`: they reject and return payments, and show faults.
    """

    def bank(name: str, title: str, bic: str | None, **more: object) -> BankConfig:
        said: dict[str, object] = {
            "name": name,
            "title": title,
            "bic": bic or _made_bic(name),
            "client_title": "Wekeza Global Infrastructure",
            "client_bic": _CLIENT_BIC,
            "accounts": [_settlement_account(code) for code in sorted(set(currencies.get(name, ())))],
            "seed": seed,
            "notifies": False,
        }
        return BankConfig.model_validate(said | more)

    banks = [bank(SETTLEMENT_AGENT, "Settlement agent", None, sftp=False)]
    rows = participants.sort("participant_id").select("participant_id", "name", "bic").iter_rows()
    for number, (participant_id, title, bic) in enumerate(rows):
        more: dict[str, object] = {"sftp": number % 2 == 0, "https": number % 2 == 1}
        if faulty:
            more["rejected_permille"] = _REJECTED
            more["returned_permille"] = _RETURNED
            more["misbehaviour"] = tuple(_FAULTS[number : number + 1])
        banks.append(bank(bank_name(participant_id), title, bic, **more))
    return banks


def _settlement_account(currency: str) -> AccountKept:
    return AccountKept(
        account=f"SETTLE-{currency}",
        currency=currency,
        overdraft_minor=_LIMIT_MINOR,
        settlement=True,
    )


def _made_bic(name: str) -> str:
    """A BIC by form, of a bank that has none: four letters of its name's hash, in no country's use."""
    letters = "".join(
        string.ascii_uppercase[octet % 26] for octet in hashlib.sha256(name.encode()).digest()[:4]
    )
    return f"{letters}XX22"
