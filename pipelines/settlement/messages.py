"""Settlement messages of one type: their control figures, group headers and streams of bytes.

Belongs here: what the messages have in common. Nothing here knows files or tables.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import chain, groupby
from operator import itemgetter

import polars as pl

from pipelines.settlement.elements import AMOUNT_DIGITS, AmountTooLong, ExponentMissing, decimal_column

CHUNK_TRANSACTIONS = 20_000
"""Transactions rendered at a time: bounds the memory of a day of any length."""


class MessageType(StrEnum):
    """The ISO 20022 messages that settlement writes."""

    FI_CREDIT_TRANSFER = "pacs.009.001.08"
    """Bank to bank: what a net debtor pays."""
    CUSTOMER_CREDIT_TRANSFER = "pacs.008.001.08"
    """Customer payments, in a batch for the creditor's bank."""

    @property
    def root(self) -> str:
        """The element below Document."""
        return "FICdtTrf" if self is MessageType.FI_CREDIT_TRANSFER else "FIToFICstmrCdtTrf"


@dataclass(frozen=True, slots=True)
class Batch:
    """All messages of one type on a business date, ready to be streamed.

    `rows` are the credit transfers, those of a message together; `body` renders one as CdtTrfTxInf.
    `heads` has a row a message in the same order: message_id, window_id, currency, sender_id,
    receiver_id, transactions, total_minor, group_header (XML).
    """

    message_type: MessageType
    heads: pl.DataFrame
    rows: pl.DataFrame
    body: pl.Expr

    def documents(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Each message's id and its UTF-8 bytes in pieces, to be consumed in order.

        Rendering runs over fixed chunks of all rows and is cut at message borders, so that a thousand
        small messages cost as much as one large.
        """
        headers = iter(self.heads["group_header"])
        for message_id, pieces in groupby(self._pieces(), key=itemgetter(0)):
            opening = (
                '<?xml version="1.0" encoding="UTF-8"?>\n'
                f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{self.message_type}">\n'
                f"<{self.message_type.root}>\n{next(headers)}\n"
            )
            closing = f"</{self.message_type.root}>\n</Document>\n"
            transfers = (piece for _, piece in pieces)
            yield message_id, (text.encode() for text in chain([opening], transfers, [closing]))

    def _pieces(self) -> Iterator[tuple[str, str]]:
        for start in range(0, self.rows.height, CHUNK_TRANSACTIONS):
            yield from (
                self.rows.slice(start, CHUNK_TRANSACTIONS)
                .select("message_id", transfer=self.body)
                .group_by("message_id", maintain_order=True)
                .agg(pl.col("transfer").str.join(""))
                .iter_rows()
            )


def batch(
    message_type: MessageType,
    rows: pl.DataFrame,
    *,
    business_date: date,
    parties: Mapping[str, pl.Expr],
    header: pl.Expr,
    body: pl.Expr,
) -> Batch:
    """Count and sum the rows of each message and write its group header.

    `rows` has message_id, currency, exponent and amount_minor beside what the expressions need;
    `parties` gives window_id, sender_id and receiver_id; `header` renders the group header after the
    control figures. All three are of a message's first row. Raises `AmountTooLong`.
    """
    heads = rows.group_by("message_id", maintain_order=True).agg(
        pl.col("currency", "exponent").first(),
        *(expression.first().alias(name) for name, expression in parties.items()),
        header=header.first(),
        transactions=pl.len().cast(pl.Int64),
        total_minor=pl.col("amount_minor").cast(pl.Int128).sum(),
    )
    too_long = heads.filter(pl.col("total_minor") >= pl.lit(10**AMOUNT_DIGITS, pl.Int128))
    if too_long.height:
        first = too_long.row(0, named=True)
        raise AmountTooLong(first["currency"], int(first["total_minor"]))
    return Batch(
        message_type=message_type,
        heads=heads.select(
            "message_id",
            *parties,
            "currency",
            "transactions",
            pl.col("total_minor").cast(pl.Int64),
            group_header=_group_header(business_date),
        ),
        rows=rows,
        body=body,
    )


def _group_header(business_date: date) -> pl.Expr:
    total = decimal_column(pl.col("total_minor"), pl.col("exponent"))
    return pl.format(
        "<GrpHdr><MsgId>{}</MsgId>"
        f"<CreDtTm>{business_date}T23:59:59Z</CreDtTm>"
        "<NbOfTxs>{}</NbOfTxs>"
        "<CtrlSum>{}</CtrlSum>"
        '<TtlIntrBkSttlmAmt Ccy="{}">{}</TtlIntrBkSttlmAmt>'
        "{}</GrpHdr>",
        "message_id",
        "transactions",
        total,
        "currency",
        total,
        "header",
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
