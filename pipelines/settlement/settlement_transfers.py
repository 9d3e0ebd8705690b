"""What a net debtor pays to net creditors, one pacs.009 a window and currency.

Belongs here: the legs as payments of a message.
"""

from collections.abc import Mapping
from datetime import date

import polars as pl

from pipelines.settlement.day_messages import (
    Batch,
    MessageType,
    batch,
    exponent_column,
    require_exponents,
    with_agent,
    with_message_ids,
)
from pipelines.settlement.iso20022.texts import uetrs_of
from pipelines.settlement.legs import settlement_legs

TYPE = MessageType.FI_CREDIT_TRANSFER
MESSAGE = ["window_id", "currency", "debtor_id"]
"""What one message is about."""


def settlement_transfers(net_positions: pl.DataFrame, *, business_date: date) -> pl.DataFrame:
    """The legs of the day with their identifiers, in the order in which they are written.

    Adds to `settlement_legs`: message_id, end_to_end_id (the message's id and the leg's number) and
    uetr (a version 4 UUID by form, made from the end-to-end id so that a rerun repeats it).
    """
    legs = settlement_legs(net_positions)
    return _identified(legs, business_date=business_date, identity=MESSAGE)


def repeated_transfers(legs: pl.DataFrame, *, business_date: date) -> pl.DataFrame:
    """Legs of earlier dates that are sent again on a date, identified as `settlement_transfers`.

    `legs` are `legs_to_send_again`; their messages are others than those of the date's own windows.
    """
    dated = legs.with_columns(business_date=pl.lit(business_date))
    return _identified(dated, business_date=business_date, identity=[*MESSAGE, "net_ref"])


def _identified(legs: pl.DataFrame, *, business_date: date, identity: list[str]) -> pl.DataFrame:
    ordered = legs.sort(identity, maintain_order=True)
    identified = with_message_ids(ordered, TYPE, business_date=business_date, identity=identity)
    numbered = identified.with_columns(
        end_to_end_id=pl.format(
            "{}-{}",
            "message_id",
            (pl.int_range(pl.len()).over("message_id") + 1).cast(pl.String).str.zfill(5),
        )
    )
    return numbered.with_columns(uetr=uetrs_of(numbered["end_to_end_id"]))


def messages(
    transfers: pl.DataFrame,
    *,
    business_date: date,
    agents: pl.DataFrame,
    exponents: Mapping[str, int],
) -> Batch:
    """One message per net debtor, window and currency, from `settlement_transfers`.

    `agents` is `agent_columns`. Raises `ExponentMissing`, `AmountTooLong`.
    """
    require_exponents(transfers["currency"], exponents)
    rows = transfers.with_columns(
        exponent=exponent_column("currency", exponents),
        transaction_id=pl.col("end_to_end_id"),
        execution_date=pl.lit(business_date),
    )
    for prefix, named in (
        ("instructed_agent", "creditor_id"),
        ("debtor_agent", "debtor_id"),
        ("creditor_agent", "creditor_id"),
    ):
        rows = with_agent(rows, prefix, agents, named=named)
    return batch(
        TYPE,
        rows.rename({"debtor_id": "paying_id", "creditor_id": "paid_id"}),
        business_date=business_date,
        parties={
            "window_id": pl.col("window_id"),
            "sender_id": pl.col("paying_id"),
            "receiver_id": pl.lit(None, pl.String),
        },
        said={
            "settlement_date": pl.lit(str(business_date)),
            "clearing_system": pl.col("window_id"),
        },
        agents=agents,
    )
