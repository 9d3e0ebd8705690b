"""The customer payments behind the obligations, a pacs.008 batch per receiver and currency.

Belongs here: joining obligations with their payments, and what each is as a payment of a batch. The
money itself moves net, by pacs.009; these batches tell the creditor's bank whom to credit.
"""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum

import polars as pl

from pipelines.settlement.day_messages import (
    IDENTIFIER_LENGTH,
    NAME_LENGTH,
    Batch,
    IdentifierTooLong,
    MessageType,
    batch,
    exponent_column,
    require_exponents,
    with_agent,
    with_message_ids,
)
from pipelines.settlement.iso20022.amounts import rate_column
from pipelines.settlement.iso20022.elements import NOT_PROVIDED
from pipelines.settlement.iso20022.texts import clean_text, uetrs_of, valid_uetr

TYPE = MessageType.CUSTOMER_CREDIT_TRANSFER
MESSAGE = ["creditor_id", "currency"]
"""What one batch is about."""
ACCOUNT_LENGTH = 34
REMITTANCE_LENGTH = 140

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
    agents: pl.DataFrame,
    exponents: Mapping[str, int],
) -> Batch:
    """One batch per receiving participant and currency, from `customer_transfers`.

    `agents` is `agent_columns`. Raises `ExponentMissing`, `AmountTooLong`.
    """
    require_exponents(transfers["currency"], exponents)
    require_exponents(transfers["instructed_currency"], exponents)
    nobody = pl.lit(None, pl.String)
    return batch(
        TYPE,
        _payments(transfers, agents=agents, exponents=exponents),
        business_date=business_date,
        parties={"window_id": nobody, "sender_id": nobody, "receiver_id": pl.col("paid_id")},
        said={},
        agents=agents,
    )


def _payments(
    transfers: pl.DataFrame, *, agents: pl.DataFrame, exponents: Mapping[str, int]
) -> pl.DataFrame:
    """Transfers as payments of a batch: texts cleaned and cut, agents identified, conversion stated."""
    banks = transfers.with_columns(
        paying_id="debtor_id",
        paid_id="creditor_id",
        debtor_bank=pl.coalesce("debtor_agent", "debtor_id"),
        creditor_bank=pl.coalesce("creditor_agent", "creditor_id"),
    )
    for prefix, named in (
        ("instructing_agent", "paying_id"),
        ("debtor_agent", "debtor_bank"),
        ("creditor_agent", "creditor_bank"),
    ):
        banks = with_agent(banks, prefix, agents, named=named)
    return (
        banks.drop("debtor_id", "creditor_id")
        .with_columns(
            *(clean_text(pl.col(f"{side}_name"), NAME_LENGTH) for side in ("debtor", "creditor")),
            *(clean_text(pl.col(f"{side}_account"), ACCOUNT_LENGTH) for side in ("debtor", "creditor")),
            remittance=clean_text(pl.col("purpose"), REMITTANCE_LENGTH),
            execution_date=pl.coalesce("value_date", "business_date"),
            charge_bearer=pl.lit("SLEV"),
            exponent=exponent_column("currency", exponents),
            instructed_exponent=exponent_column("instructed_currency", exponents),
        )
        .with_columns(exchange_rate=_rate())
        .with_columns(
            pl.when(_instructed_otherwise()).then(name).alias(name)
            for name in ("instructed_currency", "instructed_amount_minor")
        )
        .drop("purpose")
    )


def _instructions(payments: pl.DataFrame) -> pl.LazyFrame:
    return payments.lazy().select(
        *_PAYMENT_COLUMNS,
        instructed_currency="currency",
        instructed_amount_minor="amount_minor",
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
    identified = (
        with_message_ids(batched, TYPE, business_date=business_date, identity=MESSAGE)
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
    return _with_uetrs(identified)


def _with_uetrs(identified: pl.DataFrame) -> pl.DataFrame:
    """A payment without a UETR gets one made of its message and transaction ids, the same at a rerun."""
    missing = identified["uetr"].is_null()
    if not missing.any():
        return identified
    named = identified.filter(missing).select(pl.format("{}/{}", "message_id", "transaction_id"))
    made = identified["uetr"].scatter(missing.arg_true(), uetrs_of(named.to_series()))
    return identified.with_columns(uetr=made)


def _rate() -> pl.Expr:
    """Where the debtor instructed another currency, at what rate it became what is settled.

    The message definition demands a rate with another currency and forbids it with the same.
    """
    rate = rate_column(
        pl.col("amount_minor"),
        pl.col("exponent"),
        pl.col("instructed_amount_minor"),
        pl.col("instructed_exponent"),
    )
    return pl.when(pl.col("instructed_currency") != pl.col("currency")).then(rate)


def _instructed_otherwise() -> pl.Expr:
    """Whether another amount or currency was instructed than is settled, and can be said.

    Where the rate has no eleven-digit form, amount and rate are left to the payment.
    """
    converted = pl.col("instructed_currency") != pl.col("currency")
    deducted = pl.col("instructed_amount_minor") != pl.col("amount_minor")
    return pl.when(converted).then(pl.col("exchange_rate").is_not_null()).otherwise(deducted)
