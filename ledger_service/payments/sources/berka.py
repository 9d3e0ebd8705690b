"""A real Czech bank, anonymised (PKDD'99 challenge): all transactions of 1993-01-01 to 1994-03-31.

One participant with a book, `CZ-BERKA`, and 13 counterparty banks without one. The file tells a date
but no time; the order within a day follows from the balances that the bank states (`balance_chain`), and
`event_at` is that date at midnight UTC plus a running number of microseconds in this order. The bank
rounds stated balances to 0.10, so a step within 0.10 agrees; the others are real breaks and stay in.

========================  =====================================================================
in the file               payment kind
========================  =====================================================================
VKLAD                     cash_deposit
VYBER                     cash_withdrawal (also where it stands as the type), but:
VYBER, SLUZBY             fee
VYBER, SANKC. UROK        penalty_interest
VYBER KARTOU              cash_withdrawal by card
PREVOD NA UCET / Z UCTU   credit_transfer to or from an account at another bank
UROK (no operation)       interest_credit
========================  =====================================================================

The bank's `k_symbol` is kept as purpose. A transfer whose bank the file does not name is booked
against suspense, since nobody knows who the other side is.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Final

import polars as pl

from ledger_service.payments.delimited import DelimitedFile, read_delimited
from ledger_service.payments.identifiers import numbered_ids
from ledger_service.payments.instructions import INSTRUCTION_SCHEMA, Channel, PaymentKind
from ledger_service.payments.quarantine import Refusal, empty_quarantine
from ledger_service.payments.sources.balance_chain import chain_positions
from ledger_service.payments.sources.berka_files import (
    BANK,
    CURRENCY,
    accounts,
    counterparty_id,
    minor_units,
    read_file,
    reference_data,
    short_date,
)
from ledger_service.payments.sources.source import (
    ACCOUNT_SCHEMA,
    PARTICIPANT_SCHEMA,
    NoInstructions,
    Parsed,
    ReceivedFile,
)
from ledger_service.payments.validation import Check, split_by_checks

TRANSACTIONS_FILE: Final = "trans_1993_199403.asc.gz"
ROUNDING_MINOR: Final = 10
"""The bank rounds the balances it states to 0.10."""

_COLUMNS: Final = (
    "trans_id",
    "account_id",
    "date",
    "type",
    "operation",
    "amount",
    "balance",
    "k_symbol",
    "bank",
    "account",
)
_NAMESPACE: Final = 1


class Berka:
    """A source that reads the folder of the challenge's files."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def participants(self) -> pl.DataFrame:
        """The bank, and the 13 banks to which its customers pay or which pay them."""
        return self._participants

    def accounts(self) -> pl.DataFrame:
        """All 4,500 accounts; the bank grants overdrafts, so no balance is limited."""
        return self._accounts

    def refused_reference(self) -> pl.DataFrame:
        """None: the static files are sound."""
        return empty_quarantine()

    def reference_data(self) -> Mapping[str, pl.DataFrame]:
        """Districts, parties, dispositions, cards, loans, standing orders, account terms."""
        return self._reference_data

    def business_dates(self) -> Sequence[date]:
        """The dates that have transactions."""
        return self._dates

    def received(self, business_date: date) -> ReceivedFile | None:
        """The one file, which holds all dates."""
        if business_date not in set(self.business_dates()):
            return None
        return ReceivedFile(TRANSACTIONS_FILE, self._file.sha256, 0)

    def parsed(self, business_date: date) -> Parsed:
        """A date's transactions in their chained order; raises `NoInstructions`.

        Rows that cannot be read have no date either: they are quarantined on the first.
        """
        dates = self.business_dates()
        if business_date not in set(dates):
            raise NoInstructions(business_date)
        instructions, refused = self._chained
        quarantine = refused if business_date == dates[0] else empty_quarantine()
        here = instructions.filter(pl.col("value_date") == business_date)
        rows = here.height + quarantine["row"].n_unique()
        return Parsed(ReceivedFile(TRANSACTIONS_FILE, self._file.sha256, rows), here, quarantine)

    @cached_property
    def _participants(self) -> pl.DataFrame:
        named = self._file.rows["bank"].drop_nulls()
        ordered = read_file(self.path, "order")["bank_to"].drop_nulls()
        banks = pl.concat([named, ordered.rename("bank")]).unique().sort()
        others = banks.to_frame().select(
            participant_id=counterparty_id(pl.col("bank")),
            name=pl.lit("Bank ") + pl.col("bank"),
            has_book=pl.lit(False),
        )
        own = pl.DataFrame({"participant_id": [BANK], "name": ["Berka bank"], "has_book": [True]})
        return (
            pl.concat([own, others])
            .with_columns(
                kind=pl.lit("bank"),
                country=pl.lit("CZ"),
                bic=pl.lit(None, pl.String),
                home_currency=pl.lit(CURRENCY),
            )
            .select(list(PARTICIPANT_SCHEMA))
        )

    @cached_property
    def _accounts(self) -> pl.DataFrame:
        return (
            accounts(self.path)
            .with_columns(
                product=pl.lit("deposit"),
                currency=pl.lit(CURRENCY),
                party_kind=pl.lit("person"),
                holder_name=pl.lit(None, pl.String),
                overdraft_limit_minor=pl.lit(None, pl.Int64),
            )
            .select(list(ACCOUNT_SCHEMA))
        )

    @cached_property
    def _reference_data(self) -> Mapping[str, pl.DataFrame]:
        return reference_data(self.path)

    @cached_property
    def _dates(self) -> list[date]:
        days = self._chained[0]["value_date"].unique().sort().to_list()
        return [day for day in days if isinstance(day, date)]

    @cached_property
    def _file(self) -> DelimitedFile:
        import gzip

        data = gzip.decompress((self.path / TRANSACTIONS_FILE).read_bytes())
        return read_delimited(data, source_file=TRANSACTIONS_FILE, columns=_COLUMNS, separator=";")

    @cached_property
    def _chained(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        sound, refused = split_by_checks(
            _typed(self._file.rows), iter(_checks()), source_file=TRANSACTIONS_FILE
        )
        items = sound.select(
            account="account_number",
            day="day",
            number="number",
            signed_minor="signed_minor",
            stated_minor="stated_minor",
        )
        chained = chain_positions(items, tolerance_minor=ROUNDING_MINOR)
        ordered = (
            sound.join(chained.select("number", "position"), on="number")
            .sort("day", "account_number", "position")
            .with_columns(sequence=pl.int_range(pl.len(), dtype=pl.Int64).over("day"))
        )
        return _instructions(ordered), pl.concat([self._file.quarantine, refused])


def _typed(rows: pl.DataFrame) -> pl.DataFrame:
    """Numbers, dates and minor units beside the texts; null where a text is none."""
    texts = rows.with_columns(
        pl.col("operation", "k_symbol").str.strip_chars().replace("", None),
        # Cash and interest have no other side; a few such rows write it as account 0.
        pl.col("account").replace("0", None),
    )
    return texts.with_columns(
        number=pl.col("trans_id").cast(pl.Int64, strict=False),
        account_number=pl.col("account_id").cast(pl.Int64, strict=False),
        day=short_date(pl.col("date")),
        amount_minor=minor_units(pl.col("amount")),
        stated_minor=minor_units(pl.col("balance")),
        kind=_kind(),
        credits_account=pl.col("type") == "PRIJEM",
    ).with_columns(
        signed_minor=pl.when("credits_account")
        .then(pl.col("amount_minor"))
        .otherwise(-pl.col("amount_minor"))
    )


def _kind() -> pl.Expr:
    operation, symbol = pl.col("operation"), pl.col("k_symbol")
    withdrawal = operation == "VYBER"
    incoming = pl.col("type") == "PRIJEM"
    kinds: list[tuple[pl.Expr, PaymentKind]] = [
        (incoming & (operation == "VKLAD"), PaymentKind.CASH_DEPOSIT),
        (~incoming & withdrawal & (symbol == "SLUZBY"), PaymentKind.FEE),
        (~incoming & withdrawal & (symbol == "SANKC. UROK"), PaymentKind.PENALTY_INTEREST),
        (~incoming & (withdrawal | (operation == "VYBER KARTOU")), PaymentKind.CASH_WITHDRAWAL),
        (incoming & (operation == "PREVOD Z UCTU"), PaymentKind.CREDIT_TRANSFER),
        (~incoming & (operation == "PREVOD NA UCET"), PaymentKind.CREDIT_TRANSFER),
        (incoming & operation.is_null() & (symbol == "UROK"), PaymentKind.INTEREST_CREDIT),
    ]
    return pl.coalesce(
        pl.when(condition.fill_null(False)).then(pl.lit(kind.value)) for condition, kind in kinds
    )


def _checks() -> list[Check]:
    return [
        Check("trans_id", Refusal.BAD_ID, pl.col("number").is_null()),
        Check("trans_id", Refusal.DUPLICATE_ID, ~pl.col("number").is_first_distinct()),
        Check("account_id", Refusal.UNKNOWN_ACCOUNT, pl.col("account_number").is_null()),
        Check("date", Refusal.BAD_DATE, pl.col("day").is_null()),
        Check("operation", Refusal.UNKNOWN_KIND, pl.col("kind").is_null()),
        Check("amount", Refusal.NOT_A_NUMBER, pl.col("amount_minor").is_null()),
        Check("amount", Refusal.NOT_POSITIVE, pl.col("amount_minor") <= 0),
        Check("balance", Refusal.NOT_A_NUMBER, pl.col("stated_minor").is_null()),
    ]


def _instructions(ordered: pl.DataFrame) -> pl.DataFrame:
    is_transfer = pl.col("kind") == PaymentKind.CREDIT_TRANSFER.value
    own, other = pl.col("account_id"), pl.when(is_transfer).then("account")
    other_bank = pl.when(is_transfer).then(counterparty_id(pl.col("bank"))).otherwise(pl.lit(BANK))
    incoming = pl.col("credits_account")
    by_card = pl.col("operation") == "VYBER KARTOU"
    cash = pl.col("kind").is_in([PaymentKind.CASH_DEPOSIT.value, PaymentKind.CASH_WITHDRAWAL.value])
    midnight = pl.col("day").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    timed = ordered.with_columns(event_at=midnight + pl.duration(microseconds="sequence"))
    return timed.with_columns(
        instruction_id=numbered_ids(timed["event_at"], timed["number"], namespace=_NAMESPACE),
        value_date="day",
        currency=pl.lit(CURRENCY),
        debtor_agent=pl.when(incoming).then(other_bank).otherwise(pl.lit(BANK)),
        debtor_account=pl.when(incoming).then(other).otherwise(own),
        debtor_name=pl.lit(None, pl.String),
        creditor_agent=pl.when(incoming).then(pl.lit(BANK)).otherwise(other_bank),
        creditor_account=pl.when(incoming).then(own).otherwise(other),
        creditor_name=pl.lit(None, pl.String),
        counter_currency=pl.lit(None, pl.String),
        counter_amount_minor=pl.lit(None, pl.Int64),
        end_to_end_id="trans_id",
        purpose="k_symbol",
        channel=pl.when(by_card)
        .then(pl.lit(Channel.CARD.value))
        .when(cash)
        .then(pl.lit(Channel.BRANCH.value)),
        merchant_category=pl.lit(None, pl.String),
        stated_balance_minor="stated_minor",
        source_file=pl.lit(TRANSACTIONS_FILE),
        source_row="row",
    ).select(list(INSTRUCTION_SCHEMA))
