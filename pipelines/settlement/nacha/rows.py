"""NACHA entries as rows of the tables of `reading.py`: payments, entries of advices, answers.

Belongs here: which column each field becomes. A credit is paid by the company to the receiver, a debit
by the receiver to the company.
"""

from typing import Any, Final

from pipelines.settlement.nacha.batch import Batch, Entry, NotRead, is_number
from pipelines.settlement.nacha.codes import CHANGES, CONTESTED, DISHONORED
from pipelines.settlement.nacha.layout import (
    ADDENDA_02,
    ADDENDA_05,
    ADDENDA_98,
    ADDENDA_99,
    ADDENDA_99_CONTESTED,
    ADDENDA_99_DISHONORED,
    IAT_ADDENDA,
    fields,
)

Row = dict[str, Any]

_CURRENCY: Final = "USD"
_SWIFT_QUALIFIER: Final = "02"


def table_of(entry: Entry, batch: Batch) -> str:
    """Which table the entry belongs to."""
    if batch.entry_class == "ADV":
        return "entries"
    if batch.entry_class in {"ACK", "ATX", "COR"}:
        return "answers"
    return "answers" if any(text[1:3] in {"98", "99"} for text in entry.addenda) else "payments"


def advice_row(entry: Entry, batch: Batch) -> Row:
    """An accounting advice: what the network booked, for information."""
    texts = entry.texts
    return _placed(entry, batch) | {
        "account": texts["account"] or None,
        "entry": entry.row,
        "detail": 0,
        "currency": _CURRENCY,
        "amount_minor": entry.amount_minor,
        "direction": "D" if entry.is_debit else "C",
        "reversal": False,
        "status": "INFO",
        "value_date": batch.effective_on,
        "transaction_code": texts["transaction_code"],
        "bank_reference": texts["trace"],
        "counterparty_name": texts["name"] or None,
        "counterparty_agent": texts["advice_routing"] or None,
        "information": texts["file_identification"] or None,
    }


def payment_row(entry: Entry, batch: Batch) -> Row:
    """A payment, a prenotification (amount zero) or a notice without money (DNE, ENR)."""
    texts, head = entry.texts, batch.head
    company, receiver = ("creditor", "debtor") if entry.is_debit else ("debtor", "creditor")
    row = _placed(entry, batch) | {
        "end_to_end_id": texts.get("identification") or None,
        "transaction_id": texts["trace"],
        "currency": _CURRENCY,
        "amount_minor": entry.amount_minor,
        "local_instrument": batch.entry_class,
        "category_purpose": head["description"] or None,
        "execution_date": batch.effective_on,
        f"{company}_name": head.get("company_name") or None,
        f"{company}_id": head["company_id"] or None,
        f"{company}_agent_clearing": "USABA",
        f"{company}_agent_member": head["odfi"],
        f"{receiver}_name": texts.get("name") or None,
        f"{receiver}_account": texts["account"] or None,
        f"{receiver}_agent_clearing": "USABA",
        f"{receiver}_agent_member": texts["rdfi"] + texts["check_digit"],
        "remittance": _remittance(entry.addenda),
    }
    if batch.entry_class == "IAT":
        row |= _international(entry, batch, company=company, receiver=receiver)
    return row


def answer_rows(entry: Entry, batch: Batch) -> list[Row]:
    """What an entry answers: one row for each addenda that says so, or one acknowledgement."""
    answers = [text for text in entry.addenda if text[1:3] in {"98", "99"}]
    base = _placed(entry, batch) | {
        "level": "transaction",
        "currency": _CURRENCY,
        "amount_minor": entry.amount_minor,
        "settlement_date": batch.effective_on,
        "original_message_type": batch.entry_class,
    }
    if batch.entry_class in {"ACK", "ATX"}:
        original = entry.texts["identification"]
        acknowledged = {"kind": "acknowledgement", "status": "ACCP", "original_transaction_id": original}
        return [base | acknowledged | {"reason_text": _remittance(entry.addenda)}]
    if not answers:
        raise NotRead("addenda", "addenda_missing", "a change is told in an addenda record: it has none")
    base["original_end_to_end_id"] = entry.texts.get("identification") or None
    rows = [base | (_change(text) if text[1:3] == "98" else _return(text)) for text in answers]
    # A return that was dishonored and contested is one amount: it stands with the last word on it.
    return [row | {"amount_minor": None} for row in rows[:-1]] + rows[-1:]


