"""pacs.008.001.08: the customer payments behind the obligations, a batch per receiver and currency.

Belongs here: joining obligations with their payments, and how a customer credit transfer is written.
The money itself moves net, by pacs.009; these batches tell the creditor's bank whom to credit.
"""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum

import polars as pl

from pipelines.settlement.elements import (
    ACCOUNT_LENGTH,
    IDENTIFIER_LENGTH,
    NOT_PROVIDED,
    REMITTANCE_LENGTH,
    IdentifierTooLong,
    account,
    agent,
    clean_text,
    decimal_column,
    element,
    escaped,
    party,
    rate_column,
    valid_ibans,
    valid_uetr,
)
from pipelines.settlement.messages import (
    Batch,
    MessageType,
    batch,
    exponent_column,
    require_exponents,
    with_message_ids,
)

TYPE = MessageType.CUSTOMER_CREDIT_TRANSFER
MESSAGE = ["creditor_id", "currency"]
"""What one batch is about."""

_UUID = r"^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"
_PAYMENT_COLUMNS = [
    "payment_id",
    "uetr",
    "end_to_end_id",
    "value_date",
    "debtor_agent",
    "debtor_account",
    "debtor_name",
    "creditor_agent",
    "creditor_account",
    "creditor_name",
    "purpose",
]


class LeftOut(StrEnum):
    """Why an obligation stands in no customer batch, though it is netted and settled."""

    NO_PAYMENT = "no_payment"
    """It names no payment instruction, or one that was not booked on this business date."""
    OPPOSITE_DIRECTION = "opposite_direction"
    """It runs from the creditor's bank to the debtor's: a return, which pacs.008 cannot say."""
    ACCOUNT_TOO_LONG = "account_too_long"
    """An account reference exceeds the schema's 34 characters; cut, it would name another account."""


class PaymentRepeated(ValueError):
    """A payment instruction occurs twice: its customer would be credited twice."""

    def __init__(self, payment_id: str) -> None:
        self.payment_id = payment_id
        super().__init__(f"payment {payment_id} occurs twice in the payments of the business date")


