"""Checking instruction rows: text becomes typed and known, or a row of quarantine for each fault.

Belongs here: the checks of one instruction file against participants and accounts, as one declared
list; a row is accepted when none of them is broken. Whole-file faults belong to `delimited`; what the
ledger refuses (no funds, account closed) is found when booking.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import polars as pl

from ledger_service.payments.instructions import (
    INSTRUCTION_SCHEMA,
    RAW_COLUMNS,
    TEXT_LIMITS,
    Channel,
    PaymentKind,
)
from ledger_service.payments.posting_rules import NOSTRO_REFERENCE, POSTING_RULES, Party
from ledger_service.payments.quarantine import Refusal, empty_quarantine, refused_rows
from ledger_service.reference.money import MoneyFault, with_minor_units

_UUID: Final = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
_TIME: Final = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$"
_ALWAYS: Final = ("instruction_id", "kind", "event_at", "value_date", "currency", "amount")

_TYPED: Final = {
    "event_at": "event_time",
    "value_date": "value_day",
    "debtor_agent": "debtor_bank",
    "creditor_agent": "creditor_bank",
    "source_row": "row",
}
"""Columns of a checked instruction that stand beside the text they were read from."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that can be wrong: `broken` is true where it is; `value` is what the sentence quotes."""

    field: str
    code: Refusal
    broken: pl.Expr
    value: pl.Expr | None = None


