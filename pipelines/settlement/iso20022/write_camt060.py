"""camt.060.001.05: asking a bank for statements or reports of accounts.

Belongs here: where each column stands in a RptgReq. A row asks for one account (`debtor_account` in
`currency`, kept by `debtor_agent_*`) and one day (`execution_date`); the amount that every payment
batch has is not said. `original_message_type` names what is asked for, or else `requested_message` of
the profile.
"""

from collections.abc import Iterator

import polars as pl

from pipelines.settlement.iso20022.elements import Markup, Record, constant, element, otherwise, sequence
from pipelines.settlement.iso20022.heads import document
from pipelines.settlement.iso20022.messages import Definition, line
from pipelines.settlement.iso20022.parties import NO_PARTY, account_id, agent, party_content
from pipelines.settlement.profile import Profile
from pipelines.settlement.writing import FileIdentity


def header(record: Record, profile: Profile) -> Markup | None:
    """GrpHdr."""
    return line(
        "GrpHdr",
        element("MsgId", record("message_id")),
        element("CreDtTm", record("created_at")),
        element("MsgSndr", agent("Agt", record, "sender")),
    )


def request(record: Record, profile: Profile) -> Markup | None:
    """RptgReq."""
    day = record("execution_date")
    asked = profile.settings.get("requested_message", "camt.053.001.08")
    return line(
        "RptgReq",
        element("Id", record("instruction_id")),
        element("ReqdMsgNmId", otherwise(record("original_message_type"), str(asked))),
        element("Acct", account_id(record, "debtor"), element("Ccy", record("currency"))),
        element("AcctOwnr", element("Pty", otherwise(party_content(record, "debtor"), NO_PARTY))),
        agent("AcctSvcr", record, "debtor_agent"),
        element(
            "RptgPrd",
            sequence(
                element("FrToDt", element("FrDt", day), element("ToDt", day)),
                constant("<Tp>ALLL</Tp>"),
            ),
        ),
    )


REPORT_REQUEST = Definition(
    name="camt.060.001.05",
    root="AcctRptgReq",
    header=header,
    record=request,
    required=("debtor_account",),
    ignored=("amount_minor",),
)


def write(payments: pl.DataFrame, *, identity: FileIdentity, profile: Profile) -> Iterator[bytes]:
    """camt.060.001.05, a request a row (`PAYMENT_BATCH`), in pieces. Raises `FileRefused`."""
    return document(REPORT_REQUEST, payments, identity=identity, profile=profile)
