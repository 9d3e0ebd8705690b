"""pacs.028.001.03: asking what became of payments.

Belongs here: where each column stands in a TxInf. A request moves nothing: amount, currency and date
that every payment batch has are those of the original and stand in its OrgnlTxRef.
"""

from collections.abc import Iterator

import polars as pl

from pipelines.settlement.iso20022.elements import Markup, Record, amount, element
from pipelines.settlement.iso20022.heads import bare_header, document
from pipelines.settlement.iso20022.messages import Definition, line
from pipelines.settlement.iso20022.originals import original_references, refuse_nameless_originals
from pipelines.settlement.iso20022.parties import agent
from pipelines.settlement.profile import Profile
from pipelines.settlement.writing import FileIdentity


def header(record: Record, profile: Profile) -> Markup | None:
    """GrpHdr: without figures."""
    bare = bare_header(profile)
    return line(
        "GrpHdr",
        element("MsgId", record("message_id")),
        element("CreDtTm", record("created_at")),
        None if bare else agent("InstgAgt", record, "sender"),
        None if bare else agent("InstdAgt", record, "receiver"),
    )


def transaction(record: Record, profile: Profile) -> Markup | None:
    """TxInf."""
    return line(
        "TxInf",
        element("StsReqId", record("instruction_id")),
        *original_references(record),
        agent("InstgAgt", record, "instructing_agent"),
        agent("InstdAgt", record, "instructed_agent"),
        element(
            "OrgnlTxRef",
            amount("IntrBkSttlmAmt", currency=record("currency"), value=record("amount")),
            element("IntrBkSttlmDt", record("execution_date")),
        ),
    )


REQUEST = Definition(name="pacs.028.001.03", root="FIToFIPmtStsReq", header=header, record=transaction)


def write(payments: pl.DataFrame, *, identity: FileIdentity, profile: Profile) -> Iterator[bytes]:
    """pacs.028.001.03 about payments (`PAYMENT_BATCH`), in pieces. Raises `FileRefused`."""
    asked = refuse_nameless_originals(payments)
    return document(REQUEST, asked, identity=identity, profile=profile)
