"""MT103, MT202, MT202COV, MT900 and MT910: one message, one payment or one entry.

Belongs here: which field becomes which column, and what is refused. A message is taken when it is
whole: one that the file ends in, or that says a field twice, is refused, since its money would be a
guess. MT202COV has the customer payment that it covers in its sequence B, from field 50 on.
"""

from collections.abc import Iterator

import polars as pl

from ledger_service.reference.money import with_minor_units
from pipelines.settlement.reading import (
    BATCH_RECORDS,
    ENTRIES_READ,
    PAYMENTS_READ,
    Head,
    Part,
    Records,
    Refused,
    Schema,
)
from pipelines.settlement.swift.dates import full_date, pointed, text_or_null
from pipelines.settlement.swift.fields import Begun, Ended, Field
from pipelines.settlement.swift.parties import agent, party, rejoined

SINGLE_KINDS = frozenset({"103", "202", "900", "910"})

_REQUIRED = {
    "103": ("20", "23B", "32A", "50", "59", "71A"),
    "202": ("20", "21", "32A", "58"),
    "900": ("20", "21", "25", "32A"),
    "910": ("20", "21", "25", "32A"),
}
_REPEATED = frozenset({"13C", "23E", "71F", "71G"})
_OPTIONS = frozenset({"25", "50", "52", "53", "54", "55", "56", "57", "58", "59"})
_MOST_FIELDS = 200

_RAW = {
    "row": pl.UInt32,
    "line": pl.UInt32,
    **dict.fromkeys(
        (
            "kind", "message_id", "20", "21", "25", "26T", "32A", "33B", "36", "50", "50_option", "52",
            "56", "57", "58", "59", "59_option", "account_53", "70", "71A", "72", "uetr",
        ),
        pl.String,
    ),
}  # fmt: skip
_WORDS = "ROC|URI|RFB|ULTD|ULTB|PURP|INV|SRI"


class Singles:
    """Takes the fields of single messages; gives payments and entries now and then."""

    def __init__(self) -> None:
        self._messages: list[dict[str, object]] = []
        self._row = 0
        self._head: Head | None = None
        self._begin(Begun(0))

    def _begin(self, begun: Begun) -> None:
        self._begun = begun
        self._fields: dict[str, str] = {}
        self._twice: Field | None = None
        self._covers = False

    @property
    def rows(self) -> int:
        """Records so far."""
        return self._row

    def begin(self, begun: Begun, *, rows: int) -> None:
        """A message begins, after `rows` records of the file."""
        self._begin(begun)
        self._row = rows

    def take(self, field: Field) -> Iterator[Part]:
        """One field of the message."""
        yield from ()
        name, option = field.tag, ""
        if field.tag[:2] in _OPTIONS:
            name, option = field.tag[:2], field.tag[2:]
        covering = "58" in self._fields and (name == "50" or self._covers)
        self._covers = self._covers or covering
        key = f"B{name}" if covering else name
        if len(self._fields) > _MOST_FIELDS or (key in self._fields and name not in _REPEATED):
            self._twice = self._twice or field
            return
        self._fields.setdefault(key, field.text)
        self._fields.setdefault(f"{key}_option", option)

    def end(self, ended: Ended) -> Iterator[Part]:
        """The message ends."""
        self._row += 1
        kind = self._begun.kind or self._kind_by_fields()
        name = "MT202COV" if self._covers else f"MT{kind}"
        head = Head(
            name,
            version=None,
            message_id=self._begun.headers.get("108") or self._fields.get("20"),
            sender=self._begun.sender,
            receiver=self._begun.receiver,
            created_at=None,
        )
        last, self._head = self._head, head
        if last is None or (last.format, last.sender, last.receiver) != (
            name,
            head.sender,
            head.receiver,
        ):
            yield head
        refused = self._refusal(ended, kind)
        if refused:
            yield refused
            return
        self._messages.append(self._raw(kind, head.message_id))
        if len(self._messages) >= BATCH_RECORDS // 4:
            yield from self.flush()

    def _kind_by_fields(self) -> str:
        if "58" in self._fields:
            return "202"
        return "103" if "23B" in self._fields else ""

    def _refusal(self, ended: Ended, kind: str) -> Refused | None:
        row, begun = self._row, self._begun.line
        if not ended.closed and (self._begun.wrapped or ended.at_end_of_file):
            sentence = "it has no end: ask the bank for it again"
            return Refused(row, f"line {ended.line}", None, "truncated", sentence)
        if not kind:
            sentence = "neither its headers nor its fields say of which type it is"
            return Refused(row, f"line {begun}", None, "message_type_unknown", sentence)
        if self._twice:
            place, tag = f"line {self._twice.line}", f":{self._twice.tag}:"
            return Refused(row, place, tag, "field_repeated", "the message has said it before")
        missing = next((tag for tag in _REQUIRED[kind] if not self._fields.get(tag)), None)
        if missing:
            sentence = f"every MT{kind} has it"
            return Refused(row, f"line {begun}", f":{missing}:", "field_missing", sentence)
        return None

    def _raw(self, kind: str, message_id: str | None) -> dict[str, object]:
        found = self._fields

        def customer(tag: str) -> str | None:
            return found.get(f"B{tag}") if self._covers else found.get(tag)

        return {
            "row": self._row,
            "line": self._begun.line,
            "kind": "COV" if self._covers else kind,
            "message_id": message_id,
            **{tag: found.get(tag) for tag in ("20", "21", "25", "26T", "32A", "36", "71A", "58")},
            **{tag: customer(tag) for tag in ("33B", "50", "50_option", "59", "59_option", "70")},
            "52": customer("52") or found.get("52"),
            "56": customer("56") or found.get("56"),
            "57": customer("57") or (found.get("58") if self._covers else found.get("57")),
            "72": found.get("72") or found.get("B72"),
            "account_53": found.get("53"),
            "uetr": self._begun.headers.get("121"),
        }

    def flush(self) -> Iterator[Part]:
        """Payments and entries that have been gathered, and what is refused of them."""
        if not self._messages:
            return
        raw, self._messages = pl.DataFrame(self._messages, schema=_RAW), []
        rows = _with_money(raw)
        good = rows.filter(pl.col("fault").is_null())
        confirms = pl.col("kind").is_in(["900", "910"])
        payments, entries = good.filter(~confirms), good.filter(confirms)
        if payments.height:
            yield Records("payments", _payments(payments))
        if entries.height:
            yield Records("entries", _entries(entries))
        bad = rows.filter(pl.col("fault").is_not_null())
        for row, line, field, fault, text in bad.select(
            "row",
            "line",
            "field",
            "fault",
            pl.coalesce(pl.when(pl.col("field") == ":33B:").then("33B"), "32A"),
        ).iter_rows():
            sentence = f"{str(fault).replace('_', ' ')}; given: {text[:60]!r}"
            yield Refused(row, f"message at line {line}", field, fault, sentence)


