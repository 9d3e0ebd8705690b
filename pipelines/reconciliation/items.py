"""The items of both sides of a nostro account, in one shape, with what is open from earlier dates.

Belongs here: turning ledger entries, statement entries and open breaks into items. Comparing them
is `statements.py`.
"""

from dataclasses import dataclass

import polars as pl

from pipelines.reconciliation.camt053 import REJECTED_SCHEMA, StatementFrames
from pipelines.reconciliation.rules import BreakClass, Rules
from pipelines.reconciliation.shapes import shaped

ACCOUNT_COLUMNS = ("participant_id", "counterparty_id", "book_id", "account_id", "external_ref")

ITEM_COLUMNS: dict[str, pl.DataType | type[pl.DataType]] = {
    "account": pl.Int64,
    "relation": pl.Int64,
    "participant_id": pl.String,
    "counterparty_id": pl.String,
    "book_id": pl.Int32,
    "account_id": pl.Int64,
    "external_ref": pl.String,
    "currency": pl.String,
    "signed_minor": pl.Int64,
    "end_to_end_id": pl.String,
    "value_date": pl.Date,
    "version": pl.Int64,  # ledger side
    "payment_id": pl.String,
    "statement_ref": pl.String,  # stated side
    "is_charge": pl.Boolean,
    "is_opening": pl.Boolean,  # a balance migrated from an earlier system
    "ref": pl.String,  # of the break that the item is since an earlier date; null: new today
    "break_class": pl.String,
    "first_seen": pl.Date,
    "detail": pl.String,
}

ONE_SIDED = (
    BreakClass.MISSING_AT_BANK,
    BreakClass.MISSING_IN_LEDGER,
    BreakClass.DUPLICATE,
    BreakClass.FEE,
    BreakClass.CURRENCY,
    BreakClass.RETURN,
)
"""Classes of one item alone: the item is compared again every day until its counterpart comes."""


def is_one_sided() -> pl.Expr:
    """Whether a break is of one item; a fee that a pair differs by is of two."""
    alone = pl.any_horizontal(pl.col("ledger_minor", "stated_minor").is_null())
    return pl.col("break_class").is_in([str(name) for name in ONE_SIDED]) & alone


@dataclass(frozen=True, slots=True)
class NostroItems:
    """Both sides, each with an `item` number, and what could not be attributed to an account."""

    ledger: pl.DataFrame
    stated: pl.DataFrame
    statements: pl.DataFrame
    rejected: pl.DataFrame


def nostro_accounts(accounts: pl.DataFrame) -> pl.DataFrame:
    """The nostro accounts of all books, numbered by `account` and, per partner bank, `relation`."""
    nostro = accounts.filter(pl.col("chart_name") == "nostro").sort("book_id", "account_id")
    relations = (
        nostro.select("participant_id", "counterparty_id")
        .unique(maintain_order=True)
        .with_row_index("relation")
        .cast({"relation": pl.Int64})
    )
    return (
        nostro.join(relations, on=["participant_id", "counterparty_id"], nulls_equal=True)
        .sort("book_id", "account_id")
        .with_row_index("account")
        .cast({"account": pl.Int64})
    )


def collect_items(
    *,
    nostro: pl.DataFrame,
    entries: pl.DataFrame,
    payments: pl.DataFrame,
    statements: StatementFrames,
    open_breaks: pl.DataFrame,
    rules: Rules,
) -> NostroItems:
    """The items to compare on a date: those open from earlier ones first, oldest first, then its own."""
    known, refused = _attribute(statements, nostro=nostro)
    open_items = _open_items(open_breaks, nostro=nostro)
    ledger = [
        open_items.filter(pl.col("ledger_minor").is_not_null())
        .with_columns(signed_minor="ledger_minor")
        .select(list(ITEM_COLUMNS)),
        _ledger_items(entries, nostro=nostro, payments=payments),
    ]
    stated = [
        open_items.filter(pl.col("stated_minor").is_not_null())
        .with_columns(signed_minor="stated_minor")
        .select(list(ITEM_COLUMNS)),
        _stated_items(statements.entries, known=known, rules=rules),
    ]
    return NostroItems(
        ledger=_numbered(ledger), stated=_numbered(stated), statements=known, rejected=refused
    )


