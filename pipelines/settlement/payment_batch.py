"""The payment batch: what every settlement format is written from and, read back, becomes again.

Belongs here: its columns, how a batch is read from Parquet or CSV, and the check of what holds in any
format. What one format demands besides stands with its writer. Money is integer minor units; a CSV may
say `amount` as a decimal instead of `amount_minor`. Absent is null, never an empty text.
"""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from ledger_service.reference.money import with_minor_units
from pipelines.settlement.problems import PROBLEMS, FileRefused

_PARTY = {
    "name": "Name.",
    "id": "Organisation or private identification, such as a tax or registration number.",
    "street": "Street.",
    "building": "Building number.",
    "postcode": "Post code.",
    "town": "Town.",
    "country": "ISO 3166-1 alpha-2 code of the address.",
    "account": "Account: an IBAN, or the bank's own reference; 22 African states have no IBAN.",
    "agent_bic": "BIC of its bank.",
    "agent_clearing": "Clearing system of `agent_member`, ISO 20022 external code: USABA, ZANCC.",
    "agent_member": "Its bank's id in the clearing system: routing number, sort or branch code.",
    "agent_name": "Name of its bank.",
}
"""Columns that debtor and creditor both have, each with its prefix."""

_TEXTS: Mapping[str, str] = {
    "instruction_id": "Unique in the batch; given by the instructing party. Required.",
    "end_to_end_id": "Reference of the debtor, carried unchanged to the creditor.",
    "transaction_id": "Given by the first instructed agent; unique in the message.",
    "uetr": "Unique end-to-end transaction reference, a version 4 UUID in lower case.",
    "currency": "ISO 4217 code of the amount that is settled. Required.",
    "instructed_currency": "Currency of the amount that the debtor instructed, where another.",
    "exchange_rate": "Units settled per unit instructed: a decimal of at most eleven digits.",
    "charge_bearer": "DEBT, CRED, SHAR or SLEV (ISO 20022).",
    "service_level": "External code, such as SEPA, URGP or NURG.",
    "local_instrument": "External or proprietary code, such as CORE, B2B, CCD or PPD.",
    "category_purpose": "External code, such as SALA.",
    "purpose": "External code, such as SUPP.",
    **{f"debtor_{name}": meaning for name, meaning in _PARTY.items()},
    **{f"creditor_{name}": meaning for name, meaning in _PARTY.items()},
    "ultimate_debtor_name": "For whom the debtor pays.",
    "ultimate_creditor_name": "For whom the creditor is paid.",
    "intermediary_bic": "BIC of the agent between the debtor's and the creditor's.",
    "remittance": "Unstructured remittance information.",
    "remittance_reference": "Structured creditor reference (ISO 11649 or a national one).",
    "mandate_id": "Of a direct debit.",
    "sequence_type": "Of a direct debit: FRST, RCUR, FNAL or OOFF.",
    "creditor_scheme_id": "Creditor identifier of a direct debit scheme.",
    "original_message_id": "Of what is returned, recalled or asked about: its message id,",
    "original_message_type": "its message definition, such as pacs.008.001.08,",
    "original_instruction_id": "and its references as they were.",
    "original_end_to_end_id": "As `original_instruction_id`.",
    "original_transaction_id": "As `original_instruction_id`.",
    "original_uetr": "As `original_instruction_id`.",
    "reason_code": "Why it is returned or recalled: ISO 20022 external code, or the scheme's own.",
    "reason_text": "The same in words.",
}

_OTHERS: Mapping[str, tuple[pl.DataType | type[pl.DataType], str]] = {
    "amount_minor": (pl.Int64, "Amount to settle, minor units of `currency`, positive. Required."),
    "instructed_amount_minor": (pl.Int64, "Amount instructed, minor units of `instructed_currency`."),
    "execution_date": (pl.Date, "When it is to be executed: the interbank settlement date. Required."),
    "mandate_signed_on": (pl.Date, "When the mandate of a direct debit was signed."),
    "original_amount_minor": (pl.Int64, "Amount of what is returned or recalled."),
    "original_settlement_date": (pl.Date, "Settlement date of what is returned or recalled."),
}

COLUMNS: Mapping[str, str] = dict(_TEXTS) | {name: meaning for name, (_, meaning) in _OTHERS.items()}
"""What each column of a payment batch means."""

PAYMENT_BATCH: Mapping[str, pl.DataType | type[pl.DataType]] = {
    **dict.fromkeys(_TEXTS, pl.String),
    **{name: kind for name, (kind, _) in _OTHERS.items()},
}
"""Columns and types of a payment batch, in written order."""

REQUIRED = ("instruction_id", "currency", "amount_minor", "execution_date")


