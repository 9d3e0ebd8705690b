"""Reading camt.053 bank statements (versions .02 to .12) into frames, entry by entry.

Belongs here: the walk through the file, its limits and what is refused as a whole. What one element
means is `camt053_elements.py`; what the entries are compared with is `statements.py`.

A file is parsed as a stream and cleared behind the cursor, so that memory follows the largest
entry, not the file. A document type declaration is refused before anything in it is used: bank
statements have none, and every XML attack needs one.

Source: ISO 20022 Bank-to-Customer Cash Management, message definition report, camt.053.001.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import polars as pl
from lxml import etree

from pipelines.reconciliation import camt053_elements as elements

NAMESPACE = re.compile(
    r"urn:iso:std:iso:20022:tech:xsd:(?P<message>[a-z]{4}\.\d{3})\.001\.(?P<version>\d{2})"
)
BOOKED_BALANCES = ("OPBD", "PRCD", "CLBD")
VERSIONS = range(2, 13)
MAX_BYTES = 256 * 1024 * 1024
MAX_ENTRIES = 5_000_000

SAFE: dict[str, Any] = {
    "resolve_entities": False,
    "load_dtd": False,
    "no_network": True,
    "huge_tree": False,  # keeps libxml2's own limits on depth and text length
    "remove_comments": True,
    "remove_pis": True,
}
"""How every parser here is set up."""

STATEMENTS_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "file": pl.String,
    "statement_ordinal": pl.Int64,  # 1-based within the file
    "statement_id": pl.String,
    "account": pl.String,  # as the servicer names it: IBAN or other identification
    "owner_id": pl.String,
    "servicer_id": pl.String,
    "currency": pl.String,
    "sequence": pl.Int64,  # the bank's number of the statement: electronic, else legal
    "from_date": pl.Date,  # of the period stated, else of the opening balance
    "to_date": pl.Date,  # of the period stated, else of the closing balance
    "opening_minor": pl.Int64,  # booked, credit positive; null when not stated in this currency
    "closing_minor": pl.Int64,
    "entries": pl.Int64,  # booked entries read
    "entries_minor": pl.Int64,  # their sum, credit positive
    "balance_difference_minor": pl.Int64,  # closing - opening - entries; null when it cannot be told
}

ENTRIES_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "file": pl.String,
    "statement_ordinal": pl.Int64,
    "entry_ordinal": pl.Int64,  # 1-based within the file
    "detail_ordinal": pl.Int64,  # 1-based within a batch booking, 0 for an entry as a whole
    "entry_ref": pl.String,
    "direction": pl.String,  # CRDT or DBIT, as it changes the balance
    "amount_minor": pl.Int64,
    "currency": pl.String,
    "booking_date": pl.Date,
    "value_date": pl.Date,  # the booking date where the bank states none
    "end_to_end_id": pl.String,
    "servicer_ref": pl.String,
    "is_reversal": pl.Boolean,
    "bank_transaction_code": pl.String,  # domain/family/sub-family, or the proprietary code
    "remittance": pl.String,
}

REJECTED_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "source_file": pl.String,
    "row": pl.Int64,  # ordinal of the entry; 0 for a statement or the whole file
    "field": pl.String,
    "code": pl.String,
    "message": pl.String,
    "content": pl.String,
}


class Refusal(StrEnum):
    """Why a whole file is refused."""

    TOO_LARGE = "too_large"
    """More bytes or entries than the reader accepts."""
    MALFORMED = "malformed_xml"
    """Not well-formed, truncated, nested too deep, or empty."""
    DOCUMENT_TYPE = "document_type_declared"
    """Has a DTD: entities and external references are never accepted."""
    OTHER_MESSAGE = "other_message"
    """A well-formed document that is not a camt.053."""
    UNSUPPORTED_VERSION = "unsupported_version"
    """A camt.053 older or newer than the reader knows."""
    NO_STATEMENT = "no_statement"
    """A camt.053 without a single statement."""


class StatementRefused(ValueError):
    """A statement file cannot be read at all; nothing of it is used."""

    def __init__(self, *, file: str, reason: Refusal, detail: str) -> None:
        self.file = file
        self.reason = reason
        self.detail = detail
        super().__init__(f"{file} is refused ({reason}): {detail}")


@dataclass(frozen=True, slots=True)
class StatementFrames:
    """What statement files say: one row a statement, one an entry, one for each part not usable."""

    statements: pl.DataFrame
    entries: pl.DataFrame
    rejected: pl.DataFrame

    @classmethod
    def empty(cls) -> "StatementFrames":
        """No statement at all."""
        return cls(
            statements=pl.DataFrame(schema=STATEMENTS_SCHEMA),
            entries=pl.DataFrame(schema=ENTRIES_SCHEMA),
            rejected=pl.DataFrame(schema=REJECTED_SCHEMA),
        )


@dataclass(slots=True)
class _Reading:
    """Rows gathered while one file streams by."""

    file: str
    exponents: Mapping[str, int]
    statements: list[dict[str, Any]] = field(default_factory=list)
    entries: list[dict[str, Any]] = field(default_factory=list)
    rejected: list[dict[str, Any]] = field(default_factory=list)
    current: dict[str, Any] = field(default_factory=dict)
    entry_ordinal: int = 0

    def reject(self, row: int, fault: elements.Fault) -> None:
        self.rejected.append(
            {
                "source_file": self.file,
                "row": row,
                "field": fault.field,
                "code": fault.code,
                "message": fault.message,
                "content": fault.content,
            }
        )


def read_statement_file(
    path: Path,
    *,
    file: str,
    exponents: Mapping[str, int],
    max_bytes: int = MAX_BYTES,
    max_entries: int = MAX_ENTRIES,
) -> StatementFrames:
    """Read one camt.053 file; `file` is the name under which its rows are known.

    `exponents` maps each accepted currency to its number of decimals. Raises `StatementRefused` when
    the file as a whole is unusable; an entry that is unusable becomes a rejected row and the
    statement's balance check then shows the amount that is missing.
    """
    size = path.stat().st_size
    if size > max_bytes:
        detail = f"{size} bytes, at most {max_bytes} are accepted"
        raise StatementRefused(file=file, reason=Refusal.TOO_LARGE, detail=detail)
    reading = _Reading(file=file, exponents=exponents)
    try:
        _check_root(path, file=file)
        _walk(path, reading=reading, max_entries=max_entries)
    except etree.XMLSyntaxError as error:
        raise StatementRefused(file=file, reason=Refusal.MALFORMED, detail=str(error)) from error
    if not reading.statements:
        detail = "the document holds no Stmt element, so it states nothing about any account"
        raise StatementRefused(file=file, reason=Refusal.NO_STATEMENT, detail=detail)
    return StatementFrames(
        statements=pl.DataFrame(reading.statements, schema=STATEMENTS_SCHEMA, orient="row"),
        entries=pl.DataFrame(reading.entries, schema=ENTRIES_SCHEMA, orient="row"),
        rejected=pl.DataFrame(reading.rejected, schema=REJECTED_SCHEMA, orient="row"),
    )


def read_statement_files(
    paths: Mapping[str, Path], *, exponents: Mapping[str, int], max_bytes: int = MAX_BYTES
) -> StatementFrames:
    """Read many files, name to path; a refused file becomes one rejected row with `row` 0."""
    parts = [StatementFrames.empty()]
    for file, path in sorted(paths.items()):
        try:
            parts.append(read_statement_file(path, file=file, exponents=exponents, max_bytes=max_bytes))
        except StatementRefused as refused:
            row = {
                "source_file": file,
                "row": 0,
                "field": "Document",
                "code": str(refused.reason),
                "message": f"{refused.detail}; ask the bank for the statement again",
                "content": "",
            }
            empty = StatementFrames.empty()
            rejected = pl.DataFrame([row], schema=REJECTED_SCHEMA, orient="row")
            parts.append(StatementFrames(empty.statements, empty.entries, rejected))
    return StatementFrames(
        statements=pl.concat([part.statements for part in parts]),
        entries=pl.concat([part.entries for part in parts]),
        rejected=pl.concat([part.rejected for part in parts]),
    )


def _walk(path: Path, *, reading: _Reading, max_entries: int) -> None:
    """Stream the file; every element of interest is read at its end and then cleared."""
    tags = ("{*}Stmt", "{*}Acct", "{*}Bal", "{*}Ntry", "{*}GrpHdr")
    context = etree.iterparse(str(path), events=("start", "end"), tag=tags, **SAFE)
    for event, element in context:
        name = elements.local_name(element)
        if event == "start":
            if name == "Stmt":
                _enter_statement(reading)
            continue
        parent = element.getparent()
        if name == "GrpHdr" or (parent is not None and elements.local_name(parent) == "Stmt"):
            _leave_part(element, name=name, reading=reading)
            elements.release(element)
            if reading.entry_ordinal > max_entries:
                detail = f"more than {max_entries} entries"
                raise StatementRefused(file=reading.file, reason=Refusal.TOO_LARGE, detail=detail)
        elif name == "Stmt":
            _leave_statement(reading)
            elements.release(element)


def _enter_statement(reading: _Reading) -> None:
    reading.current = {
        "file": reading.file,
        "statement_ordinal": len(reading.statements) + 1,
        "entries": 0,
        "sums": defaultdict(int),
        "balances": {},
    }


def _check_root(path: Path, *, file: str) -> None:
    """Refuse what is not a camt.053 at its first element, before any content is read."""
    _, root = next(iter(etree.iterparse(str(path), events=("start",), **SAFE)))
    if root.getroottree().docinfo.internalDTD is not None:
        detail = "the file declares a document type; statements must not"
        raise StatementRefused(file=file, reason=Refusal.DOCUMENT_TYPE, detail=detail)
    namespace = etree.QName(root).namespace or ""
    found = NAMESPACE.fullmatch(namespace)
    if found is None or found["message"] != "camt.053":
        detail = f"the message is {found['message'] if found else namespace or 'without namespace'}"
        raise StatementRefused(file=file, reason=Refusal.OTHER_MESSAGE, detail=f"{detail}, not camt.053")
    if int(found["version"]) not in VERSIONS:
        raise StatementRefused(
            file=file,
            reason=Refusal.UNSUPPORTED_VERSION,
            detail=f"camt.053.001.{found['version']}; versions .02 to .12 are read",
        )


def _leave_part(element: etree._Element, *, name: str, reading: _Reading) -> None:
    """Take in a finished account, balance or entry of the current statement."""
    current = reading.current
    if name == "Acct":
        current |= elements.read_account(element)
    elif name == "Bal":
        balance = elements.read_balance(element, exponents=reading.exponents)
        if isinstance(balance, elements.Fault):
            reading.reject(0, balance)
        else:
            current["balances"].setdefault((balance.code, balance.currency), balance)
            if balance.code in BOOKED_BALANCES:
                current.setdefault("first_balance_currency", balance.currency)
    elif name == "Ntry":
        reading.entry_ordinal += 1
        entry = elements.read_entry(element, exponents=reading.exponents)
        if isinstance(entry, elements.Fault):
            reading.reject(reading.entry_ordinal, entry)
            return
        current["entries"] += 1
        currency = entry[0]["currency"]
        current.setdefault("first_entry_currency", currency)
        current["sums"][currency] += sum(
            row["amount_minor"] if row["direction"] == "CRDT" else -row["amount_minor"] for row in entry
        )
        place = {
            "file": reading.file,
            "statement_ordinal": current["statement_ordinal"],
            "entry_ordinal": reading.entry_ordinal,
        }
        reading.entries.extend(place | row for row in entry)


def _leave_statement(reading: _Reading) -> None:
    """Close the current statement: choose its currency, its two balances and check them."""
    current = reading.current
    balances: dict[tuple[str, str], elements.Balance] = current["balances"]
    currency = (
        current.get("account_currency")
        or current.get("first_balance_currency")
        or current.get("first_entry_currency")
    )
    opening = balances.get(("OPBD", currency or ""), balances.get(("PRCD", currency or "")))
    closing = balances.get(("CLBD", currency or ""))
    entries_minor = current["sums"][currency]
    difference = None
    if opening is not None and closing is not None:
        difference = closing.signed_minor - opening.signed_minor - entries_minor
    for code, other in balances:
        if code in BOOKED_BALANCES and other != currency:
            message = f"balance {code} is in {other}, the account in {currency}: it is not used"
            reading.reject(0, elements.Fault(f"Bal[{code}]/Amt", "balance_currency", message, other))
    if not current.get("account"):
        reading.reject(0, elements.Fault("Acct", "missing_account", "the statement names no account"))
    reading.statements.append(
        {
            **{name: current.get(name) for name in STATEMENTS_SCHEMA},
            "currency": currency,
            "from_date": current.get("from_date") or (opening.on if opening else None),
            "to_date": current.get("to_date") or (closing.on if closing else None),
            "opening_minor": opening.signed_minor if opening else None,
            "closing_minor": closing.signed_minor if closing else None,
            "entries_minor": entries_minor,
            "balance_difference_minor": difference,
        }
    )
