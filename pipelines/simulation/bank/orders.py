"""What a client's file orders: its head and its payments, as the bank reads them.

Belongs here: reading pacs.008, pacs.009 and pain.001 for the bank's book, and camt.056 for recalls. A
file that cannot be read, or whose totals are not those of its payments, is refused as a whole, as banks
do; a payment that cannot be is left out and told of.
"""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

import polars as pl
from lxml import etree

from ledger_service.reference.money import with_minor_units
from pipelines.settlement.problems import FileRefused

ORDERED: dict[str, pl.DataType | type[pl.DataType]] = {
    "row": pl.UInt32,  # number of the payment in its file, from 1
    "batch_id": pl.String,  # payment information of a pain.001
    "instruction_id": pl.String,
    "end_to_end_id": pl.String,
    "transaction_id": pl.String,
    "uetr": pl.String,
    "currency": pl.String,
    "amount": pl.String,
    "execution_date": pl.Date,
    "debtor_name": pl.String,
    "debtor_account": pl.String,
    "creditor_name": pl.String,
    "creditor_account": pl.String,
    "remittance": pl.String,
}
"""Payments as the file has them; `Orders.payments` has amount_minor and fault instead of amount."""

_NAMESPACE = re.compile(r"^\{urn:iso:std:iso:20022:tech:xsd:([a-z]{4}\.\d{3}\.\d{3}\.\d{2})\}Document$")
_BODIES = {"pacs.008": "CdtTrfTxInf", "pacs.009": "CdtTrfTxInf", "pain.001": "CdtTrfTxInf"}
_MAX_PAYMENTS = 5_000_000


@dataclass(frozen=True, slots=True)
class Orders:
    """A file of payments."""

    message_id: str
    message_type: str
    """As pacs.008.001.08."""
    payments: pl.DataFrame
    """`ORDERED` with amount_minor (null where it is at fault) and fault (a `MoneyFault`)."""


@dataclass(frozen=True, slots=True)
class Recall:
    """One payment of a camt.056: what it is called back by, and the case."""

    recall_id: str
    message_id: str | None
    message_type: str | None
    instruction_id: str | None
    end_to_end_id: str | None
    transaction_id: str | None
    uetr: str | None


def orders(content: bytes) -> Orders:
    """The payments of a file; raises `FileRefused` when it is none, torn, or not what it declares."""
    message_type, header, payments = None, dict[str, str](), list[dict[str, object]]()
    batch: dict[str, object] = {}
    try:
        for event, node in _elements(content):
            tag = etree.QName(node).localname
            if event == "start":
                if message_type is None and tag == "Document":
                    message_type = _message_type(node)
                elif tag == "PmtInf":
                    batch = {}
            elif tag == "GrpHdr":
                names = ("MsgId", "NbOfTxs", "CtrlSum", "IntrBkSttlmDt")
                header = {name: _text(node, name) or "" for name in names}
            elif tag == "CdtTrfTxInf":
                batch = batch or _batch(node.getparent())
                payments.append(_payment(node, batch, header))
                _forget(node)
                if len(payments) > _MAX_PAYMENTS:
                    raise FileRefused("too_many", "payments", f"more than {_MAX_PAYMENTS} payments")
    except etree.XMLSyntaxError as error:
        raise FileRefused("xml_invalid", f"line {error.lineno}", error.msg or "not XML") from error
    if message_type is None:
        raise FileRefused("format_unknown", "Document", "not a pacs.008, pacs.009 or pain.001")
    if not header.get("MsgId"):
        raise FileRefused("head_missing", "GrpHdr", "the file has no message id")
    frame = _amounts(payments)
    _require_totals(header, payments)
    return Orders(header["MsgId"][:35], message_type, frame)