def payment_batch(frame: pl.DataFrame) -> pl.DataFrame:
    """`frame` with every column of `PAYMENT_BATCH`; those that it does not have are null.

    Raises `FileRefused` for a column that is not of a payment batch, or of another type.
    """
    for name, kind in frame.schema.items():
        if name not in PAYMENT_BATCH:
            raise FileRefused("column_unknown", name, f"a payment batch has no column {name!r}")
        if kind not in (PAYMENT_BATCH[name], pl.Null):
            raise FileRefused("column_type", name, f"column {name} is {kind}, not {PAYMENT_BATCH[name]}")
    return frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(None)).cast(kind).alias(name)
        for name, kind in PAYMENT_BATCH.items()
    )


def read_payment_batch(path: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The good payments of a Parquet or CSV file (`PAYMENT_BATCH`) and what is wrong (`PROBLEMS`).

    Raises `FileRefused` when the file is neither, or has other columns.
    """
    try:
        if path.suffix == ".parquet":
            return checked(payment_batch(pl.read_parquet(path)))
        if path.suffix == ".csv":
            return _checked_csv(pl.read_csv(path, infer_schema=False, encoding="utf8"))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise FileRefused("unreadable", path.name, str(error).splitlines()[0]) from error
    raise FileRefused("format_unknown", path.name, "a payment batch is a .parquet or a .csv file")


def _checked_csv(texts: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Texts as typed columns; a row with a text that is no date or amount is refused."""
    rows = texts.with_columns(pl.all().replace("", None)).with_row_index("row", offset=1)
    problems = []
    for name, kind in PAYMENT_BATCH.items():
        if name not in rows.columns or kind == pl.String:
            continue
        text = pl.col(name)
        typed = (
            text.str.to_date("%Y-%m-%d", strict=False)
            if kind == pl.Date
            else text.cast(kind, strict=False)
        )
        bad = rows.filter(pl.col(name).is_not_null() & typed.is_null())
        problems.append(_problems(bad, name, "not_a_date" if kind == pl.Date else "not_a_number"))
        rows = rows.with_columns(typed)
    if "amount" in rows.columns and "amount_minor" not in rows.columns:
        rows = with_minor_units(
            rows,
            amount="amount",
            currency_column="currency",
            on="execution_date",
            minor="amount_minor",
            fault="fault",
        )
        bad = rows.filter(pl.col("fault").is_not_null())
        problems.append(_problems(bad, "amount", pl.col("fault").cast(pl.String)))
        rows = rows.drop("amount", "fault")
    refused = pl.concat([PROBLEMS.clear(), *problems])
    good, more = checked(payment_batch(rows.drop("row")), rows=rows["row"])
    kept = rows["row"].filter(~rows["row"].is_in(more["row"].implode()))
    good = good.filter(~kept.is_in(refused["row"].implode()))
    unseen = more.filter(~pl.col("row").is_in(refused["row"].implode()))
    return good, pl.concat([refused, unseen]).sort("row", "field", maintain_order=True)


def checked(batch: pl.DataFrame, *, rows: pl.Series | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The payments that any format can be written from, and `PROBLEMS` of the others.

    `rows`: numbers of the batch's rows in their file, 1 to n when left out.
    """
    numbered = batch.with_columns(
        row=pl.int_range(1, pl.len() + 1, dtype=pl.UInt32) if rows is None else rows
    )
    found = [_problems(numbered.filter(pl.col(name).is_null()), name, "missing") for name in REQUIRED]
    found.append(_problems(numbered.filter(pl.col("amount_minor") <= 0), "amount_minor", "not_positive"))
    twice = pl.col("instruction_id").is_not_null() & ~pl.col("instruction_id").is_first_distinct()
    found.append(_problems(numbered.filter(twice), "instruction_id", "repeated"))
    problems = pl.concat(found).sort("row", "field", maintain_order=True)
    good = numbered.filter(~pl.col("row").is_in(problems["row"].implode())).drop("row")
    return good, problems


_SENTENCES = {
    "missing": "it is required: give a value",
    "not_positive": "an amount is above zero: correct or leave out the payment",
    "repeated": "it is that of an earlier row: every payment of a batch has its own",
    "not_a_date": "it is not a date: write YYYY-MM-DD",
    "not_a_number": "it is not a whole number",
}


def _problems(rows: pl.DataFrame, field: str, code: str | pl.Expr) -> pl.DataFrame:
    found = pl.lit(code, pl.String) if isinstance(code, str) else code
    return rows.select(
        row=pl.col("row").cast(pl.UInt32),
        place=pl.format("row {}", "row"),
        field=pl.lit(field),
        code=found,
        sentence=found.replace_strict(_SENTENCES, default=found.str.replace_all("_", " ")),
    )
