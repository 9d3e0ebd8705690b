"""pain.001.001.09: what a customer instructs its bank to pay; with its profile, a SEPA credit transfer.

Belongs here: where each column of a payment stands. Payments that agree in debtor, date, payment type
and charge bearer are one PmtInf, in the order of their first.
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
from pipelines.settlement.iso20022.parties import account, agent, agent_required, code, initiator, party
from pipelines.settlement.iso20022.transactions import payment_type, remittance
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
    return sequence(
        constant("<PmtInf>"),
        element("PmtInfId", record("group_id")),
        constant("<PmtMtd>TRF</PmtMtd>"),
        element("NbOfTxs", record("group_transactions")),
        element("CtrlSum", record("group_sum")),
        payment_type(record, profile),
        element("ReqdExctnDt", element("Dt", record("execution_date"))),
        party("Dbtr", record, "debtor"),
        account("DbtrAcct", record, "debtor"),
        agent_required("DbtrAgt", record, "debtor_agent"),
        element("ChrgBr", record("charge_bearer")),
        constant("\n"),
    )


def transaction(record: Record, profile: Profile) -> Markup | None:
    """CdtTrfTxInf."""
    return line(
        "CdtTrfTxInf",
        element(
            "PmtId",
            element("InstrId", record("instruction_id")),
            element("EndToEndId", otherwise(record("end_to_end_id"), NOT_PROVIDED)),
            element("UETR", record("uetr")),
        ),
        element("Amt", amount("InstdAmt", currency=record("currency"), value=record("amount"))),
        element("UltmtDbtr", element("Nm", record("ultimate_debtor_name"))),
        agent("IntrmyAgt1", record, "intermediary"),
        agent("CdtrAgt", record, "creditor_agent"),
        party("Cdtr", record, "creditor"),
        account("CdtrAcct", record, "creditor"),
        element("UltmtCdtr", element("Nm", record("ultimate_creditor_name"))),
        code("Purp", record, "purpose"),
        remittance(record),
    )


INITIATION = Definition(
    name="pain.001.001.09",
    root="CstmrCdtTrfInitn",
    header=header,
    record=transaction,
    group=Group(
        by=(
            "execution_date",
            *(name for name in PAYMENT_BATCH if name.startswith("debtor_")),
            *("service_level", "local_instrument", "category_purpose", "charge_bearer"),
        ),
        opening=instruction,
        closing="</PmtInf>",
    ),
    required=("debtor_account",),
)


def write(payments: pl.DataFrame, *, identity: FileIdentity, profile: Profile) -> Iterator[bytes]:
    """pain.001.001.09 of payments (`PAYMENT_BATCH`), in pieces. Raises `FileRefused`."""
    return document(INITIATION, payments, identity=identity, profile=profile)
