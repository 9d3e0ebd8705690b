"""What a message says of itself before its records: identity, control figures, settlement.

Belongs here: the columns of a head, how one is made for a batch, and the group header that the
interbank messages share. Columns: message_id, created_at, transactions, control_sum, total_currency,
total, settlement_date, clearing_system, and name, bic, clearing, member, account of sender and
receiver; all are texts, null where the message does not say it.
"""

import re
from collections.abc import Iterator

import polars as pl

from pipelines.settlement.iso20022.amounts import AMOUNT_DIGITS, decimal_column, decimal_text
from pipelines.settlement.iso20022.columns import slices, with_exponents
from pipelines.settlement.iso20022.conformity import BIC, refuse_missing, refuse_unsayable
from pipelines.settlement.iso20022.elements import Markup, Record, amount, constant, element
from pipelines.settlement.iso20022.messages import Definition, Messages, line
from pipelines.settlement.iso20022.parties import agent
from pipelines.settlement.payment_batch import REQUIRED
from pipelines.settlement.problems import FileRefused
from pipelines.settlement.profile import Profile
from pipelines.settlement.writing import FileIdentity, Institution

MESSAGE_ID_LENGTH = 35
_GROUP_NUMBER_DIGITS = 6


def document(
    definition: Definition, payments: pl.DataFrame, *, identity: FileIdentity, profile: Profile
) -> Iterator[bytes]:
    """One message of a batch, in pieces. Raises `FileRefused` before the first."""
    if payments.is_empty():
        raise FileRefused("no_payments", "batch", "a message has at least one payment")
    _refuse_identity(identity)
    definition.refuse_columns_not_said(payments, profile)
    refuse_missing(payments, (*REQUIRED, *definition.required))
    refuse_unsayable(payments)
    most = profile.settings.get("most_transactions")
    if most is not None and payments.height > int(most):
        place = f"row {int(most) + 1}"
        raise FileRefused("too_many_payments", place, f"profile {profile.name} has {most} in a message")
    rows = with_exponents(payments)
    head = _head(rows, identity=identity, profile=profile)
    if definition.group is not None:
        rows = _grouped(rows, by=definition.group.by, message_id=identity.message_id)
        head = head.with_columns(groups=pl.lit(str(rows["group_number"][-1] + 1)))
    if bare_header(profile):
        sender = {f"instructing_agent_{name}": f"sender_{name}" for name in _AGENT}
        receiver = {f"instructed_agent_{name}": f"receiver_{name}" for name in _AGENT}
        rows = rows.with_columns(
            pl.lit(head[column][0], pl.String).alias(name)
            for name, column in (sender | receiver).items()
        )
    messages = Messages(definition=definition, profile=profile, heads=head, rows=rows)
    return (piece for _, pieces in messages.documents() for piece in pieces)


_AGENT = ("bic", "clearing", "member", "name")


def bare_header(profile: Profile) -> bool:
    """Whether agents and totals stand in each transaction, not in the group header (CBPR+)."""
    return profile.settings.get("header") == "bare"


def group_header(record: Record, profile: Profile, *, total: str | None) -> Markup | None:
    """GrpHdr of an interbank message; `total` is the element that sums its amounts, where it has one."""
    settings = profile.settings
    bare = bare_header(profile)
    currency, value = record("total_currency"), record("total")
    return line(
        "GrpHdr",
        element("MsgId", record("message_id")),
        element("CreDtTm", record("created_at")),
        element("NbOfTxs", record("transactions")),
        None if bare else element("CtrlSum", record("control_sum")),
        None if bare or total is None else amount(total, currency=currency, value=value),
        element("IntrBkSttlmDt", record("settlement_date")),
        element(
            "SttlmInf",
            element("SttlmMtd", constant(str(settings.get("settlement_method", "CLRG")))),
            settlement_clearing(record, profile),
        ),
        None if bare else agent("InstgAgt", record, "sender"),
        None if bare else agent("InstdAgt", record, "receiver"),
    )


def settlement_clearing(record: Record, profile: Profile) -> Markup | None:
    """ClrSys: an external code from the profile, or the scheme's own."""
    coded = profile.settings.get("clearing_system")
    if coded is not None:
        return element("ClrSys", element("Cd", constant(str(coded))))
    return element("ClrSys", element("Prtry", record("clearing_system")))


