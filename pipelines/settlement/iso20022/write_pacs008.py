"""pacs.008.001.08 and .10: customer credit transfers between banks.

Belongs here: where each column of a payment stands in a CdtTrfTxInf. What we write is the same in both
versions. The settlement date stands in each transaction unless the profile sets
`settlement_date: header`.
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
    refuse_rates,
    remittance,
    settlement_date,
)
from pipelines.settlement.profile import Profile
from pipelines.settlement.writing import FileIdentity


def header(record: Record, profile: Profile) -> Markup | None:
    """GrpHdr."""
    return group_header(record, profile, total="TtlIntrBkSttlmAmt")


def transaction(record: Record, profile: Profile) -> Markup | None:
    """CdtTrfTxInf."""
    return line(
        "CdtTrfTxInf",
        payment_id(record),
        payment_type(record, profile),
        amount("IntrBkSttlmAmt", currency=record("currency"), value=record("amount")),
        settlement_date(record, profile),
        amount("InstdAmt", currency=record("instructed_currency"), value=record("instructed_amount")),
        element("XchgRate", record("exchange_rate")),
        element("ChrgBr", record("charge_bearer")),
        agent("InstgAgt", record, "instructing_agent"),
        agent("InstdAgt", record, "instructed_agent"),
        agent("IntrmyAgt1", record, "intermediary"),
        element("UltmtDbtr", element("Nm", record("ultimate_debtor_name"))),
        party("Dbtr", record, "debtor"),
        account("DbtrAcct", record, "debtor"),
        agent_required("DbtrAgt", record, "debtor_agent"),
        agent_required("CdtrAgt", record, "creditor_agent"),
        party("Cdtr", record, "creditor"),
        account("CdtrAcct", record, "creditor"),
        element("UltmtCdtr", element("Nm", record("ultimate_creditor_name"))),
        code("Purp", record, "purpose"),
        remittance(record),
    )


V08 = Definition(
    name="pacs.008.001.08",
    root="FIToFICstmrCdtTrf",
    header=header,
    record=transaction,
    required=("charge_bearer",),
    ignored=("execution_date",),
)
V10 = Definition(
    name="pacs.008.001.10",
    root="FIToFICstmrCdtTrf",
    header=header,
    record=transaction,
    required=("charge_bearer",),
    ignored=("execution_date",),
)


def write_v08(payments: pl.DataFrame, *, identity: FileIdentity, profile: Profile) -> Iterator[bytes]:
    """pacs.008.001.08 of payments (`PAYMENT_BATCH`), in pieces. Raises `FileRefused`."""
    return document(V08, refuse_rates(payments), identity=identity, profile=profile)


def write_v10(payments: pl.DataFrame, *, identity: FileIdentity, profile: Profile) -> Iterator[bytes]:
    """pacs.008.001.10 of payments (`PAYMENT_BATCH`), in pieces. Raises `FileRefused`."""
    return document(V10, refuse_rates(payments), identity=identity, profile=profile)
