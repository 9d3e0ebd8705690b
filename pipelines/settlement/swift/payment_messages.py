"""MT103, MT202 and MT202COV written from payments, set-based and streaming.

Belongs here: which column stands in which field, and the order of the fields. Sources: the field
specifications of SWIFT's Standards MT, category 1 and 2, as banks publish them; code words of fields
70 and 72 (/ROC/, /URI/, /ULTD/, /ULTB/, /PURP/, /SVCLVL/, /LOCINS/, /CATPURP/) as the market uses them
between MT and ISO 20022.
"""

from collections.abc import Callable, Iterator

import polars as pl

from pipelines.settlement.payment_batch import PAYMENT_BATCH, REQUIRED
from pipelines.settlement.profile import Profile
from pipelines.settlement.swift.envelope import enveloped
from pipelines.settlement.swift.party_fields import with_agent, with_party
from pipelines.settlement.swift.texts import (
    REFERENCE,
    check_code,
    field,
    message,
    on_lines,
    refuse,
    refuse_account,
    refuse_columns,
    with_amount,
    wrapped,
)
from pipelines.settlement.writing import FileIdentity

_CHUNK = 20_000
"""Payments that are rendered at once."""

_PARTY = ("name", "street", "building", "postcode", "town", "country", "account")
_AGENT = ("bic", "clearing", "member", "name")
_AGENTS = frozenset(f"{side}_agent_{part}" for side in ("debtor", "creditor") for part in _AGENT)
_COMMON = frozenset({*REQUIRED, *_AGENTS, "end_to_end_id", "uetr", "intermediary_bic", "remittance"})
_CUSTOMER = frozenset(
    {f"{side}_{part}" for side in ("debtor", "creditor") for part in _PARTY}
    | {"instructed_currency", "instructed_amount_minor", "remittance_reference", "purpose"}
    | {"ultimate_debtor_name", "ultimate_creditor_name"}
)
SAYABLE_103 = _COMMON | _CUSTOMER | {
    "charge_bearer", "exchange_rate", "service_level", "category_purpose", "local_instrument",
}  # fmt: skip
SAYABLE_202 = _COMMON | {"debtor_account", "creditor_account"}
SAYABLE_COVER = _COMMON | _CUSTOMER | {"original_instruction_id"}

_BEARERS = {"DEBT": "OUR", "CRED": "BEN", "SHAR": "SHA"}
_RATE = r"^[0-9]{1,11}(?:\.[0-9]+)?$"


def write_mt103(payments: pl.DataFrame, *, identity: FileIdentity, profile: Profile) -> Iterator[bytes]:
    """MT103, one a payment. Raises `FileRefused` for what an MT103 has no field for."""
    return _written(payments, SAYABLE_103, "MT103", _mt103, identity=identity, profile=profile)


def write_mt202(payments: pl.DataFrame, *, identity: FileIdentity, profile: Profile) -> Iterator[bytes]:
    """MT202, one a payment between banks: 52 is the debtor's agent, 58 the creditor's."""
    return _written(payments, SAYABLE_202, "MT202", _mt202, identity=identity, profile=profile)


def write_mt202cov(
    payments: pl.DataFrame, *, identity: FileIdentity, profile: Profile
) -> Iterator[bytes]:
    """MT202COV: the cover of a customer payment, which stands in its sequence B."""
    return _written(payments, SAYABLE_COVER, "MT202COV", _cover, identity=identity, profile=profile)


def _written(
    payments: pl.DataFrame,
    sayable: frozenset[str],
    name: str,
    render: Callable[[pl.DataFrame, Profile], pl.DataFrame],
    *,
    identity: FileIdentity,
    profile: Profile,
) -> Iterator[bytes]:
    refuse_columns(payments.select(list(PAYMENT_BATCH)), sayable, message=name)
    numbered = payments.with_row_index("row", offset=1)
    for first in range(0, numbered.height, _CHUNK):
        rows = numbered.slice(first, _CHUNK)
        refuse(
            rows, ~pl.col("instruction_id").str.contains(REFERENCE), field="instruction_id",
            sentence="a reference has 16 characters, no slash at its ends and no two together",
        )  # fmt: skip
        rows = with_amount(
            rows, minor="amount_minor", currency="currency", on="execution_date", written="amount"
        )
        settled = pl.concat_str(pl.col("execution_date").dt.strftime("%y%m%d"), "currency", "amount")
        rows = render(rows.with_columns(settled=field("32A", settled)), profile)
        yield from enveloped(rows, name=name, identity=identity, profile=profile, first=first == 0)


