"""What a client's file orders: its head and its payments, or what it calls back, as the bank takes them.

Belongs here: reading pacs.008, pacs.009, pain.001 and camt.056 for the bank's book. A file that cannot
be read to its end, or whose totals are not those of its payments, or with a payment that cannot be
read, is refused as a whole, as banks do.
"""

import io
from dataclasses import dataclass

import polars as pl
from lxml import etree

from pipelines.settlement.iso20022.read_message import read
from pipelines.settlement.problems import FileRefused
from pipelines.settlement.reading import PAYMENTS_READ, Head, Records, Refused

ORDERED = {
    name: PAYMENTS_READ[name]
    for name in (
        "row",
        "instruction_id",
        "end_to_end_id",
        "transaction_id",
        "uetr",
        "currency",
        "amount_minor",
        "execution_date",
        "debtor_name",
        "debtor_account",
        "creditor_name",
        "creditor_account",
        "remittance",
    )
} | {"batch_id": pl.String()}
"""What the bank takes of each payment; batch_id is the payment information of a pain.001."""

_ORDERS = ("pacs.008", "pacs.009", "pain.001")
_RECALL = "camt.056"
_REASONS = {
    "control_total": "AM10",
    "unknown_currency": "AM03",
    "currency_not_valid": "AM03",
    "too_many_decimals": "AM12",
    "not_a_number": "AM12",
    "not_positive": "AM12",
    "amount_overflow": "AM12",
    "not_a_date": "DT01",
}
_UNREADABLE = "FF01"


@dataclass(frozen=True, slots=True)
class Orders:
    """A file of payments."""

    message_id: str
    message_type: str
    """As pacs.008.001.08."""
    payments: pl.DataFrame
    """`ORDERED`."""


@dataclass(frozen=True, slots=True)
class Recall:
    """One payment of a camt.056: what it is called back by."""

    message_id: str | None
    message_type: str | None
    instruction_id: str | None
    end_to_end_id: str | None
    transaction_id: str | None
    uetr: str | None


@dataclass(frozen=True, slots=True)
class Recalls:
    """A camt.056."""

    message_id: str
    recalls: list[Recall]


def orders(content: bytes) -> Orders | Recalls:
    """What a file orders; raises `FileRefused`."""
    head, rows = _read(content)
    message_id = (head.message_id or "")[:35]
    if not message_id:
        raise FileRefused("head_missing", "MsgId", "the file has no message id")
    if head.format == _RECALL:
        return Recalls(message_id, _recalls(rows))
    if head.format not in _ORDERS:
        raise FileRefused("format_unknown", "Document", f"{head.format} orders no payments")
    batches = _batch_ids(content) if head.format == "pain.001" else {}
    number = pl.col("place").str.extract(r"^PmtInf (\d+) ").cast(pl.Int64)
    payments = rows.with_columns(
        batch_id=number.replace_strict(batches, default=None, return_dtype=pl.String)
    )
    return Orders(message_id, f"{head.format}.{head.version}", payments.select(*ORDERED))


def reason_of(refused: FileRefused) -> str:
    """The ISO 20022 reason with which a bank refuses the file."""
    return _REASONS.get(refused.code, _UNREADABLE)


def _read(content: bytes) -> tuple[Head, pl.DataFrame]:
    """The head and the records of a file of payments; raises `FileRefused` for the first thing wrong."""
    head, frames = None, [pl.DataFrame(schema=PAYMENTS_READ)]
    for part in read(io.BytesIO(content)):
        match part:
            case Head():
                head = head or part
            case Refused():
                raise FileRefused(part.code, part.place, part.sentence)
            case Records() if part.table == "payments":
                frames.append(part.frame)
    if head is None:
        raise FileRefused("head_missing", "Document", "the file says nothing of itself")
    return head, pl.concat(frames)


def _batch_ids(content: bytes) -> dict[int, str]:
    """Ids of the payment information of a pain.001 that was read, by number."""
    found = dict[int, str]()
    names = ("{*}PmtInfId", "{*}CdtTrfTxInf")
    for _, node in etree.iterparse(io.BytesIO(content), tag=names, resolve_entities=False):
        if str(node.tag).endswith("}PmtInfId"):
            found[len(found) + 1] = node.text or ""
        node.clear()
    return found


def _recalls(rows: pl.DataFrame) -> list[Recall]:
    names = [
        f"original_{name}"
        for name in (
            "message_id",
            "message_type",
            "instruction_id",
            "end_to_end_id",
            "transaction_id",
            "uetr",
        )
    ]
    return [Recall(*values) for values in rows.select(names).iter_rows()]
