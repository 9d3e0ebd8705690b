"""The messages that are read: their versions, where their records stand, and what is declared of them.

Belongs here: one row a message. A new version of a message is one more in its `versions`; elements
that are new in it are paths in the columns of its records.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from pipelines.settlement.iso20022.read_answer_columns import (
    BATCH_CANCELLATION,
    BATCH_STATUS,
    CASE_STATUS,
    GROUP_CANCELLATION,
    GROUP_STATUS,
    TRANSACTION_CANCELLATION,
    TRANSACTION_STATUS,
)
from pipelines.settlement.iso20022.read_columns import Columns
from pipelines.settlement.iso20022.read_entry_columns import ACCOUNT, ENTRIES
from pipelines.settlement.iso20022.read_payment_columns import (
    INITIATIONS,
    INQUIRIES,
    MOVEMENTS,
    RECALLS,
    REPORT_REQUESTS,
    RETURNS,
    TRANSFERS,
)


@dataclass(frozen=True, slots=True)
class Declared:
    """A count and a sum that a message states of its records."""

    at: str
    """The element that they are in, from the message down; it is checked when its holder ends."""
    count: str | None
    total: str | None
    net: str | None = None
    """The sum of credits less debits; its sign in `CdtDbtInd` beside it."""
    direction: str | None = None
    """C or D: only of entries that way."""


@dataclass(frozen=True)
class Message:
    """How one message definition is read."""

    table: str
    """payments, entries or answers."""
    versions: range
    records: Mapping[str, Columns]
    """By path; of several in one place the last is the one that comes by the thousand."""
    containers: Mapping[str, Columns | None] = field(default_factory=dict)
    """Groups of records that are numbered; with columns, they are records themselves."""
    header: str = "GrpHdr"
    required: tuple[str, ...] = ()
    """Without any of these elements the message says nothing, and is not one."""
    declared: tuple[Declared, ...] = ()
    statement: str | None = None
    """The container that is a statement: with id, account, balances, and entries in `TxDtls`."""

    @cached_property
    def fast(self) -> Mapping[str, tuple[str, str]]:
        """By the path around it: the path and name of the record that comes by the thousand."""
        return {path.rpartition("/")[0]: (path, path.rpartition("/")[2]) for path in self.records}

    @cached_property
    def outer_interest(self) -> frozenset[str]:
        """Paths outside of records that anything is read from."""
        every = [*self.records.values(), *(kept for kept in self.containers.values() if kept)]
        paths = {path for columns in every for path in columns.outer_interest}
        for container, columns in self.containers.items():
            paths |= {f"{container}/{path}" for path in (columns.interest if columns else ())}
        for one in self.declared:
            paths |= {f"{one.at}/{name}" for name in (one.count, one.total, one.net) if name}
            paths |= (
                {f"{one.at}/{one.net.rpartition('/')[0]}/CdtDbtInd".replace("//", "/")}
                if one.net
                else set()
            )
        if self.statement:
            paths |= {f"{self.statement}/{path}" for path in ("Id", "CreDtTm", *ACCOUNT)}
        return frozenset(paths | {f"{self.header}/{path}" for path in _HEADER})


SENDERS = (
    "InstgAgt/FinInstnId/BICFI",
    "InstgAgt/FinInstnId/BIC",
    "MsgSndr/Agt/FinInstnId/BICFI",
    "Assgnr/Agt/FinInstnId/BICFI",
    "Assgnr/Agt/FinInstnId/BIC",
    "InitgPty/Nm",
    "MsgSndr/Pty/Nm",
    "Assgnr/Pty/Nm",
    "InitgPty/Id/OrgId/Othr/Id",
)
RECEIVERS = (
    "InstdAgt/FinInstnId/BICFI",
    "InstdAgt/FinInstnId/BIC",
    "Assgne/Agt/FinInstnId/BICFI",
    "Assgne/Agt/FinInstnId/BIC",
    "FwdgAgt/FinInstnId/BICFI",
    "MsgRcpt/Nm",
    "MsgRcpt/Id/OrgId/AnyBIC",
    "MsgRcpt/Id/OrgId/BICOrBEI",
    "Assgne/Pty/Nm",
)
_HEADER = ("MsgId", "Id", "CreDtTm", *SENDERS, *RECEIVERS)


def _statement(container: str, newest: int) -> Message:
    summary = f"{container}/TxsSummry"
    return Message(
        "entries",
        range(1, newest + 1),
        {f"{container}/Ntry": ENTRIES},
        containers={container: None},
        required=(container,),
        statement=container,
        declared=(
            Declared(f"{summary}/TtlNtries", "NbOfNtries", "Sum", net="TtlNetNtry/Amt"),
            Declared(f"{summary}/TtlNtries", None, None, net="TtlNetNtryAmt"),
            Declared(f"{summary}/TtlCdtNtries", "NbOfNtries", "Sum", direction="C"),
            Declared(f"{summary}/TtlDbtNtries", "NbOfNtries", "Sum", direction="D"),
        ),
    )


def _transfer(record: str, columns: Columns, newest: int, total: str = "TtlIntrBkSttlmAmt") -> Message:
    declared = (Declared("GrpHdr", "NbOfTxs", "CtrlSum"), Declared("GrpHdr", None, total))
    return Message(
        "payments", range(1, newest + 1), {record: columns}, required=(record,), declared=declared
    )


def _initiation(record: str, newest: int) -> Message:
    return Message(
        "payments",
        range(1, newest + 1),
        {f"PmtInf/{record}": INITIATIONS},
        containers={"PmtInf": None},
        required=("PmtInf",),
        declared=(Declared("GrpHdr", "NbOfTxs", "CtrlSum"), Declared("PmtInf", "NbOfTxs", "CtrlSum")),
    )


MESSAGES: Mapping[str, Message] = {
    "camt.052": _statement("Rpt", 14),
    "camt.053": _statement("Stmt", 14),
    "camt.054": _statement("Ntfctn", 14),
    "pacs.008": _transfer("CdtTrfTxInf", TRANSFERS, 14),
    "pacs.009": _transfer("CdtTrfTxInf", TRANSFERS, 13),
    "pacs.003": _transfer("DrctDbtTxInf", TRANSFERS, 11),
    "pacs.004": _transfer("TxInf", RETURNS, 14, total="TtlRtrdIntrBkSttlmAmt"),
    "pain.001": _initiation("CdtTrfTxInf", 13),
    "pain.008": _initiation("DrctDbtTxInf", 12),
    "pacs.028": Message(
        "payments", range(1, 7), {"TxInf": INQUIRIES}, required=("TxInf", "OrgnlGrpInf")
    ),
    "camt.056": Message(
        "payments",
        range(1, 12),
        {"Undrlyg/OrgnlPmtInfAndCxl/TxInf": RECALLS, "Undrlyg/TxInf": RECALLS},
        containers={"Undrlyg": None, "Undrlyg/OrgnlPmtInfAndCxl": None},
        header="Assgnmt",
        required=("Undrlyg",),
        declared=(Declared("CtrlData", "NbOfTxs", "CtrlSum"),),
    ),
    "camt.060": Message("payments", range(1, 8), {"RptgReq": REPORT_REQUESTS}, required=("RptgReq",)),
    "pacs.029": Message(
        "payments",
        range(1, 4),
        {"SttlmReq/MvmntRcrd": MOVEMENTS},
        containers={"SttlmReq": None},
        required=("SttlmReq",),
        declared=(Declared("SttlmReq", "NbOfMvmntRcrds", None),),
    ),
    "pacs.002": Message(
        "answers",
        range(1, 16),
        {"OrgnlGrpInfAndSts": GROUP_STATUS, "TxInfAndSts": TRANSACTION_STATUS},
        required=("OrgnlGrpInfAndSts", "TxInfAndSts"),
    ),
    "pain.002": Message(
        "answers",
        range(1, 15),
        {
            "OrgnlGrpInfAndSts": GROUP_STATUS,
            "OrgnlPmtInfAndSts/TxInfAndSts": TRANSACTION_STATUS,
            "TxInfAndSts": TRANSACTION_STATUS,
        },
        containers={"OrgnlPmtInfAndSts": BATCH_STATUS},
        required=("OrgnlGrpInfAndSts", "OrgnlPmtInfAndSts", "TxInfAndSts"),
    ),
    "camt.029": Message(
        "answers",
        range(1, 14),
        {
            "Sts": CASE_STATUS,
            "CxlDtls/OrgnlGrpInfAndSts": GROUP_CANCELLATION,
            "CxlDtls/OrgnlPmtInfAndSts/TxInfAndSts": TRANSACTION_CANCELLATION,
            "CxlDtls/TxInfAndSts": TRANSACTION_CANCELLATION,
        },
        containers={"CxlDtls": None, "CxlDtls/OrgnlPmtInfAndSts": BATCH_CANCELLATION},
        header="Assgnmt",
        required=("Sts", "CxlDtls"),
    ),
}
"""By message definition, without variant and version."""

NAMESPACE = re.compile(
    r"^urn:(?:iso:std:iso:20022:tech:xsd|swift:xsd):[$]?([a-z]{4}\.\d{3})\.(\d{3}\.\d{2})$"
)
"""A namespace of ISO 20022, and SWIFT's own form of it: the message, its variant and version."""