def _mt103(rows: pl.DataFrame, profile: Profile) -> pl.DataFrame:
    check_code(
        rows,
        {
            "local_instrument": "^[A-Z0-9]{1,27}$", "service_level": "^[A-Z0-9]{1,27}$",
            "category_purpose": "^[A-Z0-9]{1,26}$", "exchange_rate": _RATE,
        },
        message="MT103",
    )  # fmt: skip
    unknown = ~pl.col("charge_bearer").fill_null("").is_in(list(_BEARERS))
    refuse(rows, unknown, field="charge_bearer", sentence="an MT103 says DEBT, CRED or SHAR")
    for name in ("debtor_name", "creditor_name"):
        refuse(rows, pl.col(name).is_null(), field=name, sentence="every MT103 names both parties")
    rows = _with_customer(rows)
    same = pl.col("instructed_currency").fill_null(pl.col("currency")) == pl.col("currency")
    rate = pl.col("exchange_rate")
    wrong = same == rate.is_not_null()
    refuse(
        rows, wrong, field="exchange_rate",
        sentence="it is given when, and only when, the instructed currency is another",
    )  # fmt: skip
    pointless = rate.str.contains(".", literal=True)
    comma = pl.when(pointless).then(rate.str.replace(".", ",", literal=True)).otherwise(rate + ",")
    refuse(rows, comma.str.len_chars() > 12, field="exchange_rate", sentence="it has over 11 digits")
    by_beneficiary = pl.col("charge_bearer") == "CRED"
    words = on_lines(
        pl.concat_list(
            pl.concat_str(pl.lit(f"/{word}/"), pl.col(column))
            for word, column in (
                ("SVCLVL", "service_level"), ("LOCINS", "local_instrument"),
                ("CATPURP", "category_purpose"),
            )
        ).list.drop_nulls()
    )  # fmt: skip
    instructed = pl.coalesce(
        "instructed",
        pl.when(by_beneficiary).then(pl.concat_str("currency", "amount")),
    )
    text = message(
        [
            field("20", pl.col("instruction_id")),
            field("23B", pl.lit(str(profile.settings.get("bank_operation_code", "CRED")))),
            pl.col("settled"),
            field("33B", instructed),
            field("36", comma),
            pl.col("debtor_field"),
            pl.col("debtor_agent_field"),
            _correspondent(profile),
            pl.col("intermediary_field"),
            pl.col("creditor_agent_field"),
            pl.col("creditor_field"),
            field("70", on_lines(pl.col("told"))),
            field("71A", pl.col("charge_bearer").replace_strict(_BEARERS, default=None)),
            pl.when(by_beneficiary).then(field("71F", pl.concat_str("currency", pl.lit("0,")))),
            field("72", words),
        ]
    )
    return rows.with_columns(text=text)


def _with_customer(rows: pl.DataFrame) -> pl.DataFrame:
    """Parties, agents, field 70 (`told`) and the instructed amount of a customer payment."""
    check_code(
        rows,
        {
            "purpose": "^[A-Z0-9]{1,35}$", "remittance_reference": "^[^/ ].{0,34}$",
            "end_to_end_id": "^[^/ ].{0,34}$",
        },
        message="MT103",
    )  # fmt: skip
    rows = with_party(rows, prefix="debtor", tag="50", plain="K")
    rows = with_party(rows, prefix="creditor", tag="59", plain="")
    rows = with_agent(rows, prefix="debtor_agent", tag="52", written="debtor_agent_field")
    rows = with_agent(rows, prefix="creditor_agent", tag="57", written="creditor_agent_field")
    rows = _with_intermediary(rows)
    coded = (
        ("ROC", "end_to_end_id"), ("ULTD", "ultimate_debtor_name"), ("ULTB", "ultimate_creditor_name"),
        ("PURP", "purpose"), ("RFB", "remittance_reference"),
    )  # fmt: skip
    others = pl.any_horizontal(pl.col(column).is_not_null() for _, column in coded)
    note = pl.col("remittance")
    plain = ~others & ~note.str.contains("^[/:-]")
    words = [pl.concat_str(pl.lit(f"/{word}/"), pl.col(column)) for word, column in coded]
    last = pl.when(plain).then(note).otherwise(pl.concat_str(pl.lit("/URI/"), note))
    told = pl.concat_str([*words, last], separator=" /", ignore_nulls=True)
    rows = wrapped(rows, pl.when(told != "").then(told), width=35, most=4, field="told")
    given = pl.col("instructed_amount_minor").is_not_null()
    rows = rows.with_columns(
        instructed_currency=pl.when(given).then(pl.coalesce("instructed_currency", "currency"))
    )
    rows = with_amount(
        rows,
        minor="instructed_amount_minor",
        currency="instructed_currency",
        on="execution_date",
        written="instructed_amount",
    )
    return rows.with_columns(instructed=pl.concat_str("instructed_currency", "instructed_amount"))


