"""Elements of entries of statements, reports and notifications: camt.052, camt.053, camt.054.

Belongs here: paths only, of versions 01 to 14 together: an element that a version lacks is not found.
"""

from pipelines.settlement.iso20022.read_columns import Column, Columns

_PARTY = ("{}/Nm", "{}/Pty/Nm", "{}/Agt/FinInstnId/Nm", "{}/Agt/FinInstnId/BICFI")
_ACCOUNT = (
    "{}Acct/Id/IBAN",
    "{}Acct/Id/Othr/Id",
    "{}Acct/Id/PrtryAcct/Id",
    "{}Acct/Id/BBAN",
    "{}Acct/Id/UPIC",
    "{}Acct/Prxy/Id",
)
_AGENT = (
    "{}Agt/FinInstnId/BICFI",
    "{}Agt/FinInstnId/BIC",
    "{}Agt/FinInstnId/ClrSysMmbId/MmbId",
    "{}Agt/FinInstnId/ClrSysMmbId/Id",
    "{}Agt/FinInstnId/Nm",
    "{}Agt/FinInstnId/NmAndAdr/Nm",
    "{}Agt/FinInstnId/CmbndId/BIC",
    "{}Agt/FinInstnId/Othr/Id",
)


def _of(patterns: tuple[str, ...], *, within: str, roles: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"D/{within}/{pattern.format(role)}" for role in roles for pattern in patterns)


def _counterparty(name: str, role: str) -> tuple[Column, ...]:
    return (
        Column(f"{name}_name", _of(_PARTY, within="RltdPties", roles=(role, f"Ultmt{role}"))),
        Column(f"{name}_account", _of(_ACCOUNT, within="RltdPties", roles=(role,))),
        Column(f"{name}_agent", _of(_AGENT, within="RltdAgts", roles=(role,))),
    )


ENTRIES = Columns(
    (
        Column(
            "amount",
            ("Amt",),
            money=True,
            detail=("D/Amt", "D/AmtDtls/TxAmt/Amt", "D/AmtDtls/InstdAmt/Amt"),
        ),
        Column("direction", ("CdtDbtInd",), detail=("D/CdtDbtInd",)),
        Column("reversal", ("RvslInd",), detail=()),
        Column("status", ("Sts", "Sts/Cd", "Sts/Prtry"), detail=()),
        Column("booking_date", ("BookgDt/Dt", "BookgDt/DtTm"), detail=()),
        Column("value_date", ("ValDt/Dt", "ValDt/DtTm"), detail=()),
        Column("domain", ("BkTxCd/Domn/Cd", "D/BkTxCd/Domn/Cd")),
        Column("family", ("BkTxCd/Domn/Fmly/Cd", "D/BkTxCd/Domn/Fmly/Cd")),
        Column("subfamily", ("BkTxCd/Domn/Fmly/SubFmlyCd", "D/BkTxCd/Domn/Fmly/SubFmlyCd")),
        Column("own_code", ("BkTxCd/Prtry/Cd", "D/BkTxCd/Prtry/Cd", "TxCd")),
        Column("bank_reference", ("AcctSvcrRef", "D/Refs/AcctSvcrRef", "NtryRef")),
        Column("instruction_id", ("D/Refs/InstrId",)),
        Column("end_to_end_id", ("D/Refs/EndToEndId",)),
        Column("transaction_id", ("D/Refs/TxId",)),
        Column("uetr", ("D/Refs/UETR",)),
        Column("mandate_id", ("D/Refs/MndtId",)),
        *_counterparty("debtor", "Dbtr"),
        *_counterparty("creditor", "Cdtr"),
        Column(
            "remittance",
            (
                "D/RmtInf/Ustrd",
                "D/RmtInf/Strd/CdtrRefInf/Ref",
                "D/RmtInf/Strd/CdtrRefInf/CdtrRef",
                "D/RmtInf/Strd/AddtlRmtInf",
            ),
            gathered=True,
        ),
        Column(
            "reason_code",
            ("D/RtrInf/Rsn/Cd", "D/RtrInf/Rsn/Prtry", "D/RtrInf/RtrRsn/Cd", "D/RtrInf/RtrRsn/Prtry"),
        ),
        Column("original", ("D/AmtDtls/InstdAmt/Amt", "AmtDtls/InstdAmt/Amt"), money=True),
        Column(
            "charges",
            (
                "Chrgs/TtlChrgsAndTaxAmt",
                "D/Chrgs/TtlChrgsAndTaxAmt",
                "Chrgs/Amt",
                "D/Chrgs/Amt",
                "Chrgs/Rcrd/Amt",
                "D/Chrgs/Rcrd/Amt",
            ),
            money=True,
        ),
        Column(
            "charges_included",
            (
                "Chrgs/Rcrd/ChrgInclInd",
                "D/Chrgs/Rcrd/ChrgInclInd",
                "Chrgs/ChrgInclInd",
                "D/Chrgs/ChrgInclInd",
            ),
        ),
        Column("information", ("AddtlNtryInf", "D/AddtlTxInf"), gathered=True),
    ),
    required=("amount", "direction", "status"),
)
"""Texts of an entry; `read_entries` makes the table's columns of them."""

ACCOUNT = (
    "Acct/Id/IBAN",
    "Acct/Id/Othr/Id",
    "Acct/Id/PrtryAcct/Id",
    "Acct/Id/BBAN",
    "Acct/Id/UPIC",
    "Acct/Prxy/Id",
)
"""Whose statement it is, within the statement."""