def customer_transfers(
    obligations: pl.DataFrame, payments: pl.DataFrame, *, business_date: date
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The obligations with their payments and identifiers, and those that have to be left out.

    Returns the transfers in the order in which they are written (per batch by payment), and OBLIGATIONS
    with a column `reason`, a `LeftOut`. Raises `IdentifierTooLong`, `PaymentRepeated`.
    """
    repeated = payments["payment_id"].filter(payments["payment_id"].is_duplicated())
    if repeated.len():
        raise PaymentRepeated(repeated[0])
    joined = (
        obligations.lazy()
        .join(_instructions(payments), on="payment_id", how="left")
        .with_columns(reason=_reason())
        .collect()
    )
    left_out = joined.filter(pl.col("reason").is_not_null()).select(*obligations.columns, "reason")
    batched = joined.filter(pl.col("reason").is_null()).drop("reason")
    return _identified(batched, business_date), left_out.sort("book_id", "account_id", "version")


def messages(
    transfers: pl.DataFrame,
    *,
    business_date: date,
    identifications: Mapping[str, str],
    exponents: Mapping[str, int],
) -> Batch:
    """One batch per receiving participant and currency, from `customer_transfers`.

    Raises `ExponentMissing`, `AmountTooLong`.
    """
    require_exponents(transfers["currency"], exponents)
    require_exponents(transfers["instructed_currency"], exponents)
    receiver = agent("InstdAgt", pl.col("creditor_id"), identifications)
    nobody = pl.lit(None, pl.String)
    return batch(
        TYPE,
        transfers.with_columns(
            exponent=exponent_column("currency", exponents),
            instructed_exponent=exponent_column("instructed_currency", exponents),
        ),
        business_date=business_date,
        parties={"window_id": nobody, "sender_id": nobody, "receiver_id": pl.col("creditor_id")},
        header=pl.concat_str(pl.lit("<SttlmInf><SttlmMtd>CLRG</SttlmMtd></SttlmInf>"), receiver),
        body=_body(transfers, identifications),
    )


def _instructions(payments: pl.DataFrame) -> pl.LazyFrame:
    return payments.lazy().select(
        *_PAYMENT_COLUMNS,
        instructed_currency="currency",
        instructed_minor="amount_minor",
        has_payment=pl.lit(True),
    )


def _reason() -> pl.Expr:
    returns = (pl.col("debtor_id") == pl.col("creditor_agent")) & (
        pl.col("creditor_id") == pl.col("debtor_agent")
    )
    too_long = [
        clean_text(pl.col(name), ACCOUNT_LENGTH + 1).str.len_chars() > ACCOUNT_LENGTH
        for name in ("debtor_account", "creditor_account")
    ]
    return (
        pl.when(pl.col("has_payment").is_null())
        .then(pl.lit(LeftOut.NO_PAYMENT.value))
        .when(returns)
        .then(pl.lit(LeftOut.OPPOSITE_DIRECTION.value))
        .when(pl.any_horizontal(too_long))
        .then(pl.lit(LeftOut.ACCOUNT_TOO_LONG.value))
        .otherwise(None)
    )


def _identified(batched: pl.DataFrame, business_date: date) -> pl.DataFrame:
    """Adds message_id, transaction_id (unique in it), the written end-to-end id and UETR."""
    payment = pl.col("payment_id")
    compact = pl.when(payment.str.contains(_UUID)).then(payment.str.replace_all("-", "", literal=True))
    number = pl.int_range(pl.len()).over("message_id", "transaction_id")
    with_accounts = batched.with_columns(
        debtor_iban=valid_ibans(batched["debtor_account"]),
        creditor_iban=valid_ibans(batched["creditor_account"]),
    )
    identified = (
        with_message_ids(with_accounts, TYPE, business_date=business_date, identity=MESSAGE)
        .sort(*MESSAGE, "payment_id", "book_id", "account_id", "version")
        .with_columns(
            transaction_id=compact.otherwise(clean_text(payment, IDENTIFIER_LENGTH + 1)),
            end_to_end_id=clean_text(pl.col("end_to_end_id"), IDENTIFIER_LENGTH).fill_null(NOT_PROVIDED),
            uetr=valid_uetr(pl.col("uetr")),
        )
        .with_columns(
            transaction_id=pl.when(number == 0)
            .then("transaction_id")
            .otherwise(pl.format("{}-{}", "transaction_id", number + 1))
        )
    )
    unfit = identified.filter(pl.col("transaction_id").str.len_chars() > IDENTIFIER_LENGTH)
    if unfit.height:
        raise IdentifierTooLong("payment", unfit["payment_id"][0])
    return identified


def _body(transfers: pl.DataFrame, identifications: Mapping[str, str]) -> pl.Expr:
    amount = decimal_column(pl.col("amount_minor"), pl.col("exponent"))
    instructed = _instructed_amount() if _any_instructed(transfers) else pl.lit("")
    debtor_agent = pl.coalesce("debtor_agent", "debtor_id")
    creditor_agent = pl.coalesce("creditor_agent", "creditor_id")
    settlement_date = pl.coalesce("value_date", "business_date").cast(pl.String)
    return pl.concat_str(
        pl.lit("<CdtTrfTxInf><PmtId>"),
        element("EndToEndId", escaped(pl.col("end_to_end_id"))),
        element("TxId", escaped(pl.col("transaction_id"))),
        element("UETR", pl.col("uetr")),
        pl.lit("</PmtId>"),
        pl.format('<IntrBkSttlmAmt Ccy="{}">{}</IntrBkSttlmAmt>', "currency", amount),
        element("IntrBkSttlmDt", settlement_date),
        instructed,
        pl.lit("<ChrgBr>SLEV</ChrgBr>"),
        agent("InstgAgt", pl.col("debtor_id"), identifications),
        party("Dbtr", pl.col("debtor_name")),
        account("DbtrAcct", pl.col("debtor_account"), pl.col("debtor_iban")),
        agent("DbtrAgt", debtor_agent, identifications),
        agent("CdtrAgt", creditor_agent, identifications),
        party("Cdtr", pl.col("creditor_name")),
        account("CdtrAcct", pl.col("creditor_account"), pl.col("creditor_iban")),
        element("RmtInf", element("Ustrd", escaped(clean_text(pl.col("purpose"), REMITTANCE_LENGTH)))),
        pl.lit("</CdtTrfTxInf>\n"),
    )


def _any_instructed(rows: pl.DataFrame) -> bool:
    return bool(rows.select(_instructed_otherwise().any()).item())


def _instructed_otherwise() -> pl.Expr:
    """Whether the debtor instructed another amount or currency than is settled."""
    return (pl.col("instructed_currency") != pl.col("currency")) | (
        pl.col("instructed_minor") != pl.col("amount_minor")
    )


def _instructed_amount() -> pl.Expr:
    """InstdAmt where it differs, with XchgRate where its currency does.

    The message definition demands a rate with another currency and forbids it with the same; where
    the rate has no eleven-digit form both are left to the payment.
    """
    minor, exponent = pl.col("instructed_minor"), pl.col("instructed_exponent")
    instructed = pl.format(
        '<InstdAmt Ccy="{}">{}</InstdAmt>', "instructed_currency", decimal_column(minor, exponent)
    )
    rate = rate_column(pl.col("amount_minor"), pl.col("exponent"), minor, exponent)
    converted = pl.concat_str(instructed, pl.format("<XchgRate>{}</XchgRate>", rate)).fill_null("")
    return (
        pl.when(pl.col("instructed_currency") != pl.col("currency"))
        .then(converted)
        .when(_instructed_otherwise())
        .then(instructed)
        .otherwise(pl.lit(""))
    )
