"""Elements of payments: pain.001, pain.008, pacs.003, pacs.004, pacs.008, pacs.009, camt.056, pacs.028.

Belongs here: paths only. All messages of a kind share parties, agents and references; where they
differ, the path that a message lacks is not found. What a group says of all its payments is taken for
those that do not say otherwise.
"""

from pipelines.settlement.iso20022.read_columns import Column, Columns

_NAMES = ("{}/Nm", "{}/Pty/Nm")
_IDS = tuple(
    f"{{}}{party}/Id/{kind}/{element}"
    for party in ("", "/Pty")
    for kind, elements in (
        ("OrgId", ("Othr/Id", "PrtryId/Id", "LEI", "AnyBIC", "BICOrBEI")),
        ("PrvtId", ("Othr/Id", "OthrId/Id")),
    )
    for element in elements
)
_ACCOUNTS = (
    "{}Acct/Id/IBAN",
    "{}Acct/Id/Othr/Id",
    "{}Acct/Id/PrtryAcct/Id",
    "{}Acct/Id/BBAN",
    "{}Acct/Prxy/Id",
)
_ADDRESS = {
    "street": "StrtNm",
    "building": "BldgNb",
    "postcode": "PstCd",
    "town": "TwnNm",
    "country": "Ctry",
}
_AGENT = {
    "bic": ("FinInstnId/BICFI", "FinInstnId/BIC", "FinInstnId/CmbndId/BIC"),
    "clearing": ("FinInstnId/ClrSysMmbId/ClrSysId/Cd", "FinInstnId/ClrSysMmbId/ClrSysId/Prtry"),
    "member": ("FinInstnId/ClrSysMmbId/MmbId", "FinInstnId/ClrSysMmbId/Id"),
    "name": ("FinInstnId/Nm", "FinInstnId/NmAndAdr/Nm"),
}


