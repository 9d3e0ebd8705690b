"""What the elements of a camt.053 mean: account, balance, entry, amount, date.

Belongs here: reading one element that is complete in memory. Namespaces are ignored (`{*}`), because
between versions .02 and .12 the same information only moves: a status becomes `Sts/Cd`, a BIC becomes
`BICFI`, a transaction's amount moves out of `AmtDtls`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from lxml import etree

AMOUNT = re.compile(r"\+?(?P<whole>\d{1,18})(?:\.(?P<fraction>\d{0,18}))?")
LARGEST_MINOR = 2**63 - 1
NOT_PROVIDED = "NOTPROVIDED"
BOOKING_DATE = ("BookgDt/Dt", "BookgDt/DtTm")
VALUE_DATE = ("ValDt/Dt", "ValDt/DtTm")
DIRECTIONS = ("CRDT", "DBIT")
MAX_TEXT = 500


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an element cannot be used: the field, a code, and a sentence a person can act on."""

    field: str
    code: str
    message: str
    content: str = ""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount with its currency."""

    minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Balance:
    """A balance of a statement; a credit balance is positive."""

    code: str
    currency: str
    signed_minor: int
    on: date | None


def local_name(element: etree._Element) -> str:
    """The tag without its namespace."""
    return etree.QName(element).localname


def release(element: etree._Element) -> None:
    """Free a finished element and the siblings before it."""
    element.clear()
    parent = element.getparent()
    while parent is not None and element.getprevious() is not None:
        del parent[0]


def text(element: etree._Element, path: str) -> str | None:
    """The trimmed text at `path` (slashes, names without namespace), None when absent or blank."""
    found = element.find("/".join(f"{{*}}{step}" for step in path.split("/")))
    value = (found.text or "").strip() if found is not None else ""
    return value[:MAX_TEXT] or None


def first_text(element: etree._Element, *paths: str) -> str | None:
    """The text at the first path that has one."""
    return next((value for path in paths if (value := text(element, path))), None)


def read_account(element: etree._Element) -> dict[str, Any]:
    """Statement id, period and account: all stand before or in `Acct`, by the schema's sequence."""
    statement = element.getparent()
    assert statement is not None  # noqa: S101 (the caller found the element by its parent)
    return {
        "statement_id": text(statement, "Id"),
        "account": first_text(element, "Id/IBAN", "Id/Othr/Id"),
        "account_currency": text(element, "Ccy"),
        "owner_id": first_text(
            element, "Ownr/Id/OrgId/Othr/Id", "Ownr/Id/OrgId/AnyBIC", "Ownr/Id/OrgId/BICOrBEI"
        ),
        "servicer_id": first_text(
            element, "Svcr/FinInstnId/Othr/Id", "Svcr/FinInstnId/BICFI", "Svcr/FinInstnId/BIC"
        ),
        "sequence": _as_number(first_text(statement, "ElctrncSeqNb", "LglSeqNb")),
        "from_date": _as_date(text(statement, "FrToDt/FrDtTm")),
        "to_date": _as_date(text(statement, "FrToDt/ToDtTm")),
    }


def read_balance(element: etree._Element, *, exponents: Mapping[str, int]) -> Balance | Fault:
    """One `Bal`, or why it cannot be used."""
    code = first_text(element, "Tp/CdOrPrtry/Cd", "Tp/CdOrPrtry/Prtry") or ""
    money = read_money(element.find("{*}Amt"), field=f"Bal[{code}]/Amt", exponents=exponents)
    if isinstance(money, Fault):
        return money
    direction = text(element, "CdtDbtInd")
    if direction not in DIRECTIONS:
        return _direction_fault(f"Bal[{code}]/CdtDbtInd", direction)
    signed = money.minor if direction == "CRDT" else -money.minor
    on = _as_date(first_text(element, "Dt/Dt", "Dt/DtTm"))
    return Balance(code=code, currency=money.currency, signed_minor=signed, on=on)


def read_entry(element: etree._Element, *, exponents: Mapping[str, int]) -> list[dict[str, Any]] | Fault:
    """One `Ntry` as one row, or as one row a transaction when it is a batch booking that says so."""
    money = read_money(element.find("{*}Amt"), field="Ntry/Amt", exponents=exponents)
    if isinstance(money, Fault):
        return money
    if money.minor == 0:
        return Fault("Ntry/Amt", "zero_amount", "the entry moves no money", "0")
    if fault := _entry_fault(element):
        return fault
    booking_date = _as_date(first_text(element, *BOOKING_DATE))
    entry = {
        "entry_ref": text(element, "NtryRef"),
        "direction": text(element, "CdtDbtInd"),
        "currency": money.currency,
        "booking_date": booking_date,
        "value_date": _as_date(first_text(element, *VALUE_DATE)) or booking_date,
        "servicer_ref": text(element, "AcctSvcrRef"),
        "is_reversal": text(element, "RvslInd") in ("true", "1"),
        "bank_transaction_code": _transaction_code(element),
    }
    details = element.findall("{*}NtryDtls/{*}TxDtls")
    parts = [_detail_minor(detail, money=money, exponents=exponents) for detail in details]
    if len(details) > 1 and None not in parts and sum(part or 0 for part in parts) == money.minor:
        return [
            entry | _detail(detail) | {"detail_ordinal": ordinal, "amount_minor": minor}
            for ordinal, (detail, minor) in enumerate(zip(details, parts, strict=True), start=1)
        ]
    detail = _detail(details[0]) if len(details) == 1 else {"end_to_end_id": None, "remittance": None}
    detail["remittance"] = detail["remittance"] or text(element, "AddtlNtryInf")
    return [entry | detail | {"detail_ordinal": 0, "amount_minor": money.minor}]


