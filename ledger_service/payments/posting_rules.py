"""Posting rules: which accounts a payment of each kind debits and credits, as one declared table.

Belongs here: the table, and turning instructions into legs by it, purely. A *leg* is one transfer of an
instruction, in one book, between two accounts that are named but need not exist yet (`system_accounts`
opens ours). Amounts are minor units.

=====  ==========================================================================================
leg    what it is
=====  ==========================================================================================
1      in the debtor's book, or in the only book that the payment touches
2      the second half of a conversion: linked to leg 1, so that both or none are booked
3      in the creditor's book, when that is another one; booked only where leg 1 (and 2) is
4      instead of a leg that could not reach the creditor: the money waits on unapplied receipts
=====  ==========================================================================================

Between books the debtor's bank owes the creditor's until settlement: leg 1 credits the clearing account
of the creditor agent, leg 3 debits that of the debtor agent, so each book sums to zero per currency by
itself. A participant without a book is booked on our side only. A conversion runs through the FX
position accounts of the book that converts: the debtor's where it has one.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final, TypeAlias

import polars as pl

from ledger_service.ledger.chart import ChartCode
from ledger_service.payments.identifiers import derived_ids
from ledger_service.payments.instructions import PaymentKind


class Party(StrEnum):
    """A side of a payment that stands outside the bank's own accounts."""

    DEBTOR = "debtor"
    """Pays."""
    CREDITOR = "creditor"
    """Is paid."""


@dataclass(frozen=True, slots=True)
class PostingRule:
    """What one kind of payment debits and credits: a party's account or one of the bank's own.

    `through_nostro`: a party outside the platform is reached through our account at its bank.
    """

    kind: PaymentKind
    debit: Party | ChartCode
    credit: Party | ChartCode
    through_nostro: bool = False

    @property
    def between_parties(self) -> bool:
        """Both sides are parties, perhaps in two books."""
        return isinstance(self.debit, Party) and isinstance(self.credit, Party)


def _transfer(kind: PaymentKind, *, through_nostro: bool = False) -> PostingRule:
    return PostingRule(kind, Party.DEBTOR, Party.CREDITOR, through_nostro)


POSTING_RULES: Final = (
    PostingRule(PaymentKind.OPENING_BALANCE, ChartCode.OPENING_BALANCES, Party.CREDITOR),
    PostingRule(PaymentKind.CASH_DEPOSIT, ChartCode.CASH, Party.CREDITOR),
    PostingRule(PaymentKind.CASH_WITHDRAWAL, Party.DEBTOR, ChartCode.CASH),
    _transfer(PaymentKind.CREDIT_TRANSFER),
    _transfer(PaymentKind.SALARY),
    _transfer(PaymentKind.REMITTANCE),
    _transfer(PaymentKind.MERCHANT_PAYMENT),
    _transfer(PaymentKind.PAYOUT, through_nostro=True),
    _transfer(PaymentKind.COLLECTION, through_nostro=True),
    _transfer(PaymentKind.FX_CONVERSION),
    PostingRule(PaymentKind.CARD_PURCHASE, Party.DEBTOR, ChartCode.CARD_SETTLEMENT),
    PostingRule(PaymentKind.FEE, Party.DEBTOR, ChartCode.FEE_INCOME),
    PostingRule(PaymentKind.INTEREST_CREDIT, ChartCode.INTEREST_EXPENSE, Party.CREDITOR),
    PostingRule(PaymentKind.PENALTY_INTEREST, Party.DEBTOR, ChartCode.PENALTY_INTEREST_INCOME),
    PostingRule(PaymentKind.LOAN_DISBURSEMENT, ChartCode.LOANS, Party.CREDITOR),
    PostingRule(PaymentKind.LOAN_REPAYMENT, Party.DEBTOR, ChartCode.LOANS),
)

NOSTRO_REFERENCE: Final = "^nostro:([A-Z0-9-]+):[A-Z]{3}$"
"""A nostro account as an opening balance names it, with the partner bank."""

LEG_SCHEMA: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "payment_id": pl.String,
    "leg": pl.Int64,
    "transfer_id": pl.String,
    "book_id": pl.Int32,
    "debit_chart_code": pl.Int32,  # null: a customer's account
    "debit_counterparty": pl.String,
    "debit_ref": pl.String,
    "credit_chart_code": pl.Int32,
    "credit_counterparty": pl.String,
    "credit_ref": pl.String,
    "currency": pl.String,
    "amount_minor": pl.Int64,
    "linked": pl.Boolean,
    "kind": pl.String,
    "event_at": pl.Datetime("us", "UTC"),
    "value_date": pl.Date,
}


