"""Payments and entries as SWIFT messages can say them, drawn for property tests."""

import string
from datetime import UTC, date, datetime

import polars as pl
from hypothesis import strategies as st

from pipelines.settlement.payment_batch import PAYMENT_BATCH
from pipelines.settlement.writing import FileIdentity, Institution

IDENTITY = FileIdentity(
    message_id="WEKEZA-0001",
    created_at=datetime(2026, 3, 2, 8, 30, tzinfo=UTC),
    sender=Institution("Sender Bank", bic="SNDRKENA"),
    receiver=Institution("Receiver Bank", bic="RCVRZAJJ123"),
)

LETTERS = string.ascii_letters + string.digits
words = st.text(LETTERS + "/-?:().,'+", min_size=1, max_size=12)
references = st.from_regex(r"\A[A-Za-z0-9](?:/?[A-Za-z0-9?:().,'+-]){0,6}\Z")
accounts = st.from_regex(r"\A[A-Z0-9]{2}[A-Z0-9/]{0,20}[A-Z0-9]\Z")
bics = st.from_regex(r"\A[A-Z]{4}(?:KE|ZA|DE)[A-Z0-9]{2}(?:[A-Z0-9]{3})?\Z")
uetrs = st.uuids(version=4).map(str)


def texts(longest: int, *, first: str = LETTERS) -> st.SearchStrategy[str]:
    joined = st.lists(words, min_size=1, max_size=6).map(" ".join)
    return st.tuples(st.sampled_from(first), joined).map(
        lambda parts: "".join(parts)[:longest].rstrip("/ ") or "a"
    )


def maybe(strategy: st.SearchStrategy[str]) -> st.SearchStrategy[str | None]:
    return st.none() | strategy


@st.composite
def _party(draw: st.DrawFn, prefix: str) -> dict[str, str | None]:
    plain = st.text(LETTERS, min_size=1, max_size=12)
    country = draw(maybe(st.sampled_from(["KE", "ZA", "NG"])))
    address = country is not None or draw(st.booleans())
    return {
        f"{prefix}_name": draw(texts(45 if country else 33)),
        f"{prefix}_account": draw(maybe(accounts)),
        f"{prefix}_street": draw(plain) if address else None,
        f"{prefix}_town": draw(plain) if address else None,
        f"{prefix}_postcode": draw(st.sampled_from([None, "00100", "2196"])) if country else None,
        f"{prefix}_country": country,
    }


@st.composite
def _agent(draw: st.DrawFn, prefix: str, *, named: bool = False) -> dict[str, str | None]:
    clearing = draw(st.sampled_from([None, "USABA", "ZANCC", "GBDSC"]))
    bic = draw(maybe(bics))
    name = draw(texts(20)) if bic is None and (named or clearing) else None
    member = draw(st.from_regex(r"\A[0-9]{6,9}\Z")) if clearing else None
    return {
        f"{prefix}_bic": bic, f"{prefix}_clearing": clearing, f"{prefix}_member": member,
        f"{prefix}_name": name,
    }  # fmt: skip


@st.composite
def _money(draw: st.DrawFn) -> dict[str, object]:
    return {
        "currency": draw(st.sampled_from(["KES", "XOF", "TND", "ZAR", "USD"])),
        "amount_minor": draw(st.integers(1, 10**11)),
        "execution_date": draw(st.dates(date(2010, 1, 1), date(2039, 12, 31))),
        "uetr": draw(uetrs),
        "intermediary_bic": draw(maybe(bics)),
    }


@st.composite
def _customer(draw: st.DrawFn) -> dict[str, object]:
    return {
        "end_to_end_id": draw(maybe(references)),
        "remittance": draw(maybe(texts(15, first=LETTERS + "/-:"))),
        "remittance_reference": draw(maybe(st.just("RF18539007547034"))),
        "purpose": draw(maybe(st.sampled_from(["SUPP", "SALA"]))),
        "ultimate_debtor_name": draw(maybe(st.text(LETTERS, min_size=1, max_size=4))),
        "ultimate_creditor_name": draw(maybe(st.text(LETTERS, min_size=1, max_size=4))),
    }


@st.composite
def customer_payment(draw: st.DrawFn) -> dict[str, object]:
    """As an MT103 says it, with or without every optional field."""
    row = draw(_money()) | draw(_customer())
    row |= draw(_party("debtor")) | draw(_party("creditor"))
    row |= draw(_agent("debtor_agent")) | draw(_agent("creditor_agent"))
    row |= {
        "charge_bearer": draw(st.sampled_from(["DEBT", "CRED", "SHAR"])),
        "service_level": draw(maybe(st.just("URGP"))),
        "local_instrument": draw(maybe(st.just("CORE"))),
        "category_purpose": draw(maybe(st.just("SALA"))),
    }
    if draw(st.booleans()):
        row |= {"instructed_currency": "EUR", "instructed_amount_minor": draw(st.integers(1, 10**9))}
        row |= {"exchange_rate": draw(st.sampled_from(["1.2345", "0.5", "12"]))}
    return row


@st.composite
def cover_payment(draw: st.DrawFn) -> dict[str, object]:
    row = draw(_money()) | draw(_customer()) | {"original_instruction_id": draw(maybe(references))}
    row |= draw(_party("debtor")) | draw(_party("creditor"))
    return row | draw(_agent("debtor_agent")) | draw(_agent("creditor_agent", named=True))


@st.composite
def bank_payment(draw: st.DrawFn) -> dict[str, object]:
    row = draw(_money()) | draw(_agent("debtor_agent")) | draw(_agent("creditor_agent", named=True))
    account = draw(maybe(accounts)) if row["creditor_agent_clearing"] is None else None
    return row | {
        "end_to_end_id": draw(maybe(references)),
        "debtor_account": draw(maybe(accounts)),
        "creditor_account": account,
        "remittance": draw(maybe(texts(80))),
    }


def batch(rows: list[dict[str, object]]) -> pl.DataFrame:
    """Payments of rows, each with its own reference."""
    return pl.DataFrame(
        [row | {"instruction_id": f"REF-{number}"} for number, row in enumerate(rows)],
        schema=dict(PAYMENT_BATCH),
    )
