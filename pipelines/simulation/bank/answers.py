"""What the bank answers: to a file receipt and status (pacs.002, pain.002), to a recall camt.029.

Belongs here: their form, pacs.002.001.10, pain.002.001.10 and camt.029.001.09. `off_by` makes declared
counts wrong on purpose, see `behaviour.Misbehaviour.WRONG_TOTALS`.
"""

from dataclasses import dataclass

import polars as pl

from pipelines.settlement.iso20022.amounts import decimal_column
from pipelines.settlement.iso20022.texts import escaped
from pipelines.simulation.bank.book import Resolution
from pipelines.simulation.bank.decisions import EXECUTED, REJECTED
from pipelines.simulation.bank.elements import element, optional
from pipelines.simulation.bank.messages import (
    Envelope,
    agent,
    document,
    exponents,
    joined,
    original_references,
    text,
)

PACS_STATUS, PAIN_STATUS, RESOLUTION = "pacs.002.001.10", "pain.002.001.10", "camt.029.001.09"

RECEIVED, PARTLY = "ACTC", "PART"


@dataclass(frozen=True, slots=True)
class Original:
    """The message that is answered; of a file that could not be read only its name is known."""

    message_id: str
    message_type: str

    @property
    def customer(self) -> bool:
        """Whether it came from a customer, who is answered with pain.002."""
        return self.message_type.startswith("pain.")


def group_status(rows: pl.DataFrame) -> str:
    """ACSC, RJCT, or PART of a file whose payments fared differently."""
    found = set(rows["status"].unique())
    return PARTLY if len(found) > 1 else found.pop() if found else EXECUTED


def receipt(envelope: Envelope, original: Original) -> tuple[str, bytes]:
    """The technical receipt: the file could be read and its totals are right. Type and bytes."""
    return _status(envelope, original, kind="TA", group=_group(original, status=RECEIVED))


def refusal(envelope: Envelope, original: Original, *, reason: str, sentence: str) -> tuple[str, bytes]:
    """The whole file is rejected. Type and bytes."""
    information = _reason(reason, sentence)
    group = _group(original, status=REJECTED, information=information)
    return _status(envelope, original, kind="TA", group=group)


def status(
    envelope: Envelope, original: Original, rows: pl.DataFrame, *, off_by: int
) -> tuple[str, bytes]:
    """What became of each payment (`book.PAYMENTS`). Type and bytes."""
    counts = "".join(
        f"<NbOfTxsPerSts><DtldNbOfTxs>{count + off_by}</DtldNbOfTxs><DtldSts>{state}</DtldSts>"
        "</NbOfTxsPerSts>"
        for state, count in rows.group_by("status").len().sort("status").iter_rows()
    )
    number = f"<OrgnlNbOfTxs>{rows.height + off_by}</OrgnlNbOfTxs>"
    group = _group(original, status=group_status(rows), number=number, information=counts)
    if not original.customer:
        return _status(envelope, original, kind="ST", group=group, body=joined(rows, _transaction(rows)))
    batches = [
        f"<OrgnlPmtInfAndSts>{text('OrgnlPmtInfId', batch_id or 'NOTPROVIDED')}"
        f"<OrgnlNbOfTxs>{batch.height + off_by}</OrgnlNbOfTxs>"
        f"<PmtInfSts>{group_status(batch)}</PmtInfSts>\n"
        f"{joined(batch, _transaction(batch, customer=True))}\n</OrgnlPmtInfAndSts>"
        for (batch_id,), batch in rows.group_by("batch_id", maintain_order=True)
    ]
    return _status(envelope, original, kind="ST", group=group, body="\n".join(batches))


def _group(original: Original, *, status: str, number: str = "", information: str = "") -> str:
    return (
        f"<OrgnlGrpInfAndSts>{text('OrgnlMsgId', original.message_id)}"
        f"{text('OrgnlMsgNmId', original.message_type)}{number}<GrpSts>{status}</GrpSts>{information}"
        "</OrgnlGrpInfAndSts>"
    )


def _status(
    envelope: Envelope, original: Original, *, kind: str, group: str, body: str = ""
) -> tuple[str, bytes]:
    header = f"{text('MsgId', envelope.message_id(kind))}<CreDtTm>{envelope.created}</CreDtTm>"
    if original.customer:
        root, message_type = "CstmrPmtStsRpt", PAIN_STATUS
        header += agent("DbtrAgt", envelope.config.bic)
    else:
        root, message_type = "FIToFIPmtStsRpt", PACS_STATUS
        header += envelope.agents
    parts = [f"<{root}>", f"<GrpHdr>{header}</GrpHdr>", group, body, f"</{root}>"]
    return message_type, document(message_type, "\n".join(part for part in parts if part))