@cache
def rule_table() -> pl.DataFrame:
    """The rules as a frame: kind, debit_code and credit_code (null for a party), through_nostro."""
    rows = [
        (
            rule.kind.value,
            None if isinstance(rule.debit, Party) else int(rule.debit),
            None if isinstance(rule.credit, Party) else int(rule.credit),
            rule.through_nostro,
        )
        for rule in POSTING_RULES
    ]
    schema = {
        "kind": pl.String,
        "debit_code": pl.Int32,
        "credit_code": pl.Int32,
        "through_nostro": pl.Boolean,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def legs_for(instructions: pl.DataFrame, participants: pl.DataFrame) -> pl.DataFrame:
    """The legs (`LEG_SCHEMA`) of instructions (`INSTRUCTION_SCHEMA`), in order of event and leg.

    `participants`: participant_id, kind (String), book_id (Int32, null without a book). An
    instruction that touches no book has no legs.
    """
    routed = _routed(instructions, participants)
    legs = pl.concat([_first_legs(routed), _second_legs(routed), _third_legs(routed)])
    return (
        legs.with_columns(
            transfer_id=derived_ids(legs["payment_id"], legs["leg"]),
            debit_ref=_reference("debit"),
            credit_ref=_reference("credit"),
        )
        .sort("sequence", "leg")
        .select(list(LEG_SCHEMA))
    )


def unapplied_legs(legs: pl.DataFrame) -> pl.DataFrame:
    """For legs that could not reach the creditor: leg 4, to the book's unapplied receipts."""
    return legs.with_columns(
        leg=pl.lit(4, pl.Int64),
        transfer_id=derived_ids(legs["payment_id"], pl.repeat(4, legs.height, eager=True)),
        credit_chart_code=pl.lit(int(ChartCode.UNAPPLIED_RECEIPTS), pl.Int32),
        credit_counterparty=pl.lit(None, pl.String),
        credit_ref=pl.lit(f"{ChartCode.UNAPPLIED_RECEIPTS.name.lower()}:") + pl.col("currency"),
        linked=pl.lit(False),
    )


def _routed(instructions: pl.DataFrame, participants: pl.DataFrame) -> pl.DataFrame:
    """Instructions with their rule, the two agents' books, and how the other agent is reached."""
    agents = participants.select("participant_id", "book_id", outside=pl.col("kind") == "partner_bank")
    own_bank = (
        pl.coalesce("debtor_agent", "creditor_agent"),
        pl.coalesce("creditor_agent", "debtor_agent"),
    )
    routed = (
        instructions.with_row_index("sequence")
        .with_columns(debtor_agent=own_bank[0], creditor_agent=own_bank[1])
        .join(rule_table(), on="kind", maintain_order="left")
        .join(_prefixed(agents, "debtor"), on="debtor_agent", how="left", maintain_order="left")
        .join(_prefixed(agents, "creditor"), on="creditor_agent", how="left", maintain_order="left")
    )
    opening = pl.col("kind") == PaymentKind.OPENING_BALANCE.value
    nostro = opening & pl.col("creditor_account").str.contains(NOSTRO_REFERENCE).fill_null(False)
    reversed_opening = nostro | (opening & pl.col("creditor_account").is_null())
    return routed.with_columns(
        # Balances on the debit side are migrated the other way round: nostros, overdrawn customers.
        debit_code=pl.when(nostro)
        .then(pl.lit(int(ChartCode.NOSTRO), pl.Int32))
        .when(~reversed_opening)
        .then("debit_code"),
        credit_code=pl.when(reversed_opening).then(pl.col("debit_code")).otherwise("credit_code"),
        own_nostro_at=pl.when(nostro).then(
            pl.col("creditor_account").str.extract(NOSTRO_REFERENCE).cast(pl.String)
        ),
    ).with_columns(
        converted=pl.col("counter_currency").is_not_null(),
        credited_currency=pl.coalesce("counter_currency", "currency"),
        credited_minor=pl.coalesce("counter_amount_minor", "amount_minor"),
        to_creditor=_between_banks("creditor"),
        to_debtor=_between_banks("debtor"),
        two_books=pl.col("debit_code").is_null()
        & pl.col("credit_code").is_null()
        & (pl.col("debtor_agent") != pl.col("creditor_agent")),
    )


def _prefixed(agents: pl.DataFrame, party: str) -> pl.DataFrame:
    return agents.rename(
        {"participant_id": f"{party}_agent"}
        | {name: f"{party}_{name}" for name in ("book_id", "outside")}
    )


def _between_banks(party: str) -> pl.Expr:
    """Chart code under which the other bank is booked: nostro outside the platform, else clearing."""
    nostro = pl.col(f"{party}_book_id").is_null() & (
        pl.col("through_nostro") | pl.col(f"{party}_outside").fill_null(False)
    )
    return (
        pl.when(nostro)
        .then(pl.lit(int(ChartCode.NOSTRO), pl.Int32))
        .otherwise(pl.lit(int(ChartCode.CLEARING), pl.Int32))
    )


def _first_legs(routed: pl.DataFrame) -> pl.DataFrame:
    """Leg 1: the whole payment, or its debtor's side, or (conversion) its first half."""
    here = _debtor_side(routed)
    fx = pl.lit(int(ChartCode.FX_POSITION), pl.Int32)
    return _legs(
        here,
        leg=1,
        debit=_debit_side(),
        credit=(
            pl.when("converted").then(fx).otherwise(_credit_side()[0]),
            pl.when(~pl.col("converted")).then(_credit_side()[1]),
            pl.when(~pl.col("converted")).then(_credit_side()[2]),
        ),
        linked=pl.col("converted"),
    )


def _second_legs(routed: pl.DataFrame) -> pl.DataFrame:
    """Leg 2: from the FX position in the other currency to where leg 1 of a plain payment goes."""
    fx = pl.lit(int(ChartCode.FX_POSITION), pl.Int32)
    nobody = pl.lit(None, pl.String)
    return _legs(
        _debtor_side(routed).filter("converted"),
        leg=2,
        debit=(fx, nobody, nobody),
        credit=_credit_side(),
        credited=True,
    )


def _third_legs(routed: pl.DataFrame) -> pl.DataFrame:
    """Leg 3: the creditor's side of a payment between banks."""
    there = routed.filter("two_books", pl.col("creditor_book_id").is_not_null())
    return _legs(
        there.with_columns(book_id="creditor_book_id"),
        leg=3,
        debit=(pl.col("to_debtor"), pl.col("debtor_agent"), pl.lit(None, pl.String)),
        credit=(pl.lit(None, pl.Int32), pl.lit(None, pl.String), pl.col("creditor_account")),
        credited=True,
    )


def _debtor_side(routed: pl.DataFrame) -> pl.DataFrame:
    """Payments that the debtor's book sees, or the only book: `book_id` says which."""
    paid_by_bank = pl.col("debit_code").is_not_null()
    book = pl.when(paid_by_bank).then("creditor_book_id").otherwise("debtor_book_id")
    return routed.with_columns(book_id=book).filter(pl.col("book_id").is_not_null())


_Account: TypeAlias = tuple[pl.Expr, pl.Expr, pl.Expr]
"""Chart code, counterparty, customer's reference."""


def _debit_side() -> _Account:
    unknown = pl.col("debit_code").is_null() & pl.col("debtor_account").is_null()
    code = pl.when(unknown).then(pl.lit(int(ChartCode.SUSPENSE), pl.Int32)).otherwise("debit_code")
    account = pl.when(pl.col("debit_code").is_null()).then("debtor_account")
    return code, pl.col("own_nostro_at"), account


def _credit_side() -> _Account:
    unknown = pl.col("credit_code").is_null() & pl.col("creditor_account").is_null()
    code = (
        pl.when("two_books")
        .then("to_creditor")
        .when(unknown)
        .then(pl.lit(int(ChartCode.SUSPENSE), pl.Int32))
        .otherwise("credit_code")
    )
    counterparty = pl.when("two_books").then("creditor_agent")
    customer = ~pl.col("two_books") & pl.col("credit_code").is_null()
    return code, counterparty, pl.when(customer).then("creditor_account")


def _legs(
    routed: pl.DataFrame,
    *,
    leg: int,
    debit: _Account,
    credit: _Account,
    credited: bool = False,
    linked: pl.Expr | None = None,
) -> pl.DataFrame:
    return routed.select(
        "sequence",
        payment_id="instruction_id",
        leg=pl.lit(leg, pl.Int64),
        book_id="book_id",
        debit_chart_code=debit[0],
        debit_counterparty=debit[1],
        debit_ref=debit[2],
        credit_chart_code=credit[0],
        credit_counterparty=credit[1],
        credit_ref=credit[2],
        currency=pl.col("credited_currency" if credited else "currency"),
        amount_minor=pl.col("credited_minor" if credited else "amount_minor"),
        linked=pl.lit(False) if linked is None else linked,
        kind="kind",
        event_at="event_at",
        value_date="value_date",
    )


def _reference(side: str) -> pl.Expr:
    """A customer's own reference, or ours: `cash:KES`, `clearing:KE-NDOVU:KES`."""
    names = {int(code): code.name.lower() for code in ChartCode}
    code = pl.col(f"{side}_chart_code")
    name = code.replace_strict(names, default=None, return_dtype=pl.String)
    counterparty = pl.col(f"{side}_counterparty")
    own = pl.concat_str(
        [name, pl.when(counterparty.is_not_null()).then(counterparty), pl.col("currency")],
        separator=":",
        ignore_nulls=True,
    )
    return pl.when(code.is_null()).then(pl.col(f"{side}_ref")).otherwise(own)
