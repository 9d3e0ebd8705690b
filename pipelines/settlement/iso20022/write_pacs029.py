"""pacs.029.001.02: a multilateral settlement request, two movements a payment.

Belongs here: where each column stands. The payments of a currency are one SttlmReq: each debits the
debtor's settlement account and credits the creditor's. The message has no settlement date: it is
settled on the day on which it was made, and payments of another day are refused.
"""

from collections.abc import Iterator

import polars as pl

from pipelines.settlement.iso20022.elements import (
    Markup,
    Record,
    amount,
    constant,
    element,
    sequence,
)
from pipelines.settlement.iso20022.heads import document, settlement_clearing
from pipelines.settlement.iso20022.messages import Definition, Group, line
from pipelines.settlement.iso20022.parties import account, address
from pipelines.settlement.problems import FileRefused
from pipelines.settlement.profile import Profile
from pipelines.settlement.writing import FileIdentity


def header(record: Record, profile: Profile) -> Markup | None:
    """GrpHdr."""
    return line(
        "GrpHdr",
        element("MsgId", record("message_id")),
        element("CreDtTm", record("created_at")),
        element("NbOfSttlmReqs", record("groups")),
        element("CtrlSum", record("control_sum")),
        element(
            "SttlmInf",
            element("SttlmMtd", constant(str(profile.settings.get("settlement_method", "CLRG")))),
            settlement_clearing(record, profile),
        ),
    )


def request(record: Record, profile: Profile) -> Markup | None:
    """SttlmReq up to its movements."""
    cycle = profile.settings.get("settlement_cycle")
    return sequence(
        constant("<SttlmReq>"),
        element("InstrId", record("group_id")),
        element("SttlmCycl", constant(str(cycle))) if cycle is not None else None,
        element("NbOfMvmntRcrds", record("group_movements")),
        constant("\n"),
    )


def movements(record: Record, profile: Profile) -> Markup | None:
    """The two MvmntRcrd of a payment."""
    return sequence(_movement(record, "debtor", "DBIT"), _movement(record, "creditor", "CRDT"))


def _movement(record: Record, side: str, direction: str) -> Markup | None:
    bic = element("AnyBIC", record(f"{side}_agent_bic"))
    other = element("Othr", element("Id", record(f"{side}_id")))
    return line(
        "MvmntRcrd",
        element("Id", record("instruction_id")),
        element(
            "Amt",
            amount("Amt", currency=record("currency"), value=record("amount")),
            constant(f"<CdtDbt>{direction}</CdtDbt>"),
        ),
        element(
            "SttlmAgt",
            element("Nm", record(f"{side}_name")),
            address(record, side),
            element("Id", element("OrgId", bic, other)),
        ),
        account("SttlmAgtAcct", record, side),
        element("Ref", record("end_to_end_id")),
    )


SETTLEMENT_REQUEST = Definition(
    name="pacs.029.001.02",
    root="MulSttlmReq",
    header=header,
    record=movements,
    group=Group(by=("currency",), opening=request, closing="</SttlmReq>"),
    ignored=("execution_date",),
)


def write(payments: pl.DataFrame, *, identity: FileIdentity, profile: Profile) -> Iterator[bytes]:
    """pacs.029.001.02 of payments between banks (`PAYMENT_BATCH`), in pieces. Raises `FileRefused`."""
    day = identity.created_at.date()
    others = payments.select((pl.col("execution_date") != day).arg_true()).to_series()
    if others.len():
        place = f"row {others[0] + 1}, execution_date"
        raise FileRefused("not_in_format", place, f"pacs.029 settles on the day it is made, {day}")
    return document(SETTLEMENT_REQUEST, payments, identity=identity, profile=profile)