def _with_money(raw: pl.DataFrame) -> pl.DataFrame:
    """With `execution_date`, both amounts in minor units, and `fault` and `field` of what is none."""
    settled = r"^(\d{6})([A-Z]{3})(\d{1,18},\d*)\s*$"
    rows = raw.with_columns(
        execution_date=full_date(pl.col("32A").str.extract(settled, 1)),
        currency=pl.col("32A").str.extract(settled, 2),
        settled=pointed(pl.col("32A").str.extract(settled, 3)),
        instructed_currency=pl.col("33B").str.extract(r"^([A-Z]{3})\d{1,18},\d*\s*$"),
        instructed=pointed(pl.col("33B").str.extract(r"^[A-Z]{3}(\d{1,18},\d*)\s*$")),
    )
    for name, currency, minor in (
        ("settled", "currency", "amount_minor"),
        ("instructed", "instructed_currency", "instructed_amount_minor"),
    ):
        rows = with_minor_units(
            rows,
            amount=name,
            currency_column=currency,
            on="execution_date",
            minor=minor,
            fault=f"{name}_fault",
        )
    same = (pl.col("instructed_currency") == pl.col("currency")) & (
        pl.col("instructed_amount_minor") == pl.col("amount_minor")
    )
    unread = pl.col("33B").is_not_null() & pl.col("instructed").is_null()
    instructed_fault = pl.when(unread).then(pl.lit("not_an_amount")).otherwise("instructed_fault")
    settled_fault = (
        pl.when(pl.col("currency").is_null())
        .then(pl.lit("not_an_amount"))
        .when(pl.col("execution_date").is_null())
        .then(pl.lit("impossible_date"))
        .otherwise("settled_fault")
    )
    return rows.with_columns(
        fault=pl.coalesce(settled_fault, instructed_fault),
        field=pl.when(settled_fault.is_null()).then(pl.lit(":33B:")).otherwise(pl.lit(":32A:")),
        instructed_currency=pl.when(~same).then("instructed_currency"),
        instructed_amount_minor=pl.when(~same).then("instructed_amount_minor"),
    )