def _numbered(parts: list[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(parts).with_row_index("item").cast({"item": pl.Int64})


def _ledger_items(
    entries: pl.DataFrame, *, nostro: pl.DataFrame, payments: pl.DataFrame
) -> pl.DataFrame:
    """Posted entries of nostro accounts; a hold moves no money and is no item."""
    references = payments.select("payment_id", "end_to_end_id").unique("payment_id", maintain_order=True)
    columns = ("account", "relation", *ACCOUNT_COLUMNS, "normal_side")
    return (
        entries.filter(pl.col("amount_minor") != 0)
        .join(nostro.select(columns), on=["book_id", "account_id"])
        .join(references, on="payment_id", how="left")
        .with_columns(
            signed_minor=pl.when(pl.col("side") == pl.col("normal_side"))
            .then("amount_minor")
            .otherwise(-pl.col("amount_minor")),
            is_charge=pl.lit(value=False),
            is_opening=pl.col("kind") == "opening_balance",
        )
        .pipe(shaped, ITEM_COLUMNS)
        .sort("account", "version")
    )


def _stated_items(entries: pl.DataFrame, *, known: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Booked statement entries; one in another currency than its account has no `account` number."""
    code = pl.col("bank_transaction_code")
    charged = code.str.split("/").list.last().is_in(
        sorted(rules.charge_sub_families)
    ) & code.str.contains("/", literal=True)
    foreign = pl.col("currency") != pl.col("account_currency")
    return (
        entries.join(known, on=["file", "statement_ordinal"])
        .with_columns(
            account=pl.when(~foreign).then("account"),
            signed_minor=pl.when(pl.col("direction") == "CRDT")
            .then("amount_minor")
            .otherwise(-pl.col("amount_minor")),
            statement_ref=_statement_ref(),
            is_charge=(charged | code.is_in(sorted(rules.charge_proprietary))).fill_null(value=False),
            is_opening=pl.lit(value=False),
        )
        .sort("file", "entry_ordinal", "detail_ordinal")
        .pipe(shaped, ITEM_COLUMNS)
    )


def _statement_ref() -> pl.Expr:
    """`<file>#<entry>`, and `.<transaction>` within a batch booking."""
    entry = pl.format("{}#{}", "file", "entry_ordinal")
    return (
        pl.when(pl.col("detail_ordinal") > 0)
        .then(pl.format("{}.{}", entry, "detail_ordinal"))
        .otherwise(entry)
    )


def _open_items(open_breaks: pl.DataFrame, *, nostro: pl.DataFrame) -> pl.DataFrame:
    """One-sided open breaks of nostro accounts as items, oldest first."""
    columns = nostro.select("book_id", "account_id", "account", "relation", account_currency="currency")
    return (
        open_breaks.filter(is_one_sided())
        .join(columns, on=["book_id", "account_id"])
        .with_columns(
            account=pl.when(pl.col("currency") == pl.col("account_currency")).then("account"),
            is_charge=pl.col("break_class") == BreakClass.FEE,
            is_opening=pl.lit(value=False),
        )
        .sort("first_seen", "ref")
    )


def _attribute(
    statements: StatementFrames, *, nostro: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Statements with the nostro account each is about, and refusals of the others.

    A servicer names the account by our external reference or as `nostro:<partner>:<currency>`; the
    owner tells whose it is. A statement delivered twice is used once.
    """
    named = pl.format("nostro:{}:{}", "counterparty_id", "currency")
    identities = pl.concat(
        [nostro.with_columns(named_as=name) for name in (pl.col("external_ref"), named)]
    ).unique(["participant_id", "named_as"], keep="first", maintain_order=True)
    columns = identities.select(
        "named_as", "relation", *ACCOUNT_COLUMNS, number="account", account_currency="currency"
    )
    joined = (
        statements.statements.join(
            columns, left_on=["owner_id", "account"], right_on=["participant_id", "named_as"], how="left"
        )
        .drop("account")
        .rename({"number": "account", "owner_id": "participant_id", "currency": "currency_stated"})
        .sort("file", "statement_ordinal")
        .with_columns(
            repeated=pl.int_range(pl.len()).over("account", "statement_id") > 0,
            unknown=pl.col("account").is_null(),
        )
    )
    usable = ~pl.col("unknown") & ~pl.col("repeated")
    refused = joined.filter(~usable).join(
        statements.statements.select("file", "statement_ordinal", written="account"),
        on=["file", "statement_ordinal"],
    )
    return joined.filter(usable), _refusals(refused, entries=statements.entries)


def _refusals(refused: pl.DataFrame, *, entries: pl.DataFrame) -> pl.DataFrame:
    """One row for each statement that is not used and one for each of its entries."""
    sentence = (
        pl.when("unknown")
        .then(
            pl.format(
                "account {} of {} is no nostro account of any book: open it or return the statement",
                pl.col("written").fill_null("(none)"),
                pl.col("participant_id").fill_null("(nobody)"),
            )
        )
        .otherwise(pl.format("statement {} was delivered twice: this copy is not used", "statement_id"))
    )
    told = refused.with_columns(
        message=sentence,
        code=pl.when("unknown").then(pl.lit("unknown_account")).otherwise(pl.lit("duplicate_statement")),
        source_file="file",
        field=pl.lit("Stmt/Acct/Id"),
        content=pl.col("written").fill_null(""),
    )
    whole = told.with_columns(row=pl.lit(0, dtype=pl.Int64))
    parts = told.join(
        entries.select("file", "statement_ordinal", row="entry_ordinal").unique(maintain_order=True),
        on=["file", "statement_ordinal"],
    )
    return pl.concat([whole.select(list(REJECTED_SCHEMA)), parts.select(list(REJECTED_SCHEMA))])
