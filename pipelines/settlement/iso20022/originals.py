"""What a payment that is returned, recalled or asked about was: its message and its references.

Belongs here: the parts that pacs.004, pacs.028 and camt.056 share.
"""

import polars as pl

from pipelines.settlement.iso20022.elements import Markup, Record, element
from pipelines.settlement.iso20022.parties import code
from pipelines.settlement.problems import FileRefused


def original_references(record: Record) -> tuple[Markup | None, ...]:
    """OrgnlGrpInf and the references of the transaction."""
    return (
        element(
            "OrgnlGrpInf",
            element("OrgnlMsgId", record("original_message_id")),
            element("OrgnlMsgNmId", record("original_message_type")),
        ),
        element("OrgnlInstrId", record("original_instruction_id")),
        element("OrgnlEndToEndId", record("original_end_to_end_id")),
        element("OrgnlTxId", record("original_transaction_id")),
        element("OrgnlUETR", record("original_uetr")),
    )


def reason(tag: str, record: Record) -> Markup | None:
    """Why: a code and words."""
    return element(tag, code("Rsn", record, "reason_code"), element("AddtlInf", record("reason_text")))


def refuse_nameless_originals(payments: pl.DataFrame) -> pl.DataFrame:
    """The payments, each of which says what it is about: a message with its type, and a reference."""
    references = ("instruction_id", "end_to_end_id", "transaction_id", "uetr")
    named = pl.any_horizontal([pl.col(f"original_{name}").is_not_null() for name in references])
    together = pl.col("original_message_id").is_null() == pl.col("original_message_type").is_null()
    faults = (
        ("original_message_type", ~together, "the message's id and its type go together"),
        ("original_uetr", ~named, "give the original's UETR or one of its other references"),
    )
    for column, fault, sentence in faults:
        rows = payments.select(fault).to_series().arg_true()
        if rows.len():
            raise FileRefused("original_not_named", f"row {rows[0] + 1}, {column}", sentence)
    return payments