def checked_instructions(
    rows: pl.DataFrame,
    *,
    source_file: str,
    business_date: date,
    participants: pl.DataFrame,
    accounts: pl.DataFrame,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Instructions (`INSTRUCTION_SCHEMA`) and quarantine of rows (row, `RAW_COLUMNS`, content).

    `participants`: participant_id, has_book; `accounts`: participant_id, account, opened_on. An
    instruction repeated in the file is accepted once: the first sound row.
    """
    typed = _typed(rows, participants=participants, accounts=accounts, on=business_date)
    sound, quarantine = split_by_checks(typed, _checks(business_date), source_file=source_file)
    unique, repeated = _without_repeats(sound, source_file=source_file)
    instructions = unique.select(
        pl.col(_TYPED.get(name, name)).alias(name)
        for name in INSTRUCTION_SCHEMA
        if name != "source_file"
    ).with_columns(source_file=pl.lit(source_file))
    return instructions.select(list(INSTRUCTION_SCHEMA)), pl.concat([quarantine, repeated])


def split_by_checks(
    rows: pl.DataFrame, checks: Iterator[Check], *, source_file: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows that break no check, and a quarantine row for every check that a row breaks."""
    listed = list(checks)
    flags = [f"__{number}" for number in range(len(listed))]
    judged = rows.with_columns(
        check.broken.fill_null(False).alias(flag) for flag, check in zip(flags, listed, strict=True)
    ).with_columns(__any=pl.any_horizontal(flags))
    bad = judged.filter("__any")
    quarantine = [
        refused_rows(
            bad.filter(flag),
            check.code,
            source_file=source_file,
            field=check.field,
            value=pl.col(check.field) if check.value is None else check.value,
        )
        for flag, check in zip(flags, listed, strict=True)
        if bad[flag].any()
    ]
    sound = judged.filter(~pl.col("__any")).drop("__any", *flags)
    return sound, pl.concat([empty_quarantine(), *quarantine])


def parsed_date(text: pl.Expr) -> pl.Expr:
    """A Date of `YYYY-MM-DD` in the years 1900 to 2199, else null."""
    day = text.str.to_date("%Y-%m-%d", strict=False)
    return pl.when(text.str.contains(r"^(19|2[01])\d{2}-\d{2}-\d{2}$")).then(day)


def _typed(
    rows: pl.DataFrame, *, participants: pl.DataFrame, accounts: pl.DataFrame, on: date
) -> pl.DataFrame:
    """Beside the texts: times, minor units with faults, agents filled in, what is known of them."""
    in_utc = pl.col("event_at").str.replace("Z$", "+00:00")
    times = in_utc.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z", strict=False, time_unit="us")
    debtor_books = participants.filter("has_book")["participant_id"].implode()
    frame = rows.with_columns(
        instruction_id=pl.col("instruction_id").str.to_lowercase(),
        event_time=pl.when(pl.col("event_at").str.contains(_TIME)).then(times),
        value_day=parsed_date(pl.col("value_date")),
        debtor_bank=pl.coalesce("debtor_agent", "creditor_agent"),
        creditor_bank=pl.coalesce("creditor_agent", "debtor_agent"),
        on=pl.lit(on),
    ).with_columns(
        stated_currency=pl.when(
            pl.col("debtor_bank").is_in(debtor_books) & pl.col("debtor_account").is_not_null()
        )
        .then("currency")
        .otherwise(pl.coalesce("counter_currency", "currency"))
    )
    for amount, currency, signed in (
        ("amount", "currency", False),
        ("counter_amount", "counter_currency", False),
        ("stated_balance", "stated_currency", True),
    ):
        frame = with_minor_units(
            frame,
            amount=amount,
            currency_column=currency,
            on="on",
            minor=f"{amount}_minor",
            fault=f"{amount}_fault",
            signed=signed,
        )
    return _with_parties(frame, participants=participants, accounts=accounts)


def _with_parties(
    frame: pl.DataFrame, *, participants: pl.DataFrame, accounts: pl.DataFrame
) -> pl.DataFrame:
    for party in ("debtor", "creditor"):
        known = participants.select(
            pl.col("participant_id").alias(f"{party}_bank"),
            pl.col("has_book").alias(f"{party}_has_book"),
        )
        held = accounts.select(
            pl.col("participant_id").alias(f"{party}_bank"),
            pl.col("account").alias(f"{party}_account"),
            pl.col("opened_on").alias(f"{party}_opened_on"),
        )
        frame = frame.join(known, on=f"{party}_bank", how="left", maintain_order="left")
        frame = frame.join(
            held, on=[f"{party}_bank", f"{party}_account"], how="left", maintain_order="left"
        )
    nostro = (
        (pl.col("kind") == PaymentKind.OPENING_BALANCE.value)
        & pl.col("creditor_account")
        .str.extract(NOSTRO_REFERENCE)
        .is_in(participants["participant_id"].implode())
        & pl.col("creditor_account").str.ends_with(pl.lit(":") + pl.col("currency"))
    )
    return frame.with_columns(own_nostro=nostro.fill_null(False))


def _checks(business_date: date) -> Iterator[Check]:
    yield from _field_checks()
    # A day's grace: where the day ends twelve hours after UTC's, its evening is UTC's tomorrow.
    latest = pl.lit(business_date + timedelta(days=1))
    yield Check("event_at", Refusal.FUTURE_EVENT, pl.col("event_time").dt.date() > latest)
    yield from _money_checks()
    yield from _party_checks(business_date)


def _field_checks() -> Iterator[Check]:
    for field in _ALWAYS:
        yield Check(field, Refusal.MISSING_FIELD, pl.col(field).is_null())
    for field, limit in TEXT_LIMITS.items():
        yield Check(field, Refusal.TEXT_TOO_LONG, pl.col(field).str.len_chars() > limit)
    yield Check("instruction_id", Refusal.BAD_ID, ~pl.col("instruction_id").str.contains(_UUID))
    kinds = [kind.value for kind in PaymentKind]
    yield Check("kind", Refusal.UNKNOWN_KIND, ~pl.col("kind").is_in(kinds))
    channels = [channel.value for channel in Channel]
    yield Check("channel", Refusal.UNKNOWN_CHANNEL, ~pl.col("channel").is_in(channels))
    category = ~pl.col("merchant_category").str.contains("^[0-9]{4}$")
    yield Check("merchant_category", Refusal.BAD_MERCHANT_CATEGORY, category)
    for field, typed, code in (
        ("event_at", "event_time", Refusal.BAD_TIMESTAMP),
        ("value_date", "value_day", Refusal.BAD_DATE),
    ):
        year = pl.col(typed).dt.year()
        outside = pl.col(typed).is_null() | ~year.is_between(1900, 2199)
        yield Check(field, code, pl.col(field).is_not_null() & outside)


def _money_checks() -> Iterator[Check]:
    of_currency = {MoneyFault.UNKNOWN_CURRENCY, MoneyFault.CURRENCY_NOT_VALID}
    for amount, currency in (("amount", "currency"), ("counter_amount", "counter_currency")):
        for fault in MoneyFault:
            yield Check(
                currency if fault in of_currency else amount,
                Refusal(fault.value),
                (pl.col(f"{amount}_fault") == fault.value) & pl.col(currency).is_not_null(),
            )
    for fault in MoneyFault:
        if fault not in of_currency:
            broken = pl.col("stated_balance_fault") == fault.value
            yield Check("stated_balance", Refusal(fault.value), broken)
    conversion = pl.col("kind") == PaymentKind.FX_CONVERSION.value
    for field, other in (
        ("counter_currency", "counter_amount"),
        ("counter_amount", "counter_currency"),
    ):
        needed = pl.col(field).is_null() & (pl.col(other).is_not_null() | conversion)
        yield Check(field, Refusal.MISSING_FIELD, needed)
    same = pl.col("counter_currency") == pl.col("currency")
    yield Check("counter_currency", Refusal.SAME_CURRENCY, same)


def _party_checks(business_date: date) -> Iterator[Check]:
    booked = {
        "debtor": [r.kind.value for r in POSTING_RULES if r.debit is Party.DEBTOR],
        "creditor": [r.kind.value for r in POSTING_RULES if r.credit is Party.CREDITOR],
    }
    between = pl.col("kind").is_in([r.kind.value for r in POSTING_RULES if r.between_parties])
    overdrawn = (
        (pl.col("kind") == PaymentKind.OPENING_BALANCE.value)
        & pl.col("creditor_account").is_null()
        & pl.col("debtor_account").is_not_null()
    )
    for party, kinds in booked.items():
        bank, account = pl.col(f"{party}_bank"), pl.col(f"{party}_account")
        has_book = pl.col(f"{party}_has_book")
        needed = pl.col("kind").is_in(kinds) & ~overdrawn
        yield Check(f"{party}_agent", Refusal.MISSING_FIELD, needed & bank.is_null())
        yield Check(f"{party}_account", Refusal.MISSING_FIELD, needed & account.is_null())
        unknown_bank = pl.col(f"{party}_agent").is_not_null() & bank.is_not_null() & has_book.is_null()
        yield Check(f"{party}_agent", Refusal.UNKNOWN_PARTICIPANT, unknown_bank)
        yield Check(f"{party}_agent", Refusal.NO_BOOK, needed & ~between & ~has_book, bank)
        unknown = has_book & account.is_not_null() & pl.col(f"{party}_opened_on").is_null()
        if party == "creditor":
            unknown &= ~pl.col("own_nostro")
        yield Check(f"{party}_account", Refusal.UNKNOWN_ACCOUNT, unknown)
        not_open = pl.col(f"{party}_opened_on") > business_date
        yield Check(f"{party}_account", Refusal.ACCOUNT_NOT_OPEN, not_open)
    neither = between & ~pl.col("debtor_has_book") & ~pl.col("creditor_has_book")
    yield Check("debtor_agent", Refusal.NO_BOOK, neither, pl.col("debtor_bank"))
    same_bank = pl.col("debtor_bank") == pl.col("creditor_bank")
    itself = between & same_bank & (pl.col("debtor_account") == pl.col("creditor_account"))
    yield Check("creditor_account", Refusal.SAME_ACCOUNT, itself)


def _without_repeats(rows: pl.DataFrame, *, source_file: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows whose id comes first, and the others as noted or refused by their content."""
    content = pl.struct(RAW_COLUMNS)
    judged = rows.with_columns(
        __first=pl.col("instruction_id").is_first_distinct(),
        __same=content == content.first().over("instruction_id"),
    )
    later = judged.filter(~pl.col("__first"))
    same, other = later.filter("__same"), later.filter(~pl.col("__same"))
    quarantine = [
        refused_rows(
            rows,
            code,
            source_file=source_file,
            field="instruction_id",
            value=pl.col("instruction_id"),
        )
        for rows, code in (
            (same, Refusal.DUPLICATE_ID),
            (other, Refusal.DUPLICATE_ID_DIFFERENT_CONTENT),
        )
    ]
    return judged.filter("__first").drop("__first", "__same"), pl.concat(quarantine)
