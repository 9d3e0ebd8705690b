"""Payments as NACHA entries: sorted into batches, numbered, checked; one row an entry.

Belongs here: everything that is the same whether entries are forward, returned or corrected, up to the
columns that the records are put together from. All in expressions over the whole set.
"""

from collections.abc import Callable

import polars as pl

from pipelines.settlement.nacha.codes import ACCOUNT_TYPES
from pipelines.settlement.nacha.settings import Settings
from pipelines.settlement.problems import FileRefused
from pipelines.settlement.writing import FileIdentity

MOST_CENTS = 9_999_999_999
"""Ten digits."""

BATCH = ("entry_class", "company_name", "company_id", "description", "effective", "is_debit")
"""What the entries of a batch have in common."""


def entries(payments: pl.DataFrame, *, identity: FileIdentity, settings: Settings) -> pl.DataFrame:
    """One row an entry, in the order of the file.

    Columns: `BATCH`'s, `given` (the payment's row in its batch file), `batch` from 1, `rdfi` (nine
    digits), `account`, `cents`, `identification`, `name`, and the payment's own. Raises `FileRefused`.
    """
    if payments.is_empty():
        raise FileRefused("empty", "payments", "there is no payment to write")
    debit = {
        "credit": pl.lit(False),
        "debit": pl.lit(True),
        "mandate": pl.col("mandate_id").is_not_null() | pl.col("sequence_type").is_not_null(),
    }[settings.direction]
    rows = payments.with_row_index("given", offset=1).with_columns(is_debit=debit)
    company, receiver = _side("creditor", "debtor"), _side("debtor", "creditor")
    rows = rows.with_columns(
        entry_class=pl.col("local_instrument"),
        company_name=pl.coalesce(company("name"), pl.lit(identity.sender.name)).str.head(16),
        company_id=pl.coalesce(company("id"), pl.lit(identity.sender.member)).fill_null(""),
        company_account=pl.coalesce(company("account"), pl.lit(identity.sender.account)),
        description=pl.coalesce(pl.col("category_purpose"), pl.lit(settings.entry_description)).str.head(
            10
        ),
        effective=pl.col("execution_date").dt.strftime("%y%m%d"),
        rdfi=receiver("agent_member"),
        account=receiver("account"),
        name=receiver("name"),
        cents=pl.col("amount_minor"),
        identification=pl.coalesce("end_to_end_id", "instruction_id"),
        remittance=pl.coalesce("remittance", "remittance_reference"),
        account_type=pl.lit(ACCOUNT_TYPES[settings.account_type]),
    )
    _refuse(rows, pl.col("currency") != "USD", "currency", "currency", "NACHA moves US dollars alone")
    _refuse(
        rows, pl.col("cents") > MOST_CENTS, "amount_too_large", "amount", "it has ten digits at most"
    )
    _refuse(rows, ~pl.col("effective").str.contains(r"^[0-9]{6}$"), "date", "execution_date", "no date")
    _refuse_receivers(rows)
    rows = rows.sort(*BATCH, "given", maintain_order=True)
    started = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift(1)) for name in BATCH)
    return rows.with_columns(batch=started.cast(pl.Int64).cum_sum())


def _side(when_debit: str, otherwise: str) -> Callable[[str], pl.Expr]:
    def column(name: str) -> pl.Expr:
        return (
            pl.when("is_debit")
            .then(pl.col(f"{when_debit}_{name}"))
            .otherwise(pl.col(f"{otherwise}_{name}"))
        )

    return column


def _refuse_receivers(rows: pl.DataFrame) -> None:
    member = pl.col("rdfi")
    weighted = pl.sum_horizontal(
        member.str.slice(place, 1).cast(pl.Int64, strict=False) * weight
        for place, weight in enumerate((3, 7, 1, 3, 7, 1, 3, 7, 1))
    )
    good = (member.str.contains(r"^[0-9]{9}$") & (weighted % 10 == 0)).fill_null(False)
    _refuse(rows, ~good, "routing_number", "agent_member", "a receiving bank has a routing number")
    _refuse(rows, pl.col("account").is_null(), "missing", "account", "a receiver has an account")
    length = pl.when(pl.col("entry_class") == "IAT").then(35).otherwise(17)
    _refuse(rows, pl.col("account").str.len_chars() > length, "too_long", "account", "it is too long")
    length = pl.when(pl.col("entry_class") == "IAT").then(22).otherwise(15)
    too_long = pl.col("identification").str.len_chars() > length
    _refuse(rows, too_long, "too_long", "end_to_end_id", "it is longer than the entry's identification")


def _refuse(rows: pl.DataFrame, bad: pl.Expr, code: str, column: str, sentence: str) -> None:
    found = rows.filter(bad)["given"]
    if found.len():
        raise FileRefused(code, f"row {int(found[0])}", f"{column}: {sentence}")
