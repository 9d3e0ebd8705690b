"""The codes of NACHA records: transactions, entry classes, changes, and the check digit of a bank.

Belongs here: what a code says, without regard to where it stands.
"""

from collections.abc import Mapping
from typing import Final

RETURNED_CREDIT: Final = frozenset({"21", "31", "41", "51"})
RETURNED_DEBIT: Final = frozenset({"26", "36", "46", "56"})
CREDITS: Final = frozenset(f"{account}{action}" for account in "2345" for action in "1234")
DEBITS: Final = frozenset(f"{account}{action}" for account in "234" for action in "6789") | {"55", "56"}
ADVICE_CREDITS: Final = frozenset({"81", "83", "85", "87"})
ADVICE_DEBITS: Final = frozenset({"82", "84", "86", "88"})
"""Transaction codes of accounting advices (ADV)."""

ENTRY_CLASSES: Final = frozenset({
    "ACK", "ADV", "ARC", "ATX", "BOC", "CCD", "CIE", "COR", "CTX", "DNE", "ENR", "IAT", "MTE", "POP",
    "POS", "PPD", "RCK", "SHR", "TEL", "TRC", "TRX", "WEB", "XCK",
})  # fmt: skip
"""Standard entry class codes."""

MANY_ADDENDA: Final = frozenset({"CTX", "ATX", "TRX"})
"""Classes whose entries count their addenda where others have the beginning of the name."""

SERVICE_CLASSES: Final = frozenset({"200", "220", "225", "280"})
"""Of a batch: mixed, credits only, debits only, accounting advices."""

ACCOUNT_TYPES: Final[Mapping[str, str]] = {"checking": "2", "savings": "3", "ledger": "4", "loan": "5"}
"""First digit of a transaction code."""

CHANGES: Final[Mapping[str, str]] = {
    "C01": "account",
    "C02": "routing_number",
    "C03": "routing_number account",
    "C04": "name",
    "C05": "transaction_code",
    "C06": "account transaction_code",
    "C07": "routing_number account transaction_code",
    "C08": "foreign_agent",
    "C09": "identification",
    "C13": "addenda",
    "C14": "entry_class",
}
"""What a notification of change corrects, by its code."""

DISHONORED: Final = frozenset(f"R{code}" for code in range(61, 71))
CONTESTED: Final = frozenset(f"R{code}" for code in range(71, 78))

_WEIGHTS: Final = (3, 7, 1, 3, 7, 1, 3, 7, 1)


def is_routing_number(text: str) -> bool:
    """Whether `text` is nine digits whose weighted sum ends in zero."""
    return (
        len(text) == 9
        and text.isascii()
        and text.isdigit()
        and sum(int(digit) * weight for digit, weight in zip(text, _WEIGHTS, strict=True)) % 10 == 0
    )
