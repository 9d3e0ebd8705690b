"""Payments with every column that a message has a place for, drawn by hypothesis; and their writers."""

from datetime import UTC, date, datetime

import polars as pl
from hypothesis import strategies as st

from pipelines.settlement.iso20022 import (
    write_camt056,
    write_camt060,
    write_pacs004,
    write_pacs008,
    write_pacs009,
    write_pacs028,
    write_pacs029,
    write_pain001,
    write_pain008,
)
from pipelines.settlement.iso20022.conformity import LENGTHS
from pipelines.settlement.iso20022.messages import Definition
from pipelines.settlement.payment_batch import PAYMENT_BATCH, payment_batch
from pipelines.settlement.profile import Profile, profile
from pipelines.settlement.writing import FileIdentity, Institution, Writer

DAY = date(2026, 3, 2)
IDENTITY = FileIdentity(
    message_id="WGI-20260302-000001",
    created_at=datetime(2026, 3, 2, 9, 30, tzinfo=UTC),
    sender=Institution("Amani & Sons", bic="AMANKENAXXX"),
    receiver=Institution("Baobab", clearing="ZANCC", member="051001"),
)

WRITERS: dict[str, tuple[Definition, Writer]] = {
    "pacs.008.001.08": (write_pacs008.V08, write_pacs008.write_v08),
    "pacs.008.001.10": (write_pacs008.V10, write_pacs008.write_v10),
    "pacs.009.001.08": (write_pacs009.CORE, write_pacs009.write_core),
    "pacs.009.001.08-cov": (write_pacs009.COVER, write_pacs009.write_cover),
    "pacs.004.001.09": (write_pacs004.RETURN, write_pacs004.write),
    "pacs.028.001.03": (write_pacs028.REQUEST, write_pacs028.write),
    "pacs.029.001.02": (write_pacs029.SETTLEMENT_REQUEST, write_pacs029.write),
    "camt.056.001.08": (write_camt056.RECALL, write_camt056.write),
    "camt.060.001.05": (write_camt060.REPORT_REQUEST, write_camt060.write),
    "pain.001.001.09": (write_pain001.INITIATION, write_pain001.write),
    "pain.008.001.08": (write_pain008.COLLECTION, write_pain008.write),
}
"""By format: what it is and who writes it."""

_LETTERS = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn", "Zl", "Zp", "Zs"))


def texts(longest: int) -> st.SearchStrategy[str]:
    """Any text without blanks that XML can hold; markup among it."""
    return st.text(_LETTERS | st.sampled_from("&<>\"'{}"), min_size=1, max_size=longest)


_UETRS = st.uuids(version=4).map(str)
_SPECIAL: dict[str, st.SearchStrategy[object]] = {
    "uetr": _UETRS,
    "original_uetr": _UETRS,
    "debtor_agent_bic": st.sampled_from(["AMANKENAXXX", "BAOBUGKA"]),
    "creditor_agent_bic": st.sampled_from(["CAURSNDAXXX", "DOGOMLBA"]),
    "intermediary_bic": st.just("EBENGHAC"),
    "debtor_country": st.sampled_from(["KE", "UG"]),
    "creditor_country": st.sampled_from(["ZA", "NG"]),
    "charge_bearer": st.sampled_from(["DEBT", "CRED", "SHAR", "SLEV"]),
    "sequence_type": st.sampled_from(["FRST", "RCUR", "FNAL", "OOFF"]),
    "debtor_account": st.sampled_from(["GB82WEST12345698765432", "TN5910006035183598478831"])
    | texts(34),
    "currency": st.sampled_from(["KES", "XOF", "TND"]),
    "instructed_currency": st.just("USD"),
    "exchange_rate": st.sampled_from(["1", "129.25", "0.0000000001", "12345678901"]),
    "amount_minor": st.integers(1, 10**14),
    "instructed_amount_minor": st.integers(1, 10**14),
    "original_amount_minor": st.integers(1, 10**14),
    "execution_date": st.sampled_from([DAY, date(2026, 3, 3)]),
    "mandate_signed_on": st.dates(date(2000, 1, 1), date(2030, 1, 1)),
    "original_settlement_date": st.dates(date(2000, 1, 1), date(2030, 1, 1)),
}
_ALWAYS = ("currency", "amount_minor", "execution_date")


@st.composite
def batches(draw: st.DrawFn, name: str) -> pl.DataFrame:
    """Up to six payments that `name` can say, each with any of the columns that it has a place for."""
    definition, _ = WRITERS[name]
    said = definition.said(profile(name))
    columns = draw(st.sets(st.sampled_from(sorted(said - {"instruction_id"}))))
    rows = [
        draw(_payment(name, definition, columns, number)) for number in range(draw(st.integers(1, 6)))
    ]
    return payment_batch(pl.DataFrame(rows, schema=dict(PAYMENT_BATCH), infer_schema_length=None))


@st.composite
def _payment(
    draw: st.DrawFn, name: str, definition: Definition, columns: set[str], number: int
) -> dict[str, object]:
    row: dict[str, object] = {"instruction_id": f"I-{number}"}
    for column in (*_ALWAYS, *sorted(columns)):
        value = _SPECIAL.get(column, texts(LENGTHS.get(column, 35)))
        needed = column in _ALWAYS or column in definition.required
        row[column] = draw(value if needed else value | st.none())
    for column in definition.required:
        row.setdefault(column, draw(_SPECIAL.get(column, texts(34))))
    return _consistent(name, definition, row)


def _consistent(name: str, definition: Definition, row: dict[str, object]) -> dict[str, object]:
    """What the message definitions demand of several columns at once."""
    for side in ("debtor", "creditor"):
        if row.get(f"{side}_agent_clearing") is not None:
            row[f"{side}_agent_clearing"] = "ZANCC"
            row[f"{side}_agent_member"] = row.get(f"{side}_agent_member") or "051001"
    if row.get("instructed_amount_minor") is None or row.get("instructed_currency") is None:
        row.update(instructed_amount_minor=None, instructed_currency=None, exchange_rate=None)
    elif "exchange_rate" in definition.said(profile(name)):
        row["exchange_rate"] = row.get("exchange_rate") or "1.5"
    if "original_message_id" in definition.said(profile(name)):
        row["original_end_to_end_id"] = row.get("original_end_to_end_id") or "E-0"
        if row.get("original_message_id") is None or row.get("original_message_type") is None:
            row.update(original_message_id=None, original_message_type=None)
    if name == "pacs.029.001.02":
        row["execution_date"] = DAY
    return row


def written(
    name: str, payments: pl.DataFrame, *, by: Profile | None = None, identity: FileIdentity = IDENTITY
) -> bytes:
    """The file of a format."""
    _, write = WRITERS[name]
    return b"".join(write(payments, identity=identity, profile=by or profile(name)))


def example(columns: dict[str, object] | None = None) -> pl.DataFrame:
    """One ordinary payment; `columns` overrides."""
    row: dict[str, object] = {
        "instruction_id": "I-1",
        "end_to_end_id": "E-1",
        "currency": "KES",
        "amount_minor": 10_050,
        "execution_date": DAY,
        "charge_bearer": "SHAR",
        "debtor_name": "Amina",
        "debtor_account": "0100",
        "creditor_name": "Otieno",
        "creditor_account": "0200",
        "debtor_agent_bic": "AMANKENAXXX",
        "creditor_agent_bic": "CAURSNDAXXX",
    }
    return payment_batch(pl.DataFrame([row | (columns or {})], schema=dict(PAYMENT_BATCH)))
