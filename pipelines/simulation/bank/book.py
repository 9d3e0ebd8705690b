"""The bank's book: what it executed, what came back, and the entries of the accounts that it keeps.

Belongs here: executing the payments of a file, returns and recalls, balances. Each step is one pair of
Parquet files, written before the bank's journal says that the step is done; a book opened again reads
the steps that the journal names. Entries are numbered by account without gaps.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from pipelines.simulation.bank.behaviour import Rule
from pipelines.simulation.bank.configuration import BankConfig
from pipelines.simulation.bank.decisions import EXECUTED, decided, draw
from pipelines.simulation.bank.orders import ORDERED, Orders, Recall

PAYMENTS = pl.DataFrame(
    schema={
        "file": pl.UInt32,  # number of the file that it came in
        "message_id": pl.String,
        "message_type": pl.String,
        **ORDERED,
        "reference": pl.String,  # by what the bank knows it
        "debit_account": pl.String,
        "credit_account": pl.String,  # null when it leaves the bank
        "status": pl.String,  # ACSC or RJCT
        "reason": pl.String,  # of a rejection
        "return_reason": pl.String,  # why it will come back; null when it will not
    }
)
"""What the bank was asked to pay, and what it decided."""

ENTRIES = pl.DataFrame(
    schema={
        "account": pl.String,
        "currency": pl.String,
        "booked_on": pl.Date,
        "direction": pl.String,  # C or D
        "amount_minor": pl.Int64,
        "kind": pl.String,  # payment or return
        "reason": pl.String,  # of a return
        "file": pl.UInt32,
        "row": pl.UInt32,
        "message_id": pl.String,
        "instruction_id": pl.String,
        "end_to_end_id": pl.String,
        "transaction_id": pl.String,
        "uetr": pl.String,
        "counterparty_name": pl.String,
        "counterparty_account": pl.String,
        "remittance": pl.String,
        "entry": pl.UInt32,  # number in its account, from 1
    }
)
"""Entries of the accounts that the bank keeps, in the order of booking."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one step of the book added."""

    payments: pl.DataFrame
    entries: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Resolution:
    """The bank's answer to the recall of one payment."""

    recall: Recall
    granted: bool
    reason: str | None
    """Of a refusal: NOOR not received, ARDT returned already, CUST the creditor does not consent."""