def _payments(rows: pl.DataFrame) -> pl.DataFrame:
    """`PAYMENTS_READ` of MT103 and MT202."""
    told = rejoined(pl.col("70").str.split("\n"), width=35)
    rows = rows.with_columns(told=told).with_columns(
        coded=pl.col("told").str.contains(rf"^/(?:{_WORDS})/"),
        marked=pl.col("told").str.replace_all(rf"(^/|//)({_WORDS})/", "\x1e$2/"),
    )

    def word(name: str) -> pl.Expr:
        return text_or_null(pl.col("marked").str.extract(rf"\x1e{name}/([^\x1e]*)"))

    def to_bank(name: str) -> pl.Expr:
        return text_or_null(pl.col("72").str.extract(rf"(?m)^/{name}/([^\n]*)$"))

    covers, between = pl.col("kind") == "COV", pl.col("kind") == "202"
    related = pl.when(pl.col("21") != "NONREF").then(pl.col("21"))
    beneficiary = pl.col("72").str.extract(r"(?m)^/BNF/([^\n]*(?:\n//[^\n]*)*)")
    note = rejoined(beneficiary.str.split("\n").list.eval(pl.element().str.strip_prefix("//")), width=29)
    rows = rows.with_columns(
        pl.when(between).then("58").otherwise("57").alias("creditor_agent_raw"),
        end_to_end_id=pl.when(between).then(related).otherwise(word("ROC")),
        original_instruction_id=pl.when(covers).then(related),
        remittance=pl.when(between)
        .then(note)
        .otherwise(pl.coalesce(word("URI"), pl.when(~pl.col("coded")).then("told"))),
        remittance_reference=word("RFB"),
        ultimate_debtor_name=word("ULTD"),
        ultimate_creditor_name=word("ULTB"),
        purpose=pl.coalesce(word("PURP"), to_bank("PURP")),
        service_level=to_bank("SVCLVL"),
        category_purpose=to_bank("CATPURP"),
        local_instrument=to_bank("LOCINS"),
        charge_bearer=pl.col("71A").replace_strict(
            {"OUR": "DEBT", "BEN": "CRED", "SHA": "SHAR"}, default=None
        ),
        exchange_rate=pointed(pl.col("36")),
        instruction_id=pl.col("20"),
        place=pl.format("message at line {}", "line"),
    )
    account_53 = pl.col("account_53").str.extract(r"^/(?:[CD]/)?([^/\n][^\n]*)")
    account_58 = pl.col("58").str.extract(r"^/(?:[CD]/)?([^/\n][^\n]*)")
    rows = rows.with_columns(
        *party("50", "50_option", prefix="debtor"),
        *party("59", "59_option", prefix="creditor"),
        *agent("52", prefix="debtor_agent"),
        *agent("creditor_agent_raw", prefix="creditor_agent"),
        *(
            each
            for each in agent("56", prefix="intermediary")
            if each.meta.output_name() == "intermediary_bic"
        ),
    ).with_columns(
        debtor_account=pl.when(between).then(account_53).otherwise("debtor_account"),
        creditor_account=pl.when(between).then(account_58).otherwise("creditor_account"),
    )
    return _conformed(rows, PAYMENTS_READ)


def _entries(rows: pl.DataFrame) -> pl.DataFrame:
    """`ENTRIES_READ` of MT900 (a debit) and MT910 (a credit)."""
    filled = rows.with_columns(
        *party("50", "50_option", prefix="payer"), *agent("52", prefix="orderer")
    ).with_columns(
        place=pl.format("message at line {}", "line"),
        account=pl.col("25"),
        entry=pl.lit(1),
        detail=pl.lit(0),
        direction=pl.when(pl.col("kind") == "900").then(pl.lit("D")).otherwise(pl.lit("C")),
        reversal=pl.lit(value=False),
        status=pl.lit("BOOK"),
        value_date=pl.col("execution_date"),
        transaction_code=pl.lit("NTRF"),
        bank_reference=pl.col("20"),
        instruction_id=pl.when(pl.col("21") != "NONREF").then("21"),
        counterparty_name=pl.coalesce("payer_name", "orderer_name"),
        counterparty_account=pl.col("payer_account"),
        counterparty_agent=pl.col("orderer_bic"),
        remittance=text_or_null(pl.col("72").str.replace_all(r"\s+", " ")),
    )
    return _conformed(filled, ENTRIES_READ)


def _conformed(rows: pl.DataFrame, schema: Schema) -> pl.DataFrame:
    return rows.select(
        (pl.col(name) if name in rows.columns else pl.lit(None)).cast(kind).alias(name)
        for name, kind in schema.items()
    )
