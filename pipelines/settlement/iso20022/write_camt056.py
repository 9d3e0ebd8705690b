"""camt.056.001.08: recalling payments.

Belongs here: where each column stands. A recall moves nothing: amount, currency and date that every
payment batch has are those of the original; `original_settlement_date` is given where it differs.
"""

from collections.abc import Iterator

import polars as pl

from pipelines.settlement.iso20022.elements import Markup, Record, amount, constant, element, sequence
from pipelines.settlement.iso20022.heads import document
from pipelines.settlement.iso20022.messages import Definition, line
from pipelines.settlement.iso20022.originals import (
    original_references,
    reason,
    refuse_nameless_originals,
)
from pipelines.settlement.iso20022.parties import agent
from pipelines.settlement.profile import Profile
from pipelines.settlement.writing import FileIdentity


def header(record: Record, profile: Profile) -> Markup | None:
    """Assgnmt and CtrlData, and the opening of Undrlyg."""
    return sequence(
        line(
            "Assgnmt",
            element("Id", record("message_id")),
            element("Assgnr", agent("Agt", record, "sender")),
            element("Assgne", agent("Agt", record, "receiver")),
            element("CreDtTm", record("created_at")),
        ),
        line(
            "CtrlData",
            element("NbOfTxs", record("transactions")),
            element("CtrlSum", record("control_sum")),
        ),
        constant("<Undrlyg>\n"),
    )


def transaction(record: Record, profile: Profile) -> Markup | None:
    """TxInf."""
    return line(
        "TxInf",
        element("CxlId", record("instruction_id")),
        *original_references(record),
        amount("OrgnlIntrBkSttlmAmt", currency=record("currency"), value=record("amount")),
        element("OrgnlIntrBkSttlmDt", record("execution_date")),
        reason("CxlRsnInf", record),
    )


RECALL = Definition(
    name="camt.056.001.08",
    root="FIToFIPmtCxlReq",
    header=header,
    record=transaction,
    after="</Undrlyg>\n",
)


def write(payments: pl.DataFrame, *, identity: FileIdentity, profile: Profile) -> Iterator[bytes]:
    """camt.056.001.08 about payments (`PAYMENT_BATCH`), in pieces. Raises `FileRefused`."""
    return document(RECALL, refuse_nameless_originals(payments), identity=identity, profile=profile)
