"""Files as clients send them to a bank, and what it then shows."""

import uuid
from collections.abc import Sequence
from hashlib import sha256

from pipelines.simulation.bank.bank import SimulatedBank


def pacs008(
    message_id: str,
    amounts: Sequence[str],
    *,
    currency: str = "KES",
    creditor_accounts: Sequence[str] = (),
    declared: int | None = None,
) -> bytes:
    """A pacs.008.001.08 with one payment for each amount."""
    payments = []
    for number, amount in enumerate(amounts, 1):
        creditor = creditor_accounts[number - 1] if creditor_accounts else f"ELSEWHERE-{number}"
        uetr = uuid.UUID(bytes=sha256(f"{message_id}{number}".encode()).digest()[:16], version=4)
        payments.append(
            f"<CdtTrfTxInf><PmtId><InstrId>{message_id}-I{number}</InstrId>"
            f"<EndToEndId>{message_id}-E{number}</EndToEndId><TxId>{message_id}-T{number}</TxId>"
            f"<UETR>{uetr}</UETR></PmtId>"
            f'<IntrBkSttlmAmt Ccy="{currency}">{amount}</IntrBkSttlmAmt>'
            "<IntrBkSttlmDt>2024-03-11</IntrBkSttlmDt><ChrgBr>SLEV</ChrgBr>"
            "<InstgAgt><FinInstnId><BICFI>WEKZKENAXXX</BICFI></FinInstnId></InstgAgt>"
            "<Dbtr><Nm>Otieno &amp; Sons</Nm></Dbtr>"
            "<DbtrAcct><Id><Othr><Id>D-1</Id></Othr></Id></DbtrAcct>"
            "<DbtrAgt><FinInstnId><BICFI>WEKZKENAXXX</BICFI></FinInstnId></DbtrAgt>"
            "<CdtrAgt><FinInstnId><BICFI>EQTRKENAXXX</BICFI></FinInstnId></CdtrAgt>"
            f"<Cdtr><Nm>Créditrice {number}</Nm></Cdtr>"
            f"<CdtrAcct><Id><Othr><Id>{creditor}</Id></Othr></Id></CdtrAcct>"
            f"<RmtInf><Ustrd>invoice {number} &lt;paid&gt;</Ustrd></RmtInf></CdtTrfTxInf>"
        )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08"><FIToFICstmrCdtTrf>'
        f"<GrpHdr><MsgId>{message_id}</MsgId><CreDtTm>2024-03-11T08:00:00Z</CreDtTm>"
        f"<NbOfTxs>{len(amounts) if declared is None else declared}</NbOfTxs>"
        "<SttlmInf><SttlmMtd>CLRG</SttlmMtd></SttlmInf></GrpHdr>"
        f"{''.join(payments)}</FIToFICstmrCdtTrf></Document>"
    ).encode()


def pain001(message_id: str, batches: dict[str, Sequence[str]], *, debtor: str = "CUST-1") -> bytes:
    """A pain.001.001.09 with a PmtInf for each batch."""
    written, count = [], 0
    for batch_id, amounts in batches.items():
        payments = []
        for amount in amounts:
            count += 1
            payments.append(
                f"<CdtTrfTxInf><PmtId><InstrId>{message_id}-{count}</InstrId>"
                f"<EndToEndId>NOTPROVIDED</EndToEndId></PmtId>"
                f'<Amt><InstdAmt Ccy="KES">{amount}</InstdAmt></Amt><Cdtr><Nm>C</Nm></Cdtr>'
                f"<CdtrAcct><Id><Othr><Id>ELSEWHERE</Id></Othr></Id></CdtrAcct></CdtTrfTxInf>"
            )
        written.append(
            f"<PmtInf><PmtInfId>{batch_id}</PmtInfId><PmtMtd>TRF</PmtMtd>"
            "<ReqdExctnDt><Dt>2024-03-11</Dt></ReqdExctnDt><Dbtr><Nm>D</Nm></Dbtr>"
            f"<DbtrAcct><Id><Othr><Id>{debtor}</Id></Othr></Id></DbtrAcct>"
            "<DbtrAgt><FinInstnId><BICFI>EQTRKENAXXX</BICFI></FinInstnId></DbtrAgt>"
            f"{''.join(payments)}</PmtInf>"
        )
    return (
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"><CstmrCdtTrfInitn>'
        f"<GrpHdr><MsgId>{message_id}</MsgId><CreDtTm>2024-03-11T08:00:00Z</CreDtTm>"
        f"<NbOfTxs>{count}</NbOfTxs><InitgPty><Nm>D</Nm></InitgPty></GrpHdr>"
        f"{''.join(written)}</CstmrCdtTrfInitn></Document>"
    ).encode()


def camt056(case_id: str, message_id: str, transaction_ids: Sequence[str]) -> bytes:
    """A camt.056.001.08 that calls payments back."""
    agent = "<Agt><FinInstnId><BICFI>{}</BICFI></FinInstnId></Agt>"
    payments = "".join(
        f"<TxInf><CxlId>{case_id}-{number}</CxlId><OrgnlGrpInf><OrgnlMsgId>{message_id}</OrgnlMsgId>"
        f"<OrgnlMsgNmId>pacs.008.001.08</OrgnlMsgNmId></OrgnlGrpInf><OrgnlTxId>{transaction}</OrgnlTxId>"
        "</TxInf>"
        for number, transaction in enumerate(transaction_ids, 1)
    )
    return (
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.056.001.08"><FIToFIPmtCxlReq>'
        f"<Assgnmt><Id>{case_id}</Id><Assgnr>{agent.format('WEKZKENAXXX')}</Assgnr>"
        f"<Assgne>{agent.format('EQTRKENAXXX')}</Assgne><CreDtTm>2024-03-11T10:00:00Z</CreDtTm></Assgnmt>"
        f"<Undrlyg>{payments}</Undrlyg></FIToFIPmtCxlReq></Document>"
    ).encode()


def sent(bank: SimulatedBank, content: bytes, name: str = "file.xml") -> dict[str, list[bytes]]:
    """What shows after a file was received: contents by message type."""
    before = len(bank.answers())
    bank.receive(content, name=name, file_id=name, transport="folder")
    return shown(bank, before)


def shown(bank: SimulatedBank, before: int = 0) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for answer in bank.answers()[before:]:
        found.setdefault(answer.message_type, []).append(bank.content(answer))
    return found
