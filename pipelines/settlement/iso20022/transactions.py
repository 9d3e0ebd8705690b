"""What transactions of several messages have in common: references, payment type, dates, remittance.

Belongs here: parts that stand the same in customer and interbank transfers, initiated or settled.
"""

import polars as pl

from pipelines.settlement.iso20022.elements import (
    NOT_PROVIDED,
    Markup,
    Record,
    constant,
    element,
    otherwise,
)
from pipelines.settlement.iso20022.parties import code
from pipelines.settlement.problems import FileRefused
from pipelines.settlement.profile import Profile


def payment_id(record: Record) -> Markup | None:
    """PmtId of an interbank transfer."""
    return element(
        "PmtId",
        element("InstrId", record("instruction_id")),
        element("EndToEndId", otherwise(record("end_to_end_id"), NOT_PROVIDED)),
        element("TxId", record("transaction_id")),
        element("UETR", record("uetr")),
    )


def payment_type(record: Record, profile: Profile) -> Markup | None:
    """PmtTpInf; the local instrument is a code unless the profile has it the scheme's own."""
    proprietary = profile.settings.get("local_instrument") == "proprietary"
    return element(
        "PmtTpInf",
        code("SvcLvl", record, "service_level"),
        element("LclInstrm", element("Prtry" if proprietary else "Cd", record("local_instrument"))),
        code("CtgyPurp", record, "category_purpose"),
    )


def settlement_date(record: Record, profile: Profile) -> Markup | None:
    """IntrBkSttlmDt of a transaction, where it does not stand in the header."""
    if profile.settings.get("settlement_date") == "header":
        return None
    return element("IntrBkSttlmDt", record("execution_date"))


def remittance(record: Record) -> Markup | None:
    """RmtInf: as text, and the creditor's reference as such."""
    kind = constant("<Tp><CdOrPrtry><Cd>SCOR</Cd></CdOrPrtry></Tp>")
    reference = record("remittance_reference")
    structured = None
    if reference is not None:
        inner = element("Ref", reference)
        structured = element("Strd", element("CdtrRefInf", _before(kind, inner)))
    return element("RmtInf", element("Ustrd", record("remittance")), structured)


def _before(markup: Markup, followed: Markup | None) -> Markup | None:
    """A constant that stands only where what follows it does."""
    if followed is None:
        return None
    return Markup(markup.template + followed.template, followed.values, followed.present)


def refuse_rates(payments: pl.DataFrame) -> pl.DataFrame:
    """The payments, whose instructed amounts and rates go together as the message definition demands.

    An instructed amount has its currency; a rate stands where that is another, and only there.
    """
    instructed = pl.col("instructed_amount_minor").is_not_null()
    named = pl.col("instructed_currency").is_not_null()
    rate = pl.col("exchange_rate").is_not_null()
    converted = instructed & (pl.col("instructed_currency") != pl.col("currency")).fill_null(False)
    faults = (
        ("instructed_currency", instructed != named, "instructed amount and currency go together"),
        ("exchange_rate", converted & ~rate, "an amount instructed in another currency has a rate"),
        ("exchange_rate", rate & ~converted, "only an amount instructed in another currency has a rate"),
    )
    for column, fault, sentence in faults:
        rows = payments.select(fault).to_series().arg_true()
        if rows.len():
            raise FileRefused("conversion_incomplete", f"row {rows[0] + 1}, {column}", sentence)
    return payments
