"""Elements of what a bank answers: pacs.002, pain.002, camt.029.

Belongs here: paths only. An answer is of a group, of a batch in it, or of one transaction.
"""

from pipelines.settlement.iso20022.read_columns import Column, Columns

_REASON = (
    Column("reason_code", ("{}/Rsn/Cd", "{}/Rsn/Prtry", "{}/StsRsn/Cd", "{}/StsRsn/Prtry")),
    Column("reason_text", ("{}/AddtlInf", "{}/AddtlStsRsnInf"), joined=True),
)


def _reason(*elements: str) -> tuple[Column, ...]:
    return tuple(
        Column(
            column.name,
            tuple(path.format(element) for element in elements for path in column.paths),
            joined=column.joined,
        )
        for column in _REASON
    )


def _original_group(*groups: str) -> tuple[Column, ...]:
    return tuple(
        Column(
            name, (f"OrgnlGrpInf/{element}", element), tuple(f"{group}/{element}" for group in groups)
        )
        for name, element in (
            ("original_message_id", "OrgnlMsgId"),
            ("original_message_type", "OrgnlMsgNmId"),
        )
    )


_TRANSACTION = (
    Column("original_instruction_id", ("OrgnlInstrId",)),
    Column("original_end_to_end_id", ("OrgnlEndToEndId",)),
    Column("original_transaction_id", ("OrgnlTxId",)),
    Column("original_uetr", ("OrgnlUETR",)),
    Column(
        "settlement_date",
        (
            "FctvIntrBkSttlmDt/Dt",
            "FctvIntrBkSttlmDt/DtTm",
            "OrgnlTxRef/IntrBkSttlmDt",
            "OrgnlIntrBkSttlmDt",
            "RsltnRltdInf/IntrBkSttlmDt",
        ),
    ),
    Column(
        "amount",
        (
            "OrgnlTxRef/IntrBkSttlmAmt",
            "OrgnlIntrBkSttlmAmt",
            "OrgnlTxRef/Amt/InstdAmt",
            "OrgnlInstdAmt",
        ),
        money=True,
    ),
)


def _answers(kind: str, level: str, *columns: Column) -> Columns:
    return Columns(columns, {"kind": kind, "level": level})


GROUP_STATUS = _answers(
    "status",
    "group",
    Column("status", ("GrpSts",)),
    *_original_group(),
    *_reason("StsRsnInf"),
)
"""`OrgnlGrpInfAndSts` of pacs.002 and pain.002."""

BATCH_STATUS = _answers(
    "status",
    "batch",
    Column("status", ("PmtInfSts",)),
    Column("original_instruction_id", ("OrgnlPmtInfId",)),
    *_original_group("OrgnlGrpInfAndSts", "OrgnlGrpInf"),
    *_reason("StsRsnInf"),
)
"""`OrgnlPmtInfAndSts` of pain.002; the batch's id stands as `original_instruction_id`."""

TRANSACTION_STATUS = _answers(
    "status",
    "transaction",
    Column("status", ("TxSts",)),
    *_original_group("OrgnlGrpInfAndSts", "OrgnlGrpInf"),
    *_reason("StsRsnInf"),
    *_TRANSACTION,
)
"""`TxInfAndSts` of pacs.002 and pain.002."""

CASE_STATUS = _answers(
    "cancellation",
    "file",
    Column("status", ("Conf",)),
)
"""`Sts` of camt.029: what became of the whole case."""

GROUP_CANCELLATION = _answers(
    "cancellation",
    "group",
    Column("status", ("GrpCxlSts",)),
    *_original_group(),
    *_reason("CxlStsRsnInf"),
)
"""`OrgnlGrpInfAndSts` of camt.029."""

BATCH_CANCELLATION = _answers(
    "cancellation",
    "batch",
    Column("status", ("PmtInfCxlSts",)),
    Column("original_instruction_id", ("OrgnlPmtInfId",)),
    *_original_group("CxlDtls/OrgnlGrpInfAndSts"),
    *_reason("CxlStsRsnInf"),
)
"""`OrgnlPmtInfAndSts` of camt.029."""

TRANSACTION_CANCELLATION = _answers(
    "cancellation",
    "transaction",
    Column("status", ("TxCxlSts",)),
    *_original_group("CxlDtls/OrgnlGrpInfAndSts"),
    *_reason("CxlStsRsnInf"),
    *_TRANSACTION,
)
"""`TxInfAndSts` of camt.029; where it has no status, that of the case holds."""