def _with_intermediary(rows: pl.DataFrame) -> pl.DataFrame:
    empty = {f"intermediary_{part}": pl.lit(None, pl.String) for part in _AGENT[1:]}
    rows = rows.with_columns(**empty)
    return with_agent(rows, prefix="intermediary", tag="56", written="intermediary_field")


def _correspondent(profile: Profile) -> pl.Expr:
    """Field 53 of a profile that names the sender's correspondent."""
    bic = profile.settings.get("senders_correspondent_bic")
    return field("53A", pl.lit(None if bic is None else str(bic), pl.String))


def _mt202(rows: pl.DataFrame, profile: Profile) -> pl.DataFrame:
    related = pl.col("end_to_end_id")
    refuse(
        rows, ~related.str.contains(REFERENCE), field="end_to_end_id",
        sentence="a related reference has 16 characters, no slash at its ends and no two together",
    )  # fmt: skip
    for name in ("debtor_account", "creditor_account"):
        refuse_account(rows, name)
    rows = with_agent(rows, prefix="debtor_agent", tag="52", written="debtor_agent_field")
    rows = with_agent(
        rows,
        prefix="creditor_agent",
        tag="58",
        written="creditor_agent_field",
        account="creditor_account",
    )
    _refuse_unnamed(rows)
    rows = _with_intermediary(rows)
    rows = wrapped(rows, pl.col("remittance"), width=29, most=6, field="told")
    first = pl.concat_list(pl.concat_str(pl.lit("/BNF/"), pl.col("told").list.first()))
    others = pl.col("told").list.slice(1).list.eval(pl.concat_str(pl.lit("//"), pl.element()))
    note = pl.when(pl.col("told").list.len() > 0).then(on_lines(pl.concat_list(first, others)))
    debited = field("53B", pl.concat_str(pl.lit("/"), pl.col("debtor_account")))
    text = message(
        [
            field("20", pl.col("instruction_id")),
            field("21", related.fill_null("NONREF")),
            pl.col("settled"),
            pl.col("debtor_agent_field"),
            pl.coalesce(debited, _correspondent(profile)),
            pl.col("intermediary_field"),
            pl.col("creditor_agent_field"),
            field("72", note),
        ]
    )
    return rows.with_columns(text=text)


def _refuse_unnamed(rows: pl.DataFrame) -> None:
    nameless = pl.col("creditor_agent_bic").is_null() & pl.col("creditor_agent_name").is_null()
    sentence = "field 58 names the bank that is paid: by its BIC, or by its name"
    refuse(rows, nameless, field="creditor_agent_bic", sentence=sentence)


def _cover(rows: pl.DataFrame, profile: Profile) -> pl.DataFrame:
    for name in ("debtor_name", "creditor_name"):
        refuse(rows, pl.col(name).is_null(), field=name, sentence="every MT202COV names both parties")
    refuse(
        rows, ~pl.col("original_instruction_id").str.contains(REFERENCE),
        field="original_instruction_id",
        sentence="a related reference has 16 characters, no slash at its ends and no two together",
    )  # fmt: skip
    rows = with_agent(rows, prefix="creditor_agent", tag="58", written="paid_bank")
    _refuse_unnamed(rows)
    rows = _with_customer(rows)
    text = message(
        [
            field("20", pl.col("instruction_id")),
            field("21", pl.col("original_instruction_id").fill_null("NONREF")),
            pl.col("settled"),
            pl.col("debtor_agent_field"),
            _correspondent(profile),
            pl.col("intermediary_field"),
            pl.col("paid_bank"),
            pl.col("debtor_field"),
            pl.col("debtor_agent_field"),
            pl.col("creditor_agent_field"),
            pl.col("creditor_field"),
            field("70", on_lines(pl.col("told"))),
            field("33B", pl.col("instructed")),
        ]
    )
    return rows.with_columns(text=text)
