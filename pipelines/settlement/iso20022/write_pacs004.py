"""pacs.004.001.09: returns of payments.

Belongs here: where each column stands in a TxInf. Debtor and creditor are those of the return: who had
been paid is its debtor. A return chain has no accounts, hence neither has a return.
"""

from collections.abc import Iterator

import polars as pl

from pipelines.settlement.iso20022.elements import Markup, Record, amount, element, otherwise, sequence
from pipelines.settlement.iso20022.heads import document, group_header
from pipelines.settlement.iso20022.messages import Definition, line
from pipelines.settlement.iso20022.originals import (
    original_references,
    reason,
    refuse_nameless_originals,
)
from pipelines.settlement.iso20022.parties import NO_PARTY, agent, party_content
from pipelines.settlement.iso20022.transactions import refuse_rates, settlement_date
from pipelines.settlement.profile import Profile
from pipelines.settlement.writing import FileIdentity


def header(record: Record, profile: Profile) -> Markup | None:
    """GrpHdr."""
    return group_header(record, profile, total="TtlRtrdIntrBkSttlmAmt")


def transaction(record: Record, profile: Profile) -> Markup | None:
    """TxInf."""
    currency = record("currency")
    return line(
        "TxInf",
        element("RtrId", record("instruction_id")),
        *original_references(record),
        amount("OrgnlIntrBkSttlmAmt", currency=currency, value=record("original_amount")),
        element("OrgnlIntrBkSttlmDt", record("original_settlement_date")),
        amount("RtrdIntrBkSttlmAmt", currency=currency, value=record("amount")),
        settlement_date(record, profile),
        amount(
            "RtrdInstdAmt", currency=record("instructed_currency"), value=record("instructed_amount")
        ),
        element("XchgRate", record("exchange_rate")),
        element("ChrgBr", record("charge_bearer")),
        agent("InstgAgt", record, "instructing_agent"),
        agent("InstdAgt", record, "instructed_agent"),
        _chain(record),
        reason("RtrRsnInf", record),
    )


def _chain(record: Record) -> Markup | None:
    """RtrChain, where the return names a party or a bank of its own."""
    debtor, creditor = party_content(record, "debtor"), party_content(record, "creditor")
    banks = (
        agent("DbtrAgt", record, "debtor_agent"),
        agent("IntrmyAgt1", record, "intermediary"),
        agent("CdtrAgt", record, "creditor_agent"),
    )
    ultimate_debtor = _ultimate(record, "debtor")
    ultimate_creditor = _ultimate(record, "creditor")
    said = sequence(debtor, creditor, *banks, ultimate_debtor, ultimate_creditor)
    if said is None:
        return None
    chain = element(
        "RtrChain",
        ultimate_debtor,
        element("Dbtr", element("Pty", otherwise(debtor, NO_PARTY))),
        *banks,
        element("Cdtr", element("Pty", otherwise(creditor, NO_PARTY))),
        ultimate_creditor,
    )
    if chain is None or said.present is None:
        return chain
    standing = pl.when(said.present).then(chain.expression())
    return Markup("{}", (standing,), said.present)


def _ultimate(record: Record, side: str) -> Markup | None:
    tag = "UltmtDbtr" if side == "debtor" else "UltmtCdtr"
    return element(tag, element("Pty", element("Nm", record(f"ultimate_{side}_name"))))


RETURN = Definition(
    name="pacs.004.001.09",
    root="PmtRtr",
    header=header,
    record=transaction,
    ignored=("execution_date",),
)


def write(payments: pl.DataFrame, *, identity: FileIdentity, profile: Profile) -> Iterator[bytes]:
    """pacs.004.001.09 of returns (`PAYMENT_BATCH`), in pieces. Raises `FileRefused`."""
    returns = refuse_nameless_originals(refuse_rates(payments))
    return document(RETURN, returns, identity=identity, profile=profile)
