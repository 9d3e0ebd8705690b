"""What a payment batch must be like for ISO 20022 to say it: lengths and forms of its columns.

Belongs here: the limits of the message definitions, the same in all that are written, and the check of
a whole batch before the first byte is. Source: the simple types of the 2019 and 2020 schemas.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from pipelines.settlement.iso20022.amounts import AMOUNT_DIGITS
from pipelines.settlement.iso20022.columns import slices
from pipelines.settlement.iso20022.texts import UUID_V4
from pipelines.settlement.payment_batch import PAYMENT_BATCH
from pipelines.settlement.problems import FileRefused

_SIDES = ("debtor", "creditor")
_PARTY_LENGTHS = {
    "name": 140, "id": 35, "street": 70, "building": 16, "postcode": 16, "town": 35, "account": 34,
    "agent_clearing": 5, "agent_member": 35, "agent_name": 140,
}  # fmt: skip
LENGTHS: Mapping[str, int] = {
    **{f"{side}_{name}": length for side in _SIDES for name, length in _PARTY_LENGTHS.items()},
    **dict.fromkeys(
        (
            "instruction_id", "end_to_end_id", "transaction_id", "service_level", "local_instrument",
            "category_purpose", "purpose", "remittance_reference", "mandate_id", "creditor_scheme_id",
            "original_message_id", "original_message_type", "original_instruction_id",
            "original_end_to_end_id", "original_transaction_id", "reason_code",
        ),
        35,
    ),
    "ultimate_debtor_name": 140,
    "ultimate_creditor_name": 140,
    "remittance": 140,
    "reason_text": 105,
}  # fmt: skip
"""Most characters of each column, in any message."""

BIC = r"^[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?$"
"""Form of a bank identifier code (ISO 9362)."""
_PATTERNS: Mapping[str, tuple[str, str]] = {
    "uetr": (UUID_V4, "a UETR is a version 4 UUID in lower case"),
    "original_uetr": (UUID_V4, "a UETR is a version 4 UUID in lower case"),
    **dict.fromkeys(
        ("debtor_agent_bic", "creditor_agent_bic", "intermediary_bic"),
        (BIC, "a BIC has 8 or 11 upper case letters and digits, its country at the fifth"),
    ),
    **{f"{side}_country": (r"^[A-Z]{2}$", "a country is two upper case letters") for side in _SIDES},
    "charge_bearer": (r"^(?:DEBT|CRED|SHAR|SLEV)$", "a charge bearer is DEBT, CRED, SHAR or SLEV"),
    "sequence_type": (r"^(?:FRST|RCUR|FNAL|OOFF|RPRE)$", "it is FRST, RCUR, FNAL, OOFF or RPRE"),
    "exchange_rate": (r"^[0-9]{1,11}(?:\.[0-9]{1,10})?$", "a rate is a decimal of eleven digits"),
}
_RATE_CHARACTERS = 12


def refuse_unsayable(payments: pl.DataFrame) -> None:
    """Raise `FileRefused` for the first value that no ISO 20022 message can hold.

    Column after column of a slice, slice after slice: a batch of any length takes a slice's memory.
    """
    before = 0
    for part in slices(payments):
        _refuse_in_slice(_Slice(part, before))
        before += part.height


def refuse_missing(payments: pl.DataFrame, columns: tuple[str, ...]) -> None:
    """Raise `FileRefused` for the first payment without a column that the message must have."""
    for name in columns:
        if payments[name].null_count():
            sentence = "this message cannot be without it"
            _Slice(payments, 0).refuse(pl.col(name).is_null(), name, "missing", sentence)


@dataclass(frozen=True, slots=True)
class _Slice:
    """Payments that are checked together, and how many come before them."""

    payments: pl.DataFrame
    before: int

    def refuse(self, where: pl.Expr, column: str, code: str, sentence: str) -> None:
        """Raise `FileRefused` at the first row where `where` holds."""
        if self.payments[column].null_count() == self.payments.height and code != "missing":
            return
        rows = self.payments.select(where.fill_null(False)).to_series().arg_true()
        if rows.len():
            raise FileRefused(code, f"row {self.before + rows[0] + 1}, {column}", sentence)


def _refuse_in_slice(checked: _Slice) -> None:
    payments = checked.payments
    texts = [
        name
        for name, kind in PAYMENT_BATCH.items()
        if kind == pl.String and payments[name].null_count() < payments.height
    ]
    if not texts:
        return
    found = payments.select(
        *(pl.col(name).str.len_bytes().min().alias(f"{name} min") for name in texts),
        *(pl.col(name).str.len_bytes().max().alias(f"{name} max") for name in texts),
    ).row(0, named=True)
    for name in texts:
        if found[f"{name} min"] == 0:
            checked.refuse(pl.col(name) == "", name, "empty", "it is an empty text: leave it out")
        length = LENGTHS.get(name)
        if length is not None and found[f"{name} max"] > length:
            sentence = f"ISO 20022 has {length} characters for it"
            checked.refuse(pl.col(name).str.len_chars() > length, name, "too_long", sentence)
        if name in _PATTERNS:
            pattern, sentence = _PATTERNS[name]
            values = payments[name] if name.endswith("uetr") else payments[name].unique()
            if not values.str.contains(pattern).all():
                checked.refuse(~pl.col(name).str.contains(pattern), name, "wrong_form", sentence)
    long_rate = pl.col("exchange_rate").str.len_chars() > _RATE_CHARACTERS - (
        ~pl.col("exchange_rate").str.contains(".", literal=True)
    ).cast(pl.Int8)
    checked.refuse(long_rate, "exchange_rate", "too_long", "a rate has eleven digits")
    for side in _SIDES:
        clearing, member = f"{side}_agent_clearing", f"{side}_agent_member"
        alone = pl.col(clearing).is_not_null() & pl.col(member).is_null()
        checked.refuse(alone, member, "missing", f"{clearing} is given: give the id in it too")
    for name in ("amount_minor", "instructed_amount_minor", "original_amount_minor"):
        long = ~pl.col(name).is_between(0, 10**AMOUNT_DIGITS - 1)
        checked.refuse(long, name, "amount_too_long", f"an amount has 1 to {AMOUNT_DIGITS} digits")
