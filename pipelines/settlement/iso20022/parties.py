"""Agents, parties and accounts of a record, from the columns that share a prefix.

Belongs here: what stands in a FinInstnId, a PartyIdentification and a CashAccount; the same in every
message of ISO 20022's 2019 and 2020 releases.
"""

from pipelines.settlement.iso20022.elements import (
    NOT_PROVIDED,
    Markup,
    Record,
    element,
    otherwise,
    sequence,
)

NO_INSTITUTION = f"<FinInstnId><Othr><Id>{NOT_PROVIDED}</Id></Othr></FinInstnId>"
NO_PARTY = f"<Nm>{NOT_PROVIDED}</Nm>"


def institution(record: Record, prefix: str) -> Markup | None:
    """FinInstnId from the columns `<prefix>_bic`, `_clearing`, `_member`, `_name`, `_other`."""
    clearing = element("ClrSysId", element("Cd", record(f"{prefix}_clearing")))
    member = element("MmbId", record(f"{prefix}_member"))
    return element(
        "FinInstnId",
        element("BICFI", record(f"{prefix}_bic")),
        element("ClrSysMmbId", clearing, member) if member is not None else None,
        element("Nm", record(f"{prefix}_name")),
        element("Othr", element("Id", record(f"{prefix}_other"))),
    )


def agent(tag: str, record: Record, prefix: str) -> Markup | None:
    """A bank; absent where nothing identifies it."""
    return element(tag, institution(record, prefix))


def agent_required(tag: str, record: Record, prefix: str) -> Markup | None:
    """A bank that the message must name: as not provided where nothing identifies it."""
    return element(tag, otherwise(institution(record, prefix), NO_INSTITUTION))


def address(record: Record, prefix: str) -> Markup | None:
    """PstlAdr, structured."""
    return element(
        "PstlAdr",
        element("StrtNm", record(f"{prefix}_street")),
        element("BldgNb", record(f"{prefix}_building")),
        element("PstCd", record(f"{prefix}_postcode")),
        element("TwnNm", record(f"{prefix}_town")),
        element("Ctry", record(f"{prefix}_country")),
    )


def party_content(record: Record, prefix: str) -> Markup | None:
    """What a PartyIdentification says of a customer."""
    return sequence(
        element("Nm", record(f"{prefix}_name")),
        address(record, prefix),
        element("Id", element("OrgId", element("Othr", element("Id", record(f"{prefix}_id"))))),
    )


def party(tag: str, record: Record, prefix: str) -> Markup | None:
    """A customer that the message must name."""
    return element(tag, otherwise(party_content(record, prefix), NO_PARTY))


def account(tag: str, record: Record, prefix: str) -> Markup | None:
    """A cash account by IBAN or by the bank's own reference; absent where there is none."""
    return element(tag, account_id(record, prefix))


def account_id(record: Record, prefix: str) -> Markup | None:
    """Id of a cash account."""
    own = element("Othr", element("Id", record(f"{prefix}_account_other")))
    return element("Id", element("IBAN", record(f"{prefix}_account_iban")), own)


def initiator(record: Record) -> Markup | None:
    """InitgPty: the sender of a customer's file, by name and BIC or other id."""
    bic, member = element("AnyBIC", record("sender_bic")), record("sender_member")
    other = element("Othr", element("Id", member))
    content = sequence(element("Nm", record("sender_name")), element("Id", element("OrgId", bic, other)))
    return element("InitgPty", otherwise(content, NO_PARTY))


def code(tag: str, record: Record, column: str) -> Markup | None:
    """A choice of an external code and the scheme's own: four characters at most are a code."""
    return element(
        tag,
        element("Cd", record(column)),
        element("Prtry", record(f"{column}_proprietary")),
    )