def _paths(patterns: tuple[str, ...], roles: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(pattern.format(role) for role in roles for pattern in patterns)


def _party(name: str, role: str, within: tuple[str, ...]) -> tuple[Column, ...]:
    """A party, its account and its bank; in bank transfers the party is the bank itself.

    `within`: elements that hold it instead of the record: `RtrChain/`, `OrgnlTxRef/`.
    """
    roles = tuple(f"{holder}{role}" for holder in within)
    groups = tuple(f"PmtInf/{role}" for _ in within[:1])
    agents = (*roles, *(f"{role}/Agt" for role in roles), *(f"{role}Agt" for role in roles))
    group_agents = tuple(f"{role}Agt" for role in groups)

    def column(suffix: str, patterns: tuple[str, ...]) -> Column:
        return Column(f"{name}_{suffix}", _paths(patterns, roles), _paths(patterns, groups))

    return (
        column("name", _NAMES),
        column("id", _IDS),
        *(
            column(suffix, (f"{{}}/PstlAdr/{element}", f"{{}}/Pty/PstlAdr/{element}"))
            for suffix, element in _ADDRESS.items()
        ),
        column("account", _ACCOUNTS),
        *(
            Column(
                f"{name}_agent_{suffix}",
                _paths(tuple(f"{{}}/{element}" for element in elements), agents),
                _paths(tuple(f"{{}}/{element}" for element in elements), group_agents),
            )
            for suffix, elements in _AGENT.items()
        ),
    )


def _codes(name: str, element: str, within: tuple[str, ...]) -> Column:
    """A code of `PmtTpInf`, the scheme's external one or its own."""
    patterns = (f"{{}}PmtTpInf/{element}/Cd", f"{{}}PmtTpInf/{element}/Prtry")
    return Column(name, _paths(patterns, within), _paths(patterns, ("PmtInf/", "GrpHdr/")))


def _payment(within: tuple[str, ...] = ("",)) -> tuple[Column, ...]:
    """What all payments share, in `within`."""
    return (
        _codes("service_level", "SvcLvl", within),
        _codes("local_instrument", "LclInstrm", within),
        _codes("category_purpose", "CtgyPurp", within),
        Column("purpose", _paths(("{}Purp/Cd", "{}Purp/Prtry"), within)),
        *_party("debtor", "Dbtr", within),
        *_party("creditor", "Cdtr", within),
        Column(
            "ultimate_debtor_name",
            _paths(("{}UltmtDbtr/Nm", "{}UltmtDbtr/Pty/Nm"), within),
            ("PmtInf/UltmtDbtr/Nm",),
        ),
        Column(
            "ultimate_creditor_name",
            _paths(("{}UltmtCdtr/Nm", "{}UltmtCdtr/Pty/Nm"), within),
            ("PmtInf/UltmtCdtr/Nm",),
        ),
        Column(
            "intermediary_bic",
            _paths(("{}IntrmyAgt1/FinInstnId/BICFI", "{}IntrmyAgt1/FinInstnId/BIC"), within),
        ),
        Column("remittance", _paths(("{}RmtInf/Ustrd",), within), joined=True),
        Column(
            "remittance_reference",
            _paths(("{}RmtInf/Strd/CdtrRefInf/Ref", "{}RmtInf/Strd/CdtrRefInf/CdtrRef"), within),
        ),
    )


_IDENTIFIED = (
    Column("instruction_id", ("PmtId/InstrId",)),
    Column("end_to_end_id", ("PmtId/EndToEndId",)),
    Column("transaction_id", ("PmtId/TxId",)),
    Column("uetr", ("PmtId/UETR",)),
)
_CHARGES = Column("charge_bearer", ("ChrgBr",), ("PmtInf/ChrgBr", "GrpHdr/ChrgBr"))
_INSTRUCTED = Column("instructed", ("InstdAmt", "UndrlygCstmrCdtTrf/InstdAmt"), money=True)
_RATE = Column("exchange_rate", ("XchgRate",))
_MANDATE = tuple(
    Column(name, tuple(f"{holder}{path}" for holder in ("", "OrgnlTxRef/") for path in paths), around)
    for name, paths, around in (
        (
            "mandate_id",
            ("DrctDbtTx/MndtRltdInf/MndtId", "MndtRltdInf/MndtId", "MndtRltdInf/DrctDbtMndt/MndtId"),
            (),
        ),
        (
            "mandate_signed_on",
            (
                "DrctDbtTx/MndtRltdInf/DtOfSgntr",
                "MndtRltdInf/DtOfSgntr",
                "MndtRltdInf/DrctDbtMndt/DtOfSgntr",
            ),
            (),
        ),
        ("sequence_type", ("PmtTpInf/SeqTp",), ("PmtInf/PmtTpInf/SeqTp", "GrpHdr/PmtTpInf/SeqTp")),
        (
            "creditor_scheme_id",
            (
                "DrctDbtTx/CdtrSchmeId/Id/PrvtId/Othr/Id",
                "DrctDbtTx/CdtrSchmeId/Id/OrgId/Othr/Id",
                "DrctDbtTx/CdtrSchmeId/Id/PrvtId/OthrId/Id",
                "CdtrSchmeId/Id/PrvtId/Othr/Id",
                "CdtrSchmeId/Id/OrgId/Othr/Id",
            ),
            (
                "PmtInf/CdtrSchmeId/Id/PrvtId/Othr/Id",
                "PmtInf/CdtrSchmeId/Id/OrgId/Othr/Id",
                "PmtInf/CdtrSchmeId/Id/PrvtId/OthrId/Id",
            ),
        ),
    )
)
_EXECUTED = (
    "PmtInf/ReqdExctnDt/Dt",
    "PmtInf/ReqdExctnDt/DtTm",
    "PmtInf/ReqdExctnDt",
    "PmtInf/ReqdColltnDt",
)
_ORIGINAL = (
    Column(
        "original_message_id",
        ("OrgnlGrpInf/OrgnlMsgId",),
        ("OrgnlGrpInf/OrgnlMsgId", "Undrlyg/OrgnlGrpInfAndCxl/OrgnlMsgId"),
    ),
    Column(
        "original_message_type",
        ("OrgnlGrpInf/OrgnlMsgNmId",),
        ("OrgnlGrpInf/OrgnlMsgNmId", "Undrlyg/OrgnlGrpInfAndCxl/OrgnlMsgNmId"),
    ),
    Column("original_instruction_id", ("OrgnlInstrId",)),
    Column("original_end_to_end_id", ("OrgnlEndToEndId",)),
    Column("original_transaction_id", ("OrgnlTxId",)),
    Column("original_uetr", ("OrgnlUETR",)),
    Column("original", ("OrgnlIntrBkSttlmAmt", "OrgnlTxRef/IntrBkSttlmAmt"), money=True),
    Column("original_settlement_date", ("OrgnlIntrBkSttlmDt", "OrgnlTxRef/IntrBkSttlmDt")),
)


def _reason(element: str) -> tuple[Column, ...]:
    return (
        Column(
            "reason_code",
            (f"{element}/Rsn/Cd", f"{element}/Rsn/Prtry"),
            (f"Undrlyg/OrgnlGrpInfAndCxl/{element}/Rsn/Cd", f"GrpHdr/{element}/Rsn/Cd"),
        ),
        Column("reason_text", (f"{element}/AddtlInf",), joined=True),
    )


TRANSFERS = Columns(
    (
        *_IDENTIFIED,
        Column("amount", ("IntrBkSttlmAmt",), money=True),
        Column("execution_date", ("IntrBkSttlmDt",), ("GrpHdr/IntrBkSttlmDt",)),
        *(_INSTRUCTED, _RATE, _CHARGES, *_MANDATE, *_payment(("UndrlygCstmrCdtTrf/", ""))),
    ),
    required=("amount", "end_to_end_id"),
)
"""pacs.003, pacs.008 and pacs.009; the parties of a cover are those of the customers' transfer."""

INITIATIONS = Columns(
    (
        *_IDENTIFIED,
        Column("amount", ("Amt/InstdAmt", "Amt/EqvtAmt/Amt", "InstdAmt"), money=True),
        Column("execution_date", (), _EXECUTED),
        Column("exchange_rate", ("XchgRateInf/XchgRate",)),
        *(_CHARGES, *_MANDATE, *_payment()),
    ),
    required=("amount", "end_to_end_id", "execution_date"),
)
"""pain.001 and pain.008."""

RETURNS = Columns(
    (
        Column("instruction_id", ("RtrId",)),
        Column("amount", ("RtrdIntrBkSttlmAmt",), money=True),
        Column("execution_date", ("IntrBkSttlmDt",), ("GrpHdr/IntrBkSttlmDt",)),
        Column("instructed", ("RtrdInstdAmt",), money=True),
        *(_RATE, _CHARGES, *_ORIGINAL, *_reason("RtrRsnInf"), *_MANDATE),
        *_payment(("RtrChain/", "OrgnlTxRef/")),
    ),
    required=("amount",),
)
"""pacs.004."""

RECALLS = Columns(
    (
        Column("instruction_id", ("CxlId", "RvslId")),
        Column(
            "amount", ("OrgnlIntrBkSttlmAmt", "OrgnlTxRef/IntrBkSttlmAmt", "OrgnlInstdAmt"), money=True
        ),
        Column("execution_date", ("OrgnlIntrBkSttlmDt", "OrgnlTxRef/IntrBkSttlmDt")),
        *(*_ORIGINAL, *_reason("CxlRsnInf"), *_MANDATE, *_payment(("OrgnlTxRef/",))),
    )
)
"""camt.056: the amount is what was sent."""

INQUIRIES = Columns(
    (
        Column("instruction_id", ("StsReqId",)),
        Column("amount", ("OrgnlTxRef/IntrBkSttlmAmt",), money=True),
        Column("execution_date", ("OrgnlTxRef/IntrBkSttlmDt",)),
        *(*_ORIGINAL, *_payment(("OrgnlTxRef/",))),
    )
)
"""pacs.028."""

MOVEMENTS = Columns(
    (
        Column("instruction_id", ("Id",)),
        Column("transaction_id", ("SeqNb",)),
        Column("end_to_end_id", (), ("SttlmReq/InstrId",)),
        Column("direction", ("Amt/CdtDbt",)),
        Column("amount", ("Amt/Amt",), money=True),
        Column("creditor_name", ("SttlmAgt/Nm",)),
        Column("creditor_agent_bic", ("SttlmAgt/Id/OrgId/AnyBIC",)),
        Column("creditor_id", ("SttlmAgt/Id/OrgId/Othr/Id",)),
        Column("creditor_account", ("SttlmAcct/Id/IBAN", "SttlmAcct/Id/Othr/Id")),
    ),
    required=("amount",),
)
"""pacs.029: one settlement agent's movement; that of a debit is told as its debtor's."""

REPORT_REQUESTS = Columns(
    (
        Column("instruction_id", ("Id",)),
        Column("original_message_type", ("ReqdMsgNmId",)),
        Column("debtor_name", ("AcctOwnr/Pty/Nm", "AcctOwnr/Agt/FinInstnId/Nm")),
        Column("debtor_account", ("Acct/Id/IBAN", "Acct/Id/Othr/Id")),
        Column("debtor_agent_bic", ("AcctSvcr/FinInstnId/BICFI", "AcctOwnr/Agt/FinInstnId/BICFI")),
        Column("execution_date", ("RptgPrd/FrToDt/FrDt",)),
    )
)
"""camt.060: asks for a statement of `original_message_type` from `execution_date` on; no money."""
