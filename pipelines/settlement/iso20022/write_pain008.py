"""pain.008.001.08: what a creditor asks its bank to collect; with its profiles, SEPA direct debits.

Belongs here: where each column of a payment stands. Collections that agree in creditor, date, payment
type, sequence and scheme id are one PmtInf, in the order of their first. Source: the ISO 20022 message
definition of the 2019 release; its element order is that of CustomerDirectDebitInitiationV08.
"""

from collections.abc import Iterator

import polars as pl

from pipelines.settlement.iso20022.elements import (
    NOT_PROVIDED,
    Markup,
    Record,
    amount,
    constant,
    element,
    otherwise,
    sequence,
)
from pipelines.settlement.iso20022.heads import document
from pipelines.settlement.iso20022.messages import Definition, Group, line
from pipelines.settlement.iso20022.parties import account, agent_required, code, initiator, party
from pipelines.settlement.iso20022.transactions import remittance
from pipelines.settlement.payment_batch import PAYMENT_BATCH
from pipelines.settlement.profile import Profile
from pipelines.settlement.writing import FileIdentity


def header(record: Record, profile: Profile) -> Markup | None:
    """GrpHdr."""
    return line(
        "GrpHdr",
        element("MsgId", record("message_id")),
        element("CreDtTm", record("created_at")),
        element("NbOfTxs", record("transactions")),
        element("CtrlSum", record("control_sum")),
        initiator(record),
    )


def instruction(record: Record, profile: Profile) -> Markup | None:
    """PmtInf up to its transactions."""
    scheme = profile.settings.get("creditor_scheme")
    named = element("SchmeNm", element("Prtry", constant(str(scheme)))) if scheme is not None else None
    creditor = record("creditor_scheme_id")
    other = None if creditor is None else element("Othr", element("Id", creditor), named)
    return sequence(
        constant("<PmtInf>"),
        element("PmtInfId", record("group_id")),
        constant("<PmtMtd>DD</PmtMtd>"),
        element("NbOfTxs", record("group_transactions")),
        element("CtrlSum", record("group_sum")),
        element(
            "PmtTpInf",
            code("SvcLvl", record, "service_level"),
            element("LclInstrm", element("Cd", record("local_instrument"))),
            element("SeqTp", record("sequence_type")),
            code("CtgyPurp", record, "category_purpose"),
        ),
        element("ReqdColltnDt", record("execution_date")),
        party("Cdtr", record, "creditor"),
        account("CdtrAcct", record, "creditor"),
        agent_required("CdtrAgt", record, "creditor_agent"),
        element("UltmtCdtr", element("Nm", record("ultimate_creditor_name"))),
        element("ChrgBr", record("charge_bearer")),
        element("CdtrSchmeId", element("Id", element("PrvtId", other))),
        constant("\n"),
    )


def transaction(record: Record, profile: Profile) -> Markup | None:
    """DrctDbtTxInf."""
    mandate = element(
        "MndtRltdInf",
        element("MndtId", record("mandate_id")),
        element("DtOfSgntr", record("mandate_signed_on")),
    )
    return line(
        "DrctDbtTxInf",
        element(
            "PmtId",
            element("InstrId", record("instruction_id")),
            element("EndToEndId", otherwise(record("end_to_end_id"), NOT_PROVIDED)),
            element("UETR", record("uetr")),
        ),
        amount("InstdAmt", currency=record("currency"), value=record("amount")),
        element("DrctDbtTx", mandate),
        agent_required("DbtrAgt", record, "debtor_agent"),
        party("Dbtr", record, "debtor"),
        account("DbtrAcct", record, "debtor"),
        element("UltmtDbtr", element("Nm", record("ultimate_debtor_name"))),
        code("Purp", record, "purpose"),
        remittance(record),
    )


COLLECTION = Definition(
    name="pain.008.001.08",
    root="CstmrDrctDbtInitn",
    header=header,
    record=transaction,
    group=Group(
        by=(
            "execution_date",
            *(name for name in PAYMENT_BATCH if name.startswith("creditor_")),
            "ultimate_creditor_name",
            *("service_level", "local_instrument", "sequence_type", "category_purpose", "charge_bearer"),
        ),
        opening=instruction,
        closing="</PmtInf>",
    ),
    required=("debtor_account", "creditor_account"),
)


def write(payments: pl.DataFrame, *, identity: FileIdentity, profile: Profile) -> Iterator[bytes]:
    """pain.008.001.08 of collections (`PAYMENT_BATCH`), in pieces. Raises `FileRefused`."""
    return document(COLLECTION, payments, identity=identity, profile=profile)