def _change(text: str) -> Row:
    told = fields(text, ADDENDA_98)
    code = told["code"]
    is_refusal = code.startswith("C6")
    changed = told["refused_change"] if is_refusal else code
    return {
        "kind": "change",
        "status": "RJCT" if is_refusal else "NOTI",
        "reason_code": code,
        "reason_text": f"refusal of {changed}" if is_refusal else None,
        "original_transaction_id": told["original_trace"] or None,
        "changed_field": CHANGES.get(changed, "other"),
        "changed_value": told["corrected"] or None,
    }


def _return(text: str) -> Row:
    code = text[3:6]
    if not (code[0] == "R" and is_number(code[1:])):
        raise NotRead("return reason", "reason_code", f"{code!r} is no reason of a return")
    said: str | None
    if code in CONTESTED:
        told = fields(text, ADDENDA_99_CONTESTED)
        said = f"contests the dishonor {told['dishonored_trace']} of return {told['return_trace']}"
    elif code in DISHONORED:
        told = fields(text, ADDENDA_99_DISHONORED)
        said = f"dishonors return {told['return_trace']} R{told['return_code']}: {told['information']}"
    else:
        told = fields(text, ADDENDA_99)
        said = told["information"] or None
    return {
        "kind": "return",
        "status": "RTND",
        "reason_code": code,
        "reason_text": said,
        "original_transaction_id": told["original_trace"] or None,
    }


def _placed(entry: Entry, batch: Batch) -> Row:
    return {
        "row": entry.row,
        "place": f"line {entry.line}",
        "message_id": batch.head["batch_number"],
    }


def _remittance(addenda: list[str]) -> str | None:
    """Texts of addenda 05 (cut at 80 characters), of 02, and of IAT's 17, one after the other."""
    pieces = [
        text[ADDENDA_05["information"][0] - 1 : ADDENDA_05["information"][1]]
        for text in addenda
        if text[1:3] in {"05", "17"}
    ] or [fields(text, ADDENDA_02)["information"] for text in addenda if text[1:3] == "02"]
    return " ".join("".join(pieces).split()) or None


def _international(entry: Entry, batch: Batch, *, company: str, receiver: str) -> Row:
    """What the seven mandatory addenda of an international entry say besides."""
    told: dict[str, str] = {}
    for text in entry.addenda:
        told |= fields(text, IAT_ADDENDA.get(text[1:3], {}))
    town, _ = _starred(told.get("originator_town"))
    country, postcode = _starred(told.get("originator_country"))
    to_town, _ = _starred(told.get("receiver_town"))
    to_country, to_postcode = _starred(told.get("receiver_country"))
    amount = told.get("foreign_amount", "")
    correspondent = told.get("foreign_bank_id") or None
    row = {
        "end_to_end_id": told.get("foreign_trace") or None,
        "purpose": told.get("kind") or None,
        "instructed_currency": batch.head["originating_currency"] or None,
        "instructed_amount_minor": int(amount) or None if is_number(amount) else None,
        f"{company}_name": told.get("originator"),
        f"{company}_street": told.get("originator_street"),
        f"{company}_town": town,
        f"{company}_country": country,
        f"{company}_postcode": postcode,
        f"{company}_agent_name": told.get("odfi_name"),
        f"{receiver}_name": told.get("receiver"),
        f"{receiver}_id": told.get("receiver_id"),
        f"{receiver}_street": told.get("receiver_street"),
        f"{receiver}_town": to_town,
        f"{receiver}_country": to_country,
        f"{receiver}_postcode": to_postcode,
        f"{receiver}_agent_name": told.get("rdfi_name"),
        "intermediary_bic": correspondent
        if told.get("foreign_bank_qualifier") == _SWIFT_QUALIFIER
        else None,
    }
    return {name: value or None for name, value in row.items()}


def _starred(text: str | None) -> tuple[str | None, str | None]:
    """The two texts of an address field: town*state\\ or country*postcode\\."""
    first, _, second = (text or "").rstrip("\\").partition("*")
    return first.strip() or None, second.strip() or None