class Book:
    """The book of one bank, in a folder; not for two threads at a time."""

    def __init__(self, config: BankConfig, folder: Path, *, steps: int) -> None:
        self._config = config
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.steps = steps
        numbers = range(1, steps + 1)
        self.payments = pl.concat(
            [PAYMENTS, *(pl.read_parquet(self._path("payments", n)) for n in numbers)]
        )
        self.entries = pl.concat(
            [ENTRIES, *(pl.read_parquet(self._path("entries", n)) for n in numbers)]
        )

    def execute(self, given: Orders, *, file: int, on: date, partial: Rule | None) -> Step:
        """Decide on the payments of a file and book what is executed."""
        executed = self.payments.filter(pl.col("status") == EXECUTED)
        rows = decided(
            given.payments,
            config=self._config,
            message_type=given.message_type,
            known=executed["reference"],
            available=self._available,
            partial=partial,
        ).with_columns(
            file=pl.lit(file, pl.UInt32),
            message_id=pl.lit(given.message_id),
            message_type=pl.lit(given.message_type),
        )
        payments = rows.select(PAYMENTS.columns).cast(PAYMENTS.schema)
        due = payments.filter(pl.col("status") == EXECUTED)
        return self._add(payments, _movements(due, on=on, kind="payment"))

    def take_back(self, payments: pl.DataFrame, *, on: date) -> Step:
        """Return executed payments (`PAYMENTS`), each for its return_reason."""
        return self._add(PAYMENTS, _movements(payments, on=on, kind="return"))

    def due_back(self, day: date) -> pl.DataFrame:
        """Payments executed by the end of a day that are to come back and have not."""
        booked = self.entries.filter(pl.col("booked_on") <= day).select("file", "row").unique()
        marked = self.payments.filter(pl.col("return_reason").is_not_null())
        marked = marked.join(booked, on=["file", "row"], how="semi", maintain_order="left")
        return marked.join(self._returned(), on=["file", "row"], how="anti", maintain_order="left")

    def resolve(self, asked: list[Recall]) -> tuple[list[Resolution], pl.DataFrame]:
        """What is answered to each recall, and the payments that go back for it, reason FOCR."""
        returned = set(self._returned().iter_rows())
        resolutions, granted = [], [PAYMENTS]
        for recall in asked:
            payment = self._recalled(recall)
            key = (payment["file"][0], payment["row"][0]) if payment.height else None
            if key is None:
                resolutions.append(Resolution(recall, granted=False, reason="NOOR"))
            elif key in returned:
                resolutions.append(Resolution(recall, granted=False, reason="ARDT"))
            elif draw(self._config.seed, "recall", payment["reference"])[0] < (
                self._config.recalls_granted_permille
            ):
                returned.add(key)
                granted.append(payment.with_columns(return_reason=pl.lit("FOCR")))
                resolutions.append(Resolution(recall, granted=True, reason=None))
            else:
                resolutions.append(Resolution(recall, granted=False, reason="CUST"))
        return resolutions, pl.concat(granted)

    def balance(self, account: str, *, before: date | None = None) -> int:
        """Minor units after every entry, or after those booked before a date."""
        kept = self._config.kept(account)
        rows = self.entries.filter(pl.col("account") == account)
        if before is not None:
            rows = rows.filter(pl.col("booked_on") < before)
        signed = (
            pl.when(pl.col("direction") == "C").then("amount_minor").otherwise(-pl.col("amount_minor"))
        )
        return (kept.opening_minor if kept else 0) + int(
            rows.select(signed.cast(pl.Int128).sum()).item()
        )

    def entries_on(self, account: str, day: date) -> pl.DataFrame:
        """The entries of an account booked on a day."""
        return self.entries.filter(pl.col("account") == account, pl.col("booked_on") == day)

    def _available(self, account: str) -> int:
        kept = self._config.kept(account)
        return self.balance(account) + (kept.overdraft_minor if kept else 0)

    def _returned(self) -> pl.DataFrame:
        return self.entries.filter(pl.col("kind") == "return").select("file", "row").unique()

    def _recalled(self, recall: Recall) -> pl.DataFrame:
        """The executed payment that a recall names by everything that it says; empty when none."""
        found = self.payments.filter(pl.col("status") == EXECUTED)
        named = False
        for column in ("message_id", "uetr", "transaction_id", "instruction_id", "end_to_end_id"):
            value = getattr(recall, column)
            if value is not None:
                found = found.filter(pl.col(column) == value)
                named = named or column != "message_id"
        return found.head(1) if named else found.clear()

    def _add(self, payments: pl.DataFrame, movements: pl.DataFrame) -> Step:
        numbers = dict(self.entries.group_by("account").len().iter_rows())
        entries = movements.with_columns(
            entry=(
                pl.int_range(1, pl.len() + 1).over("account")
                + pl.col("account").replace_strict(numbers, default=0, return_dtype=pl.Int64)
            )
        ).select(pl.col(name).cast(kind) for name, kind in ENTRIES.schema.items())
        self.steps += 1
        payments.write_parquet(self._path("payments", self.steps))
        entries.write_parquet(self._path("entries", self.steps))
        self.payments = pl.concat([self.payments, payments])
        self.entries = pl.concat([self.entries, entries])
        return Step(payments, entries)

    def _path(self, table: str, number: int) -> Path:
        return self._folder / f"{table}-{number:06}.parquet"


def _movements(payments: pl.DataFrame, *, on: date, kind: str) -> pl.DataFrame:
    """A debit and, where the bank keeps it, a credit for each payment; of a return the other way."""
    sides = []
    for side, counterparty in (("debit", "creditor"), ("credit", "debtor")):
        direction = "D" if (side == "debit") == (kind == "payment") else "C"
        sides.append(
            payments.filter(pl.col(f"{side}_account").is_not_null()).with_columns(
                account=pl.col(f"{side}_account"),
                booked_on=pl.lit(on),
                direction=pl.lit(direction),
                kind=pl.lit(kind),
                reason=pl.col("return_reason") if kind == "return" else pl.lit(None, pl.String),
                counterparty_name=pl.col(f"{counterparty}_name"),
                counterparty_account=pl.col(f"{counterparty}_account"),
            )
        )
    return pl.concat(sides)
