"""What banks answer: of a group, of a batch, of one transaction, and of a case."""

from io import BytesIO

import polars as pl

from pipelines.settlement.iso20022.read_message import read
from pipelines.settlement.reading import Records, Refused

HEADER = "<GrpHdr><MsgId>A-1</MsgId><CreDtTm>2026-03-02T10:00:00</CreDtTm></GrpHdr>"
REASON = (
    "<StsRsnInf><Rsn><Cd>AC01</Cd></Rsn>"
    "<AddtlInf>no such</AddtlInf><AddtlInf>account</AddtlInf></StsRsnInf>"
)
GROUP = (
    "<OrgnlGrpInfAndSts><OrgnlMsgId>M-1</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId>"
    "<GrpSts>PART</GrpSts></OrgnlGrpInfAndSts>"
)
TRANSACTION = (
    "<TxInfAndSts><OrgnlInstrId>I-{0}</OrgnlInstrId><OrgnlEndToEndId>E-{0}</OrgnlEndToEndId>"
    "<TxSts>RJCT</TxSts>{1}"
    '<OrgnlTxRef><Amt><InstdAmt Ccy="KES">12.50</InstdAmt></Amt></OrgnlTxRef></TxInfAndSts>'
)
SAID = (
    "level",
    "status",
    "original_message_id",
    "original_instruction_id",
    "reason_code",
    "amount_minor",
)


def answers(message: str, root: str, content: str) -> pl.DataFrame:
    namespace = f"urn:iso:std:iso:20022:tech:xsd:{message}"
    document = f'<Document xmlns="{namespace}"><{root}>{content}</{root}></Document>'
    parts = list(read(BytesIO(document.encode())))
    assert [part for part in parts if isinstance(part, Refused)] == []
    return pl.concat([part.frame for part in parts if isinstance(part, Records)])


def test_a_customer_status_report_answers_group_batch_and_transactions() -> None:
    transactions = "".join(TRANSACTION.format(number, REASON) for number in (1, 2))
    batch = (
        f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>P-1</OrgnlPmtInfId><PmtInfSts>PART</PmtInfSts>{transactions}"
        "</OrgnlPmtInfAndSts>"
        "<OrgnlPmtInfAndSts><OrgnlPmtInfId>P-2</OrgnlPmtInfId><PmtInfSts>ACCP</PmtInfSts></OrgnlPmtInfAndSts>"
    )
    rows = answers("pain.002.001.10", "CstmrPmtStsRpt", HEADER + GROUP + batch)
    assert rows.select(SAID).rows() == [
        ("group", "PART", "M-1", None, None, None),
        ("batch", "PART", "M-1", "P-1", None, None),
        ("transaction", "RJCT", "M-1", "I-1", "AC01", 1250),
        ("transaction", "RJCT", "M-1", "I-2", "AC01", 1250),
        ("batch", "ACCP", "M-1", "P-2", None, None),
    ]
    assert rows["reason_text"].to_list()[2] == "no such account"
    assert rows["row"].to_list() == [1, 2, 3, 4, 5]


def test_a_status_report_of_a_group_alone_is_one_answer() -> None:
    rows = answers("pacs.002.001.10", "FIToFIPmtStsRpt", HEADER + GROUP.replace("PART", "ACSC"))
    assert rows.select(SAID).rows() == [("group", "ACSC", "M-1", None, None, None)]


def test_an_investigation_is_resolved_as_a_whole_and_by_transaction() -> None:
    content = (
        "<Assgnmt><Id>A-1</Id><CreDtTm>2026-03-02T10:00:00</CreDtTm></Assgnmt><Sts><Conf>RJCR</Conf></Sts>"
        "<CxlDtls><TxInfAndSts><OrgnlGrpInf><OrgnlMsgId>M-1</OrgnlMsgId>"
        "<OrgnlMsgNmId>pacs.008.001.08</OrgnlMsgNmId></OrgnlGrpInf><OrgnlInstrId>I-1</OrgnlInstrId>"
        "<TxCxlSts>RJCR</TxCxlSts><CxlStsRsnInf><Rsn><Cd>CUST</Cd></Rsn></CxlStsRsnInf>"
        '<OrgnlIntrBkSttlmAmt Ccy="KES">7.00</OrgnlIntrBkSttlmAmt></TxInfAndSts></CxlDtls>'
    )
    rows = answers("camt.029.001.09", "RsltnOfInvstgtn", content)
    assert rows["kind"].unique().to_list() == ["cancellation"]
    assert rows.select(SAID).rows() == [
        ("file", "RJCR", None, None, None, None),
        ("transaction", "RJCR", "M-1", "I-1", "CUST", 700),
    ]
