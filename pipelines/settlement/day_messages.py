"""Settlement messages of a business date: their ids, their parties, and what a table tells of each.

Belongs here: what the day's customer batches and net settlements have in common on the way to the
writers of ISO 20022, which know neither participants nor windows.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import polars as pl

from pipelines.settlement.iso20022.amounts import (
    AMOUNT_DIGITS,
    AmountTooLong,
    ExponentMissing,
    decimal_column,
)
from pipelines.settlement.iso20022.conformity import BIC
from pipelines.settlement.iso20022.messages import Definition, Messages
from pipelines.settlement.iso20022.texts import clean_text
from pipelines.settlement.iso20022.write_pacs008 import V08
from pipelines.settlement.iso20022.write_pacs009 import CORE
from pipelines.settlement.profile import profile

IDENTIFIER_LENGTH = 35
NAME_LENGTH = 140
_AGENT = ("bic", "member", "name")


class IdentifierTooLong(ValueError):
    """An identifier does not fit its element; cutting it would name something else."""

    def __init__(self, what: str, value: str) -> None:
        self.what = what
        self.value = value
        super().__init__(f"{what} {value!r} exceeds {IDENTIFIER_LENGTH} characters")


class MessageType(StrEnum):
    """The ISO 20022 messages that settle a business date."""

    FI_CREDIT_TRANSFER = "pacs.009.001.08"
    """Bank to bank: what a net debtor pays."""
    CUSTOMER_CREDIT_TRANSFER = "pacs.008.001.08"
    """Customer payments, in a batch for the creditor's bank."""

    @property
    def definition(self) -> Definition:
        """How it is written."""
        return CORE if self is MessageType.FI_CREDIT_TRANSFER else V08

    @property
    def profile(self) -> str:
        """The profile by which it is written."""
        return "net-settlement-pacs.009" if self is MessageType.FI_CREDIT_TRANSFER else self.value


@dataclass(frozen=True, slots=True)
class Batch:
    """All messages of one type on a business date, ready to be streamed.

    `heads` has a row a message: message_id, window_id, currency, sender_id, receiver_id, transactions,
    total_minor.
    """

    message_type: MessageType
    heads: pl.DataFrame
    messages: Messages

    def documents(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Each message's id and its UTF-8 bytes in pieces, to be consumed in order."""
        return self.messages.documents()


def batch(
    message_type: MessageType,
    rows: pl.DataFrame,
    *,
    business_date: date,
    parties: Mapping[str, pl.Expr],
    said: Mapping[str, pl.Expr],
    agents: pl.DataFrame,
) -> Batch:
    """Count and sum the rows of each message and say who sends it to whom.

    `rows` are payments with message_id and exponent, those of a message together; `parties` gives
    window_id, sender_id and receiver_id, `said` further columns of its head, both of a message's first
    row; `agents` is `agent_columns`. Raises `AmountTooLong`.
    """
    heads = rows.group_by("message_id", maintain_order=True).agg(
        pl.col("currency", "exponent").first(),
        *(expression.first().alias(name) for name, expression in {**parties, **said}.items()),
        transactions=pl.len().cast(pl.Int64),
        total_minor=pl.col("amount_minor").cast(pl.Int128).sum(),
    )
    too_long = heads.filter(pl.col("total_minor") >= pl.lit(10**AMOUNT_DIGITS, pl.Int128))
    if too_long.height:
        first = too_long.row(0, named=True)
        raise AmountTooLong(first["currency"], int(first["total_minor"]))
    total = decimal_column(pl.col("total_minor"), pl.col("exponent"))
    stated = heads.select(
        "message_id",
        *said,
        sender="sender_id",
        receiver="receiver_id",
        created_at=pl.lit(f"{business_date}T23:59:59Z"),
        transactions=pl.col("transactions").cast(pl.String),
        control_sum=total,
        total_currency="currency",
        total=total,
    )
    for prefix in ("sender", "receiver"):
        stated = with_agent(stated, prefix, agents, named=prefix)
    return Batch(
        message_type=message_type,
        heads=heads.select(
            "message_id", *parties, "currency", "transactions", pl.col("total_minor").cast(pl.Int64)
        ),
        messages=Messages(
            definition=message_type.definition,
            profile=profile(message_type.profile),
            heads=stated,
            rows=rows,
        ),
    )


def agent_columns(participants: pl.DataFrame) -> pl.DataFrame:
    """How each participant is identified: its BIC, or else its member id in this clearing and its name.

    Columns participant_id, bic, member, name. Raises `IdentifierTooLong` for a participant without BIC
    whose id does not fit.
    """
    has_bic = pl.col("bic").str.contains(BIC).fill_null(False)
    member = clean_text(pl.col("participant_id"), IDENTIFIER_LENGTH + 1)
    identified = participants.select(
        "participant_id",
        bic=pl.when(has_bic).then("bic"),
        member=pl.when(~has_bic).then(member),
        name=pl.when(~has_bic).then(clean_text(pl.col("name"), NAME_LENGTH)),
    )
    unfit = identified.filter(pl.col("member").str.len_chars() > IDENTIFIER_LENGTH)
    if unfit.height:
        raise IdentifierTooLong("participant", unfit["participant_id"].sort()[0])
    return identified


def with_agent(rows: pl.DataFrame, prefix: str, agents: pl.DataFrame, *, named: str) -> pl.DataFrame:
    """Adds `<prefix>_bic`, `_member`, `_name`, and `_other` of a bank that is no participant.

    `named`: the column of participant ids.
    """
    columns = {name: f"{prefix}_{name}" for name in _AGENT}
    known = agents.rename({"participant_id": named, **columns}).with_columns(known=pl.lit(True))
    stranger = pl.when(pl.col("known").is_null()).then(clean_text(pl.col(named), IDENTIFIER_LENGTH))
    return (
        rows.join(known, on=named, how="left", maintain_order="left")
        .with_columns(stranger.alias(f"{prefix}_other"))
        .drop("known")
    )


def with_message_ids(
    rows: pl.DataFrame, message_type: MessageType, *, business_date: date, identity: list[str]
) -> pl.DataFrame:
    """Add `message_id`: one a combination of `identity` columns, which include currency.

    Its 29 characters are kind, business date, currency, and a digest of what the message is about;
    never the clock, so that a rerun replaces its messages. The six characters left of the schema's 35
    number a message's transactions.
    """
    heads = rows.select(identity).unique().sort(identity)
    ids = [
        _message_id(message_type, business_date=business_date, about=about)
        for about in heads.iter_rows(named=True)
    ]
    identified = heads.with_columns(message_id=pl.Series(ids, dtype=pl.String))
    return rows.join(identified, on=identity, how="left", maintain_order="left")


def _message_id(message_type: MessageType, *, business_date: date, about: Mapping[str, str]) -> str:
    content = "\x1f".join((message_type, str(business_date), *about.values()))
    digest = hashlib.sha256(content.encode()).hexdigest()
    return f"{message_type[5:8]}-{business_date:%Y%m%d}-{about['currency']}-{digest[:12]}"


def require_exponents(currencies: Iterable[str], exponents: Mapping[str, int]) -> None:
    """Raise `ExponentMissing` for the first currency whose decimals are not known."""
    for currency in sorted(set(currencies) - exponents.keys()):
        raise ExponentMissing(currency)


def exponent_column(currency: str, exponents: Mapping[str, int]) -> pl.Expr:
    """Decimals of the currency in that column; every one must be known."""
    # The cast is for a day without anything: an empty mapping leaves the column as it was.
    return pl.col(currency).replace_strict(dict(exponents)).cast(pl.Int64)
