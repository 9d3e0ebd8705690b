"""pacs.009.001.08: what a net debtor pays to net creditors, one message a window and currency.

Belongs here: the legs as rows of a message, and how a row is written.
"""

import hashlib
import uuid
from collections.abc import Mapping
from datetime import date

import polars as pl

from pipelines.settlement.elements import agent, decimal_column, element, escaped
from pipelines.settlement.legs import settlement_legs
from pipelines.settlement.messages import (
    Batch,
    MessageType,
    batch,
    exponent_column,
    require_exponents,
    with_message_ids,
)

TYPE = MessageType.FI_CREDIT_TRANSFER
MESSAGE = ["window_id", "currency", "debtor_id"]
"""What one message is about."""


def settlement_transfers(net_positions: pl.DataFrame, *, business_date: date) -> pl.DataFrame:
    """The legs of the day with their identifiers, in the order in which they are written.

    Adds to `settlement_legs`: message_id, end_to_end_id (the message's id and the leg's number) and
    uetr (a version 4 UUID by form, made from the end-to-end id so that a rerun repeats it). Legs are
    fewer than participants in a cycle, hence plain Python for the digests.
    """
    legs = settlement_legs(net_positions).sort(MESSAGE, maintain_order=True)
    identified = with_message_ids(legs, TYPE, business_date=business_date, identity=MESSAGE)
    numbered = identified.with_columns(
        end_to_end_id=pl.format(
            "{}-{}",
            "message_id",
            (pl.int_range(pl.len()).over("message_id") + 1).cast(pl.String).str.zfill(5),
        )
    )
    uetrs = [_uetr(reference) for reference in numbered["end_to_end_id"]]
    return numbered.with_columns(uetr=pl.Series(uetrs, dtype=pl.String))


def messages(
    transfers: pl.DataFrame,
    *,
    business_date: date,
    identifications: Mapping[str, str],
    exponents: Mapping[str, int],
) -> Batch:
    """One message per net debtor, window and currency, from `settlement_transfers`.

    Raises `ExponentMissing`, `AmountTooLong`.
    """
    require_exponents(transfers["currency"], exponents)
    return batch(
        TYPE,
        transfers.with_columns(exponent=exponent_column("currency", exponents)),
        business_date=business_date,
        parties={
            "window_id": pl.col("window_id"),
            "sender_id": pl.col("debtor_id"),
            "receiver_id": pl.lit(None, pl.String),
        },
        header=_header(business_date, identifications),
        body=_body(identifications),
    )


def _header(business_date: date, identifications: Mapping[str, str]) -> pl.Expr:
    window = element("ClrSys", element("Prtry", escaped(pl.col("window_id"))))
    return pl.concat_str(
        element("IntrBkSttlmDt", pl.lit(str(business_date))),
        element("SttlmInf", pl.concat_str(pl.lit("<SttlmMtd>CLRG</SttlmMtd>"), window)),
        agent("InstgAgt", pl.col("debtor_id"), identifications),
    )


def _body(identifications: Mapping[str, str]) -> pl.Expr:
    amount = decimal_column(pl.col("amount_minor"), pl.col("exponent"))
    return pl.concat_str(
        pl.lit("<CdtTrfTxInf><PmtId>"),
        element("EndToEndId", pl.col("end_to_end_id")),
        element("TxId", pl.col("end_to_end_id")),
        element("UETR", pl.col("uetr")),
        pl.lit("</PmtId>"),
        pl.format('<IntrBkSttlmAmt Ccy="{}">{}</IntrBkSttlmAmt>', "currency", amount),
        agent("InstdAgt", pl.col("creditor_id"), identifications),
        agent("Dbtr", pl.col("debtor_id"), identifications),
        agent("Cdtr", pl.col("creditor_id"), identifications),
        pl.lit("</CdtTrfTxInf>\n"),
    )


def _uetr(reference: str) -> str:
    return str(uuid.UUID(bytes=hashlib.sha256(reference.encode()).digest()[:16], version=4))
