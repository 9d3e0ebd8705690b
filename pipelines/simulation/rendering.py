"""From drafts to the import format: identifiers, references, names, decimals, one CSV a date.

The format is described in `ledger_service/payments/instructions.py`; of its columns this source
leaves `stated_balance` empty.
"""

from datetime import date

import polars as pl

from pipelines.simulation.draft import draft
from pipelines.simulation.draws import stream, uuid7
from pipelines.simulation.economy import decimal_text
from pipelines.simulation.population import Population

INSTRUCTION_COLUMNS = (
    "instruction_id",
    "kind",
    "event_at",
    "value_date",
    "currency",
    "amount",
    "debtor_agent",
    "debtor_account",
    "debtor_name",
    "creditor_agent",
    "creditor_account",
    "creditor_name",
    "counter_currency",
    "counter_amount",
    "end_to_end_id",
    "purpose",
    "channel",
    "merchant_category",
    "stated_balance",
)


def opening_balances(accounts: pl.DataFrame) -> pl.DataFrame:
    """A draft of one opening balance an account, nostros included, with `days_before` its day."""
    payments = draft(
        {
            "kind": "opening_balance",
            "creditor": accounts["index"],
            "amount_minor": accounts["opening_minor"],
            "second": accounts["moved_at_second"],
            "channel": "file",
            "purpose": "Balance of the earlier system",
        }
    )
    return payments.with_columns(
        counter_minor=pl.lit(None, pl.Int64), days_before=accounts["last_movement"]
    )


def numbered(payments: pl.DataFrame, *, accounts: pl.DataFrame, seed: int, day: date) -> pl.DataFrame:
    """The day's payments in order of event time, with all columns of the format and those of the draft.

    What has `days_before` happened that many days before `day`: it is migrated from an earlier system.

    Adds `agent` (index of the account whose book the payment is in) and `nostro` (index, of payouts
    and collections).
    """
    before = pl.col("days_before").fill_null(0)
    # An opening balance happened at the account's last movement, but counts from the migration on.
    counted_before = pl.when(pl.col("kind") == "opening_balance").then(0).otherwise(before)
    midnight = 86_400 * (day.toordinal() - date(1970, 1, 1).toordinal())
    ordered = (
        payments.with_columns(agent=pl.coalesce("debtor", "creditor"))
        .join(
            accounts.select(agent="index", offset="utc_offset_hours", agent_nostro="nostro"),
            on="agent",
            how="left",
            maintain_order="left",
        )
        .with_columns(local=midnight + pl.col("second") - 86_400 * before)
        .with_columns(instant=pl.col("local") - 3600 * pl.col("offset"))
        .sort("instant", maintain_order=True)
    )
    identified = ordered.with_columns(
        instruction_id=uuid7(stream(seed, "identifiers", day), ordered["instant"].to_numpy()),
        number=pl.int_range(1, pl.len() + 1),
        nostro=pl.when(pl.col("kind").is_in(["payout", "collection"])).then("agent_nostro"),
        event_at=pl.from_epoch("local").dt.strftime("%Y-%m-%dT%H:%M:%S")
        + pl.format("+{}:00", pl.col("offset").cast(pl.String).str.zfill(2)),
        value_date=(pl.lit(day) - pl.duration(days=counted_before)).dt.strftime("%Y-%m-%d"),
    )
    return _with_parties(identified, accounts, day)


def _with_parties(payments: pl.DataFrame, accounts: pl.DataFrame, day: date) -> pl.DataFrame:
    """Fill in both sides: customers, external parties at the partner bank, merchants of card spend."""
    sides = accounts.select("index", "participant_id", "account", "holder_name", "currency", "exponent")
    partners = accounts.select(nostro="index", partner="partner_id", country="country")
    for side in ("debtor", "creditor"):
        named = sides.rename({name: f"{side}_{name}" for name in sides.columns[1:]})
        payments = payments.join(
            named, left_on=side, right_on="index", how="left", maintain_order="left"
        )
    payments = payments.join(partners, on="nostro", how="left", maintain_order="left")
    for side, kind, label in (
        ("debtor", "collection", "Payer "),
        ("creditor", "payout", "Beneficiary "),
    ):
        payments = _with_external(payments, side=side, kind=kind, label=label)
    initiator = pl.coalesce("debtor_agent", "creditor_agent")
    conversion = pl.col("counter_minor").is_not_null()
    return payments.with_columns(
        creditor_name=pl.when(pl.col("kind") == "card_purchase")
        .then(pl.format("Shop {}-{}", "merchant_category", pl.col("external") % 100))
        .otherwise("creditor_name"),
        currency=pl.coalesce("debtor_currency", "creditor_currency"),
        amount=decimal_text(pl.col("amount_minor"), pl.coalesce("debtor_exponent", "creditor_exponent")),
        counter_currency=pl.when(conversion).then("creditor_currency"),
        counter_amount=pl.when(conversion).then(
            decimal_text(pl.col("counter_minor"), pl.col("creditor_exponent"))
        ),
        end_to_end_id=initiator + f"-{day:%Y%m%d}-" + pl.col("number").cast(pl.String).str.zfill(7),
        stated_balance=pl.lit(None, pl.String),
    )


def _with_external(payments: pl.DataFrame, *, side: str, kind: str, label: str) -> pl.DataFrame:
    """Agent, account and name of one side, which for `kind` is outside the platform."""
    outside = pl.col("kind") == kind
    number = pl.col("external").cast(pl.String).str.zfill(6)
    return payments.with_columns(
        pl.when(outside).then("partner").otherwise(f"{side}_participant_id").alias(f"{side}_agent"),
        pl.when(outside)
        .then(pl.col("partner").str.replace("-", "") + "X" + number)
        .otherwise(f"{side}_account")
        .alias(f"{side}_account"),
        pl.when(outside)
        .then(pl.lit(label) + pl.col("country") + "-" + number)
        .otherwise(f"{side}_holder_name")
        .alias(f"{side}_name"),
    )


def instructions_csv(payments: pl.DataFrame) -> bytes:
    """The file of one date."""
    return payments.select(INSTRUCTION_COLUMNS).write_csv().encode()


def participants_csv(population: Population) -> bytes:
    """The participants, in the import format."""
    return (
        population.participants.select(
            "participant_id", "name", "kind", "country", "bic", "home_currency", "has_book"
        )
        .write_csv()
        .encode()
    )


def accounts_csv(population: Population) -> bytes:
    """The customer accounts, in the import format; none may be overdrawn."""
    return (
        population.accounts.filter(pl.col("product").is_not_null())
        .select(
            "participant_id",
            "account",
            "product",
            "currency",
            "party_id",
            "party_kind",
            "holder_name",
            "opened_on",
            overdraft_limit=pl.lit("0"),
        )
        .write_csv()
        .encode()
    )


def rates_csv(currencies: pl.DataFrame) -> bytes:
    """The declared rates, per currency: units per USD, spread, cash that must be reported."""
    return (
        currencies.select(
            "currency",
            "exponent",
            units_per_usd="units_per_usd",
            spread_bp="spread_bp",
            cash_reporting_threshold=decimal_text(pl.col("threshold_minor"), pl.col("exponent")),
        )
        .write_csv()
        .encode()
    )
