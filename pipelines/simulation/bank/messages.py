"""What the bank's ISO 20022 messages have in common: who writes to whom, ids, and their frame.

Belongs here: envelopes, amounts and agents. What each message says is in `answers.py`, `returns.py`
and `statements.py`.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from xml.sax.saxutils import escape

import polars as pl

from ledger_service.reference.currencies import currency_table
from pipelines.settlement.iso20022.amounts import decimal_column, decimal_text
from pipelines.settlement.iso20022.texts import escaped, valid_uetr
from pipelines.simulation.bank.configuration import BankConfig
from pipelines.simulation.bank.elements import element

LENGTH = 35
"""Longest identifier of ISO 20022."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who writes, when, and about what: message ids follow from these alone."""

    config: BankConfig
    at: datetime
    about: str
    """What the message answers: the file's number and hash, or account and date."""

    def message_id(self, kind: str) -> str:
        """At most 35 characters: kind, day, and a digest of bank, kind and what it is about."""
        content = f"{self.config.bic}/{kind}/{self.about}".encode()
        digest = hashlib.blake2b(content, digest_size=8).hexdigest().upper()
        return f"{kind}-{self.at:%Y%m%d}-{digest}"

    @property
    def created(self) -> str:
        """As ISODateTime."""
        return self.at.isoformat(timespec="seconds")

    @property
    def agents(self) -> str:
        """The bank instructs, the client is instructed."""
        return agent("InstgAgt", self.config.bic) + agent("InstdAgt", self.config.client_bic)


def text(tag: str, content: str | None, *, length: int = LENGTH) -> str:
    """An element, cut to `length`; nothing where there is no content."""
    return "" if not content else f"<{tag}>{escape(content[:length])}</{tag}>"


def agent(tag: str, bic: str) -> str:
    """An agent by its BIC."""
    return f"<{tag}><FinInstnId><BICFI>{bic}</BICFI></FinInstnId></{tag}>"


def document(message_type: str, body: str) -> bytes:
    """The file of one message."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{message_type}">\n{body}\n</Document>\n'
    ).encode()


def decimal(amount_minor: int, currency_code: str) -> str:
    """An amount that is not negative, with the decimals of its currency."""
    return decimal_text(amount_minor, exponent_of(currency_code))


@cache
def _exponents() -> dict[str, int]:
    """Decimals of every currency that there is or was, as its last introduction has them."""
    return dict(currency_table().group_by("code").agg(pl.col("exponent").last()).iter_rows())


def exponent_of(currency_code: str) -> int:
    """Decimals of a currency; raises `KeyError` for what is none."""
    return _exponents()[currency_code]


def exponents(rows: pl.DataFrame) -> pl.Expr:
    """The decimals of each row's currency; of what is no currency none, its amount is null."""
    known = {code: _exponents().get(code, 0) for code in rows["currency"].drop_nulls().unique()}
    return pl.col("currency").replace_strict(known, default=0, return_dtype=pl.Int64)


def amount(tag: str, rows: pl.DataFrame) -> pl.Expr:
    """`<tag Ccy="KES">10.50</tag>` of each row."""
    value = decimal_column(pl.col("amount_minor"), exponents(rows))
    return pl.format(f'<{tag} Ccy="{{}}">{{}}</{tag}>', "currency", value)


def original_references(*, with_transaction_id: bool) -> list[pl.Expr]:
    """The references of the payment that a message speaks of, as they were."""
    names = {"OrgnlInstrId": "instruction_id", "OrgnlEndToEndId": "end_to_end_id"}
    if with_transaction_id:
        names["OrgnlTxId"] = "transaction_id"
    written = [element(tag, identifier(name)) for tag, name in names.items()]
    return [*written, element("OrgnlUETR", valid_uetr(pl.col("uetr")))]


def identifier(column: str) -> pl.Expr:
    """A reference as character data, within its length."""
    return escaped(pl.col(column).str.head(LENGTH))


def joined(rows: pl.DataFrame, body: pl.Expr) -> str:
    """The elements of all rows, one a line."""
    return "\n".join(rows.select(body=body)["body"])


def by_currency(rows: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """Rows of each currency, in order of its code."""
    for code in rows["currency"].unique().sort():
        yield code, rows.filter(pl.col("currency") == code)