def _entry_fault(element: etree._Element) -> Fault | None:
    """Why an entry that has an amount is not used."""
    direction = text(element, "CdtDbtInd")
    if direction not in DIRECTIONS:
        return _direction_fault("Ntry/CdtDbtInd", direction)
    status = first_text(element, "Sts/Cd", "Sts/Prtry", "Sts")
    if status != "BOOK":
        message = f"the entry's status is {status}: only booked entries are reconciled"
        return Fault("Ntry/Sts", "not_booked", message, status or "")
    for field, paths in (("Ntry/BookgDt", BOOKING_DATE), ("Ntry/ValDt", VALUE_DATE)):
        written = first_text(element, *paths)
        if written and _as_date(written) is None:
            return Fault(field, "invalid_date", f"{written!r} is not a date", written)
    return None


def read_money(
    element: etree._Element | None, *, field: str, exponents: Mapping[str, int]
) -> Money | Fault:
    """An `Amt` in minor units; digits below the minor unit are refused unless they are zeros."""
    if element is None:
        return Fault(field, "missing_amount", "there is no amount")
    written, currency = (element.text or "").strip(), element.get("Ccy") or ""
    if currency not in exponents:
        return Fault(field, "unknown_currency", f"currency {currency!r} is not known", written)
    found = AMOUNT.fullmatch(written)
    if found is None:
        return Fault(field, "invalid_amount", f"{written[:40]!r} is not an amount", written[:MAX_TEXT])
    exponent = exponents[currency]
    fraction = (found["fraction"] or "").rstrip("0")
    if len(fraction) > exponent:
        message = f"{written} has more than the {exponent} decimals of {currency}; it is not rounded"
        return Fault(field, "too_many_decimals", message, written)
    minor = int(found["whole"] + fraction.ljust(exponent, "0"))
    if minor > LARGEST_MINOR:
        return Fault(field, "amount_out_of_range", f"{written} {currency} is too large", written)
    return Money(minor=minor, currency=currency)


def _detail(element: etree._Element) -> dict[str, Any]:
    """Reference and remittance information of one `TxDtls`."""
    reference = text(element, "Refs/EndToEndId")
    lines = [line.text or "" for line in element.findall("{*}RmtInf/{*}Ustrd")]
    remittance = " ".join(lines).strip() or text(element, "RmtInf/Strd/CdtrRefInf/Ref")
    return {
        "end_to_end_id": None if reference == NOT_PROVIDED else reference,
        "remittance": remittance[:MAX_TEXT] if remittance else text(element, "AddtlTxInf"),
    }


def _detail_minor(element: etree._Element, *, money: Money, exponents: Mapping[str, int]) -> int | None:
    """A transaction's own amount where it is stated in the entry's currency and direction-free."""
    for path in ("{*}Amt", "{*}AmtDtls/{*}TxAmt/{*}Amt"):
        amount = read_money(element.find(path), field="TxDtls/Amt", exponents=exponents)
        if isinstance(amount, Money) and amount.currency == money.currency and amount.minor > 0:
            return amount.minor
    return None


def _transaction_code(element: etree._Element) -> str | None:
    """`BkTxCd` as domain/family/sub-family, else its proprietary code."""
    parts = [text(element, f"BkTxCd/Domn/{path}") for path in ("Cd", "Fmly/Cd", "Fmly/SubFmlyCd")]
    if all(parts):
        return "/".join(part or "" for part in parts)
    return text(element, "BkTxCd/Prtry/Cd")


def _direction_fault(field: str, direction: str | None) -> Fault:
    return Fault(field, "invalid_direction", f"{direction!r} is neither CRDT nor DBIT", direction or "")


def _as_number(written: str | None) -> int | None:
    """A positive number of at most 18 digits, as the schema has it; else None."""
    written = (written or "").strip()
    return int(written) if written.isascii() and written.isdigit() and len(written) <= 18 else None


def _as_date(written: str | None) -> date | None:
    """The calendar date of an ISO date or date-time, as written (the bank's own day)."""
    try:
        return date.fromisoformat(written[:10]) if written else None
    except ValueError:
        return None
