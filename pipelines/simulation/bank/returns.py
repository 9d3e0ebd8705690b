"""Payments that come back: pacs.004.001.09, one message for each original message and currency.

Belongs here: the form of a return. Which payments come back is decided in `decisions.py`, and by the
recalls that the bank grants.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import polars as pl

from pipelines.simulation.bank.elements import element
from pipelines.simulation.bank.messages import (
    LENGTH,
    Envelope,
    amount,
    by_currency,
    decimal,
    document,
    joined,
    original_references,
    text,
)

RETURN = "pacs.004.001.09"


def payment_returns(
    envelope: Envelope, rows: pl.DataFrame, *, on: date, off_by: int
) -> Iterator[tuple[str, bytes]]:
    """Type and bytes of each message for the payments (`book.PAYMENTS`) that come back.

    `off_by` makes the declared total wrong on purpose.
    """
    for (message_id, message_type), group in rows.group_by(
        "message_id", "message_type", maintain_order=True
    ):
        for currency, paid in by_currency(group):
            about = f"{envelope.about}/{message_id}/{currency}"
            written = _return(
                replace(envelope, about=about),
                paid,
                original=(str(message_id), str(message_type)),
                on=on,
                off_by=off_by,
            )
            yield RETURN, written


def _return(
    envelope: Envelope, rows: pl.DataFrame, *, original: tuple[str, str], on: date, off_by: int
) -> bytes:
    currency = rows["currency"][0]
    total = decimal(int(rows["amount_minor"].cast(pl.Int128).sum()) + off_by, currency)
    message_id = envelope.message_id("RT")
    body = (
        f"<PmtRtr>\n<GrpHdr>{text('MsgId', message_id)}<CreDtTm>{envelope.created}</CreDtTm>"
        f"<NbOfTxs>{rows.height}</NbOfTxs><CtrlSum>{total}</CtrlSum>"
        f'<TtlRtrdIntrBkSttlmAmt Ccy="{currency}">{total}</TtlRtrdIntrBkSttlmAmt>'
        f"<IntrBkSttlmDt>{on}</IntrBkSttlmDt><SttlmInf><SttlmMtd>INDA</SttlmMtd></SttlmInf>"
        f"{envelope.agents}</GrpHdr>\n"
        f"<OrgnlGrpInf>{text('OrgnlMsgId', original[0])}"
        f"{text('OrgnlMsgNmId', original[1])}</OrgnlGrpInf>\n"
        f"{joined(rows, _transaction(rows, message_id, on))}\n</PmtRtr>"
    )
    return document(RETURN, body)


def _transaction(rows: pl.DataFrame, message_id: str, on: date) -> pl.Expr:
    number = pl.int_range(1, pl.len() + 1)
    # The id of the return is the message's digest and its number: unique for the bank.
    returned = pl.format(f"{message_id[: LENGTH - 8]}-{{}}", number)
    return element(
        "TxInf",
        pl.concat_str(
            element("RtrId", returned),
            *original_references(with_transaction_id=True),
            amount("OrgnlIntrBkSttlmAmt", rows),
            element("OrgnlIntrBkSttlmDt", pl.col("execution_date").cast(pl.String)),
            amount("RtrdIntrBkSttlmAmt", rows),
            pl.lit(f"<IntrBkSttlmDt>{on}</IntrBkSttlmDt>"),
            element("RtrRsnInf", pl.format("<Rsn><Cd>{}</Cd></Rsn>", "return_reason")),
        ),
    )