def _elements(content: bytes) -> Iterator[tuple[str, etree._Element]]:
    parser = etree.iterparse(
        io.BytesIO(content),
        events=("start", "end"),
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    for event, node in parser:
        if node.getparent() is None and node.getroottree().docinfo.internalDTD is not None:
            raise FileRefused("doctype", "DOCTYPE", "a message declares no entities")
        if isinstance(node.tag, str):
            yield event, node


def _message_type(root: etree._Element) -> str:
    found = _NAMESPACE.match(str(root.tag))
    if found is None or found[1][:8] not in _BODIES:
        raise FileRefused("format_unknown", "Document", "not a pacs.008, pacs.009 or pain.001")
    return found[1]


def _named(node: etree._Element, name: str) -> bool:
    """Whether it is the element of that local name; comments and the like are none."""
    return isinstance(node.tag, str) and etree.QName(node).localname == name


def _text(node: etree._Element | None, path: str) -> str | None:
    """The text at a path of local names; None where there is none."""
    for name in path.split("/"):
        node = _child(node, name)
    return None if node is None else (node.text or "").strip() or None


def _account(node: etree._Element | None, tag: str) -> str | None:
    return _text(node, f"{tag}/Id/IBAN") or _text(node, f"{tag}/Id/Othr/Id")


def _party(node: etree._Element | None, tag: str) -> str | None:
    return (
        _text(node, f"{tag}/Nm")
        or _text(node, f"{tag}/FinInstnId/Nm")
        or _text(node, f"{tag}/FinInstnId/BICFI")
    )


def _batch(node: etree._Element | None) -> dict[str, object]:
    """What the payments of one PmtInf share."""
    return {
        "batch_id": _text(node, "PmtInfId"),
        "execution_date": _text(node, "ReqdExctnDt/Dt") or _text(node, "ReqdExctnDt"),
        "debtor_name": _party(node, "Dbtr"),
        "debtor_account": _account(node, "DbtrAcct"),
    }


def _payment(
    node: etree._Element, batch: dict[str, object], header: dict[str, str]
) -> dict[str, object]:
    amount = _child(node, "IntrBkSttlmAmt")
    if amount is None:
        amount = _child(_child(node, "Amt"), "InstdAmt")
    return {
        "batch_id": batch["batch_id"],
        "instruction_id": _text(node, "PmtId/InstrId"),
        "end_to_end_id": _text(node, "PmtId/EndToEndId"),
        "transaction_id": _text(node, "PmtId/TxId"),
        "uetr": _text(node, "PmtId/UETR"),
        "currency": None if amount is None else amount.get("Ccy"),
        "amount": None if amount is None else (amount.text or "").strip(),
        "execution_date": _text(node, "IntrBkSttlmDt")
        or batch["execution_date"]
        or header.get("IntrBkSttlmDt")
        or None,
        "debtor_name": _party(node, "Dbtr") or batch["debtor_name"],
        "debtor_account": _account(node, "DbtrAcct") or batch["debtor_account"],
        "creditor_name": _party(node, "Cdtr"),
        "creditor_account": _account(node, "CdtrAcct"),
        "remittance": _text(node, "RmtInf/Ustrd"),
    }


def _child(node: etree._Element | None, name: str) -> etree._Element | None:
    if node is None:
        return None
    return next((child for child in node if _named(child, name)), None)


def _forget(node: etree._Element) -> None:
    """Free a payment that was read, and the place of the one before it in the tree."""
    node.clear()
    before, parent = node.getprevious(), node.getparent()
    if before is not None and parent is not None and before.tag == node.tag:
        parent.remove(before)


def _amounts(payments: list[dict[str, object]]) -> pl.DataFrame:
    """Payments with minor units; the date of one without is that of no currency's end: today's rules."""
    texts = {**ORDERED, "execution_date": pl.String}
    del texts["row"]
    frame = pl.DataFrame(payments, schema=texts).with_row_index("row", offset=1)
    dated = frame.with_columns(pl.col("execution_date").str.to_date("%Y-%m-%d", strict=False))
    return with_minor_units(
        dated.with_columns(amount=pl.col("amount").fill_null("")),
        amount="amount",
        currency_column="currency",
        on="execution_date",
        minor="amount_minor",
        fault="fault",
    ).select(*(name for name in ORDERED if name != "amount"), "amount_minor", "fault")


def _require_totals(header: dict[str, str], payments: list[dict[str, object]]) -> None:
    """The header's count and control sum are those of the payments."""
    if header.get("NbOfTxs") != str(len(payments)):
        sentence = f"it declares {header.get('NbOfTxs')} payments and has {len(payments)}"
        raise FileRefused("control_total", "GrpHdr/NbOfTxs", sentence)
    if not header.get("CtrlSum"):
        return
    try:
        declared = Decimal(header["CtrlSum"])
        found = sum((Decimal(str(payment["amount"])) for payment in payments), Decimal(0))
    except InvalidOperation as error:
        raise FileRefused("control_total", "GrpHdr/CtrlSum", "sums that are no numbers") from error
    if declared != found:
        raise FileRefused("control_total", "GrpHdr/CtrlSum", f"it declares {declared}, found {found}")


def recalls(content: bytes) -> tuple[str, list[Recall]]:
    """The case id of a camt.056 and what it calls back; raises `FileRefused`."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(content, parser)
        if root.getroottree().docinfo.internalDTD is not None:
            raise FileRefused("doctype", "DOCTYPE", "a message declares no entities")
    except etree.XMLSyntaxError as error:
        raise FileRefused("xml_invalid", f"line {error.lineno}", error.msg or "not XML") from error
    found = _NAMESPACE.match(str(root.tag))
    body = _child(root, "FIToFIPmtCxlReq")
    case = _text(body, "Assgnmt/Id")
    if found is None or not found[1].startswith("camt.056") or case is None:
        raise FileRefused("format_unknown", "Document", "not a camt.056")
    if body is None:
        raise FileRefused("head_missing", "FIToFIPmtCxlReq", "there is no message")
    groups = [node for node in body if _named(node, "Undrlyg")]
    return case[:35], [
        _recall(node, _child(group, "OrgnlGrpInfAndCxl"))
        for group in groups
        for node in group
        if _named(node, "TxInf")
    ]


def _recall(node: etree._Element, group: etree._Element | None) -> Recall:
    return Recall(
        recall_id=_text(node, "CxlId") or "NOTPROVIDED",
        message_id=_text(node, "OrgnlGrpInf/OrgnlMsgId") or _text(group, "OrgnlMsgId"),
        message_type=_text(node, "OrgnlGrpInf/OrgnlMsgNmId") or _text(group, "OrgnlMsgNmId"),
        instruction_id=_text(node, "OrgnlInstrId"),
        end_to_end_id=_text(node, "OrgnlEndToEndId"),
        transaction_id=_text(node, "OrgnlTxId"),
        uetr=_text(node, "OrgnlUETR"),
    )