def _head(rows: pl.DataFrame, *, identity: FileIdentity, profile: Profile) -> pl.DataFrame:
    decimals = _decimals(rows)
    sums = pl.col("amount_minor").cast(pl.Int128).sum()
    parts = [part.group_by("currency", "exponent").agg(sums) for part in slices(rows)]
    by_currency = pl.concat(parts).group_by("currency", "exponent").agg(pl.col("amount_minor").sum())
    total = sum(
        int(minor) * 10 ** (decimals - exponent)
        for exponent, minor in by_currency.select("exponent", "amount_minor").iter_rows()
    )
    if total >= 10**AMOUNT_DIGITS:
        raise FileRefused("amount_too_long", "sum", f"a sum has {AMOUNT_DIGITS} digits at most")
    one = by_currency.height == 1
    dates = rows["execution_date"].unique()
    if profile.settings.get("settlement_date") == "header" and dates.len() > 1:
        sentence = f"profile {profile.name} has one settlement date in a message: split the batch by it"
        raise FileRefused("several_dates", "execution_date", sentence)
    in_header = profile.settings.get("settlement_date") == "header"
    proprietary = profile.settings.get("clearing_system_proprietary")
    texts = {
        "message_id": identity.message_id,
        "created_at": identity.created_at.isoformat(timespec="seconds"),
        "transactions": str(rows.height),
        "control_sum": decimal_text(total, decimals),
        "total_currency": by_currency["currency"][0] if one else None,
        "total": decimal_text(total, decimals) if one else None,
        "settlement_date": str(dates[0]) if in_header else None,
        "clearing_system": None if proprietary is None else str(proprietary),
        **_of("sender", identity.sender),
        **_of("receiver", identity.receiver),
    }
    return pl.DataFrame(texts, schema=dict.fromkeys(texts, pl.String))


def _of(prefix: str, institution: Institution) -> dict[str, str | None]:
    return {
        f"{prefix}_name": institution.name or None,
        f"{prefix}_bic": institution.bic,
        f"{prefix}_clearing": institution.clearing if institution.member else None,
        f"{prefix}_member": institution.member,
        f"{prefix}_account": institution.account,
    }


def _grouped(rows: pl.DataFrame, *, by: tuple[str, ...], message_id: str) -> pl.DataFrame:
    """Rows of a group together, groups in the order of their first row; with what a group says."""
    decimals = _decimals(rows)
    scaled = pl.col("amount_minor").cast(pl.Int128) * pl.lit(10, pl.Int128).pow(
        decimals - pl.col("exponent")
    )
    ordered = (
        rows.with_row_index("place")
        .with_columns(first=pl.col("place").first().over(by))
        .sort("first", maintain_order=True)
        .with_columns(
            group_number=pl.col("first").rle_id(),
            group_opens=pl.col("first").ne_missing(pl.col("first").shift(1)),
        )
    )
    if ordered["group_number"][-1] >= 10**_GROUP_NUMBER_DIGITS:
        raise FileRefused("too_many_groups", ", ".join(by), "a message numbers a million groups at most")
    named = message_id[: MESSAGE_ID_LENGTH - _GROUP_NUMBER_DIGITS - 1]
    number = (pl.col("group_number") + 1).cast(pl.String).str.zfill(_GROUP_NUMBER_DIGITS)
    return ordered.with_columns(
        group_id=pl.concat_str(pl.lit(f"{named}-"), number),
        group_transactions=pl.len().over("group_number").cast(pl.String),
        group_movements=(2 * pl.len().over("group_number")).cast(pl.String),
        group_sum=decimal_column(scaled.sum().over("group_number"), decimals),
    ).drop("first", "place")


def _decimals(rows: pl.DataFrame) -> int:
    """The most that a currency among them has."""
    return int(rows.select(pl.col("exponent").max()).item())


def _refuse_identity(identity: FileIdentity) -> None:
    if not 1 <= len(identity.message_id) <= MESSAGE_ID_LENGTH:
        raise FileRefused("wrong_form", "message id", f"it has 1 to {MESSAGE_ID_LENGTH} characters")
    for place, institution in (("sender", identity.sender), ("receiver", identity.receiver)):
        if institution.bic is not None and not re.fullmatch(BIC, institution.bic):
            raise FileRefused("wrong_form", place, f"{institution.bic!r} is no BIC")
