"""pacs.009.001.08: what a bank pays a bank, on its own behalf (core) or as cover (cov).

Belongs here: where each column of a payment stands. Debtor and creditor are banks: the agent columns
of a side identify and name it, and its account is its own. In a cover payment the banks are the
customers' own, and debtor and creditor of the batch stand in the underlying customer credit transfer.
"""

from collections.abc import Iterator

import polars as pl

from pipelines.settlement.iso20022.elements import Markup, Record, amount, element
from pipelines.settlement.iso20022.heads import document, group_header
from pipelines.settlement.iso20022.messages import Definition, line
from pipelines.settlement.iso20022.parties import (
    account,
    agent,
    agent_required,
    code,
    party,
)
from pipelines.settlement.iso20022.transactions import (
    payment_id,
    payment_type,
    remittance,
    settlement_date,
)
from pipelines.settlement.profile import Profile
from pipelines.settlement.writing import FileIdentity


def header(record: Record, profile: Profile) -> Markup | None:
    """GrpHdr."""
    return group_header(record, profile, total="TtlIntrBkSttlmAmt")


def core(record: Record, profile: Profile) -> Markup | None:
    """CdtTrfTxInf of a bank's own payment."""
    return line(
        "CdtTrfTxInf",
        *_settlement(record, profile),
        agent_required("Dbtr", record, "debtor_agent"),
        account("DbtrAcct", record, "debtor"),
        agent_required("Cdtr", record, "creditor_agent"),
        account("CdtrAcct", record, "creditor"),
        code("Purp", record, "purpose"),
        element("RmtInf", element("Ustrd", record("remittance"))),
    )


def cover(record: Record, profile: Profile) -> Markup | None:
    """CdtTrfTxInf that covers a customer credit transfer."""
    return line(
        "CdtTrfTxInf",
        *_settlement(record, profile),
        agent_required("Dbtr", record, "debtor_agent"),
        agent_required("Cdtr", record, "creditor_agent"),
        element(
            "UndrlygCstmrCdtTrf",
            element("UltmtDbtr", element("Nm", record("ultimate_debtor_name"))),
            party("Dbtr", record, "debtor"),
            account("DbtrAcct", record, "debtor"),
            agent_required("DbtrAgt", record, "debtor_agent"),
            agent_required("CdtrAgt", record, "creditor_agent"),
            party("Cdtr", record, "creditor"),
            account("CdtrAcct", record, "creditor"),
            element("UltmtCdtr", element("Nm", record("ultimate_creditor_name"))),
            remittance(record),
            amount(
                "InstdAmt", currency=record("instructed_currency"), value=record("instructed_amount")
            ),
        ),
    )


def _settlement(record: Record, profile: Profile) -> tuple[Markup | None, ...]:
    return (
        payment_id(record),
        payment_type(record, profile),
        amount("IntrBkSttlmAmt", currency=record("currency"), value=record("amount")),
        settlement_date(record, profile),
        agent("InstgAgt", record, "instructing_agent"),
        agent("InstdAgt", record, "instructed_agent"),
        agent("IntrmyAgt1", record, "intermediary"),
    )


CORE = Definition(
    name="pacs.009.001.08", root="FICdtTrf", header=header, record=core, ignored=("execution_date",)
)
COVER = Definition(
    name="pacs.009.001.08", root="FICdtTrf", header=header, record=cover, ignored=("execution_date",)
)


def write_core(payments: pl.DataFrame, *, identity: FileIdentity, profile: Profile) -> Iterator[bytes]:
    """pacs.009.001.08 of banks' own payments (`PAYMENT_BATCH`), in pieces. Raises `FileRefused`."""
    return document(CORE, payments, identity=identity, profile=profile)


def write_cover(payments: pl.DataFrame, *, identity: FileIdentity, profile: Profile) -> Iterator[bytes]:
    """pacs.009.001.08 that covers payments (`PAYMENT_BATCH`), in pieces. Raises `FileRefused`."""
    return document(COVER, payments, identity=identity, profile=profile)
