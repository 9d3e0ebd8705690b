"""Writing one statement as ISO 20022 camt.053.001.08 (BankToCustomerStatementV08).

Belongs here: the message's form. Which entries a statement has is decided in `statements.py`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from xml.etree import ElementTree as ET

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"


@dataclass(frozen=True, slots=True)
class Nostro:
    """The account of a statement: whose it is, where it is held, in what currency.

    `account` is its reference in the owner's books, which the partner bank repeats.
    """

    participant_id: str
    participant_bic: str
    partner_id: str
    partner_bic: str
    account: str
    currency: str
    exponent: int
    utc_offset_hours: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a statement; `end_to_end_id` is None for the bank's own charges."""

    end_to_end_id: str | None
    side: str
    amount_minor: int
    value_date: date
    counterparty: str
    bank_reference: str


def camt053(*, nostro: Nostro, day: date, opening_minor: int, entries: Iterable[Entry]) -> bytes:
    """The statement of one account and day; the closing balance follows from opening and entries."""
    entries = list(entries)
    net = sum(entry.amount_minor if entry.side == "CRDT" else -entry.amount_minor for entry in entries)
    created = f"{day}T23:30:00+{nostro.utc_offset_hours:02}:00"
    identifier = f"{nostro.participant_id}{nostro.partner_id}{nostro.currency}{day:%Y%m%d}".replace(
        "-", ""
    )
    document = ET.Element("Document", xmlns=NAMESPACE)
    message = ET.SubElement(document, "BkToCstmrStmt")
    header = ET.SubElement(message, "GrpHdr")
    _text(header, "MsgId", identifier)
    _text(header, "CreDtTm", created)
    statement = ET.SubElement(message, "Stmt")
    _text(statement, "Id", identifier)
    _text(statement, "ElctrncSeqNb", str(day.timetuple().tm_yday))
    _text(statement, "CreDtTm", created)
    _account(statement, nostro)
    _balance(statement, "OPBD", opening_minor, nostro, day)
    _balance(statement, "CLBD", opening_minor + net, nostro, day)
    _summary(statement, entries, nostro)
    for number, entry in enumerate(entries, 1):
        _entry(statement, number, entry, nostro, day)
    ET.indent(document, " ")
    body: bytes = ET.tostring(document, encoding="utf-8", xml_declaration=True)
    return body + b"\n"


def _text(parent: ET.Element, tag: str, text: str) -> None:
    ET.SubElement(parent, tag).text = text


def _path(parent: ET.Element, *tags: str) -> ET.Element:
    """The innermost of new elements, each inside the one before."""
    for tag in tags:
        parent = ET.SubElement(parent, tag)
    return parent


def _decimal(amount_minor: int, exponent: int) -> str:
    units, fraction = divmod(amount_minor, 10**exponent)
    return f"{units}.{fraction:0{exponent}}" if exponent else str(units)


def _amount(parent: ET.Element, amount_minor: int, nostro: Nostro) -> None:
    amount = ET.SubElement(parent, "Amt", Ccy=nostro.currency)
    amount.text = _decimal(amount_minor, nostro.exponent)


def _account(statement: ET.Element, nostro: Nostro) -> None:
    account = ET.SubElement(statement, "Acct")
    _text(_path(account, "Id", "Othr"), "Id", nostro.account)
    _text(account, "Ccy", nostro.currency)
    owner = _path(account, "Ownr", "Id", "OrgId")
    _text(owner, "AnyBIC", nostro.participant_bic)
    _text(_path(owner, "Othr"), "Id", nostro.participant_id)
    servicer = _path(account, "Svcr", "FinInstnId")
    _text(servicer, "BICFI", nostro.partner_bic)
    _text(_path(servicer, "Othr"), "Id", nostro.partner_id)


def _balance(statement: ET.Element, code: str, balance_minor: int, nostro: Nostro, day: date) -> None:
    balance = ET.SubElement(statement, "Bal")
    _text(_path(balance, "Tp", "CdOrPrtry"), "Cd", code)
    _amount(balance, abs(balance_minor), nostro)
    _text(balance, "CdtDbtInd", "CRDT" if balance_minor >= 0 else "DBIT")
    _text(_path(balance, "Dt"), "Dt", day.isoformat())


def _summary(statement: ET.Element, entries: list[Entry], nostro: Nostro) -> None:
    summary = ET.SubElement(statement, "TxsSummry")
    for tag, sides in (
        ("TtlNtries", ("CRDT", "DBIT")),
        ("TtlCdtNtries", ("CRDT",)),
        ("TtlDbtNtries", ("DBIT",)),
    ):
        amounts = [entry.amount_minor for entry in entries if entry.side in sides]
        total = ET.SubElement(summary, tag)
        _text(total, "NbOfNtries", str(len(amounts)))
        _text(total, "Sum", _decimal(sum(amounts), nostro.exponent))


def _entry(statement: ET.Element, number: int, entry: Entry, nostro: Nostro, day: date) -> None:
    element = ET.SubElement(statement, "Ntry")
    _text(element, "NtryRef", str(number))
    _amount(element, entry.amount_minor, nostro)
    _text(element, "CdtDbtInd", entry.side)
    _text(_path(element, "Sts"), "Cd", "BOOK")
    _text(_path(element, "BookgDt"), "Dt", day.isoformat())
    _text(_path(element, "ValDt"), "Dt", entry.value_date.isoformat())
    _text(element, "AcctSvcrRef", entry.bank_reference)
    _transaction_code(element, entry)
    if entry.end_to_end_id is None:
        _text(element, "AddtlNtryInf", entry.counterparty)
        return
    details = _path(element, "NtryDtls", "TxDtls")
    references = ET.SubElement(details, "Refs")
    _text(references, "AcctSvcrRef", entry.bank_reference)
    _text(references, "EndToEndId", entry.end_to_end_id)
    _amount(details, entry.amount_minor, nostro)
    _text(details, "CdtDbtInd", entry.side)
    party = "Dbtr" if entry.side == "CRDT" else "Cdtr"
    _text(_path(details, "RltdPties", party, "Pty"), "Nm", entry.counterparty)


def _transaction_code(element: ET.Element, entry: Entry) -> None:
    """The ISO bank transaction code: a credit transfer sent or received, or charges."""
    if entry.end_to_end_id is None:
        domain, family, subfamily = "ACMT", "MDOP", "CHRG"
    else:
        domain, subfamily = "PMNT", "DMCT"
        family = "RCDT" if entry.side == "CRDT" else "ICDT"
    code = _path(element, "BkTxCd", "Domn")
    _text(code, "Cd", domain)
    members = ET.SubElement(code, "Fmly")
    _text(members, "Cd", family)
    _text(members, "SubFmlyCd", subfamily)