def _reason(code: str, sentence: str) -> str:
    return f"<StsRsnInf><Rsn><Cd>{code}</Cd></Rsn>{text('AddtlInf', sentence, length=105)}</StsRsnInf>"


def _transaction(rows: pl.DataFrame, *, customer: bool = False) -> pl.Expr:
    """TxInfAndSts: references, status, the reason, and of an executed one the settlement date."""
    settled = pl.when(pl.col("status") == EXECUTED).then(pl.col("execution_date").cast(pl.String))
    date = element("FctvIntrBkSttlmDt", optional("Dt", settled))
    value = decimal_column(pl.col("amount_minor"), exponents(rows))
    settlement = pl.format(
        '<OrgnlTxRef><IntrBkSttlmAmt Ccy="{}">{}</IntrBkSttlmAmt></OrgnlTxRef>', "currency", value
    )
    return element(
        "TxInfAndSts",
        pl.concat_str(
            *original_references(with_transaction_id=not customer),
            element("TxSts", pl.col("status")),
            element("StsRsnInf", pl.format("<Rsn><Cd>{}</Cd></Rsn>", "reason")),
            pl.lit("") if customer else date,
            pl.lit("") if customer else settlement.fill_null(""),
        ),
    )


def resolution(envelope: Envelope, case_id: str, resolutions: list[Resolution]) -> tuple[str, bytes]:
    """camt.029: what becomes of each payment that was called back. Type and bytes."""
    granted = {answer.granted for answer in resolutions}
    confirmation = "PECR" if len(granted) > 1 else "CNCL" if True in granted else "RJCR"
    rows = pl.DataFrame(
        [
            {
                "number": number,
                "message_id": answer.recall.message_id,
                "message_type": answer.recall.message_type,
                "instruction_id": answer.recall.instruction_id,
                "end_to_end_id": answer.recall.end_to_end_id,
                "transaction_id": answer.recall.transaction_id,
                "uetr": answer.recall.uetr,
                "reason": answer.reason,
            }
            for number, answer in enumerate(resolutions, 1)
        ],
        schema=_RESOLVED,
    )
    message_id = envelope.message_id("RI")
    parties = "".join(
        f"<{tag}>{agent('Agt', bic)}</{tag}>"
        for tag, bic in (("Assgnr", envelope.config.bic), ("Assgne", envelope.config.client_bic))
    )
    creator = f"<Cretr>{agent('Agt', envelope.config.client_bic)}</Cretr>"
    body = (
        f"<RsltnOfInvstgtn>\n<Assgnmt>{text('Id', message_id)}{parties}"
        f"<CreDtTm>{envelope.created}</CreDtTm></Assgnmt>\n"
        f"<RslvdCase>{text('Id', case_id)}{creator}</RslvdCase>\n"
        f"<Sts><Conf>{confirmation}</Conf></Sts>\n"
        f"<CxlDtls>\n{joined(rows, _cancellation())}\n</CxlDtls>\n</RsltnOfInvstgtn>"
    )
    return RESOLUTION, document(RESOLUTION, body)


_RESOLVED = {
    "number": pl.Int64,
    **dict.fromkeys(
        (
            "message_id", "message_type", "instruction_id", "end_to_end_id", "transaction_id", "uetr",
            "reason",
        ),
        pl.String,
    ),
}  # fmt: skip


def _cancellation() -> pl.Expr:
    group = pl.format(
        "<OrgnlGrpInf><OrgnlMsgId>{}</OrgnlMsgId><OrgnlMsgNmId>{}</OrgnlMsgNmId></OrgnlGrpInf>",
        escaped(pl.col("message_id").str.head(35)),
        escaped(pl.col("message_type").str.head(35)),
    )
    state = pl.when(pl.col("reason").is_null()).then(pl.lit("ACCR")).otherwise(pl.lit("RJCR"))
    instruction, end_to_end, transaction, uetr = original_references(with_transaction_id=True)
    return element(
        "TxInfAndSts",
        pl.concat_str(
            pl.format("<CxlStsId>{}</CxlStsId>", "number"),
            group.fill_null(""),
            instruction,
            end_to_end,
            transaction,
            uetr,
            element("TxCxlSts", state),
            element("CxlStsRsnInf", pl.format("<Rsn><Cd>{}</Cd></Rsn>", "reason")),
        ),
    )
