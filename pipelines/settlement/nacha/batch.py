"""A batch of a NACHA file while it is read: its header, its entry in hand, and what they amount to.

Belongs here: the batch, the entry with its addenda, and their checks that need no other record.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from pipelines.settlement.nacha.codes import (
    ADVICE_CREDITS,
    ADVICE_DEBITS,
    CREDITS,
    DEBITS,
    ENTRY_CLASSES,
    SERVICE_CLASSES,
    is_routing_number,
)
from pipelines.settlement.nacha.controls import Totals
from pipelines.settlement.nacha.layout import (
    BATCH_HEADER,
    IAT_BATCH_HEADER,
    entry_layout,
    fields,
)

MOST_ADDENDA: Final = 9_999
"""Of an entry: the count has four digits."""


class NotRead(ValueError):
    """A record that cannot be taken: which field, a stable code, and why."""

    def __init__(self, field_name: str | None, code: str, sentence: str) -> None:
        self.field = field_name
        self.code = code
        self.sentence = sentence
        super().__init__(sentence)


@dataclass(slots=True)
class Entry:
    """An entry and the texts of its addenda."""

    row: int
    line: int
    texts: Mapping[str, str]
    amount_minor: int
    """Cents."""
    is_debit: bool
    addenda: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Batch:
    """What a batch header says, and what was found since."""

    line: int
    head: Mapping[str, str]
    entry_class: str
    effective_on: date | None
    totals: Totals = field(default_factory=Totals)
    last_trace: str = ""


def batch_of(text: str, line: int) -> Batch:
    """The batch that a header begins. Raises `NotRead`."""
    entry_class = text[50:53]
    is_international = entry_class == "IAT" or text[4:20].strip() == "IATCOR"
    head = fields(text, IAT_BATCH_HEADER if is_international else BATCH_HEADER)
    if entry_class not in ENTRY_CLASSES:
        raise NotRead("standard entry class", "entry_class", f"{entry_class!r} is no entry class")
    if head["service_class"] not in SERVICE_CLASSES:
        raise NotRead("service class", "service_class", f"{head['service_class']!r} is no service class")
    for name in ("odfi", "batch_number"):
        if not is_number(head[name]):
            raise NotRead(name, "not_a_number", f"{head[name]!r} is not a number")
    return Batch(line, head, entry_class, date_of(head["effective_date"]))


def entry_of(text: str, batch: Batch, *, row: int, line: int) -> Entry:
    """The entry on a line. Raises `NotRead`; the batch's totals have it then too, as far as it goes."""
    texts = fields(text, entry_layout(batch.entry_class))
    code, routing = texts["transaction_code"], texts["rdfi"] + texts["check_digit"]
    is_advice = batch.entry_class == "ADV"
    is_debit = code in (ADVICE_DEBITS if is_advice else DEBITS)
    if is_number(texts["rdfi"]):
        batch.totals.routing += int(texts["rdfi"])
    amount = text[27:39] if is_advice else text[29:39]
    if not is_number(amount):
        raise NotRead("amount", "not_a_number", f"{amount!r} is not a number of cents")
    if is_debit:
        batch.totals.debits += int(amount)
    else:
        batch.totals.credits += int(amount)
    if not is_debit and code not in (ADVICE_CREDITS if is_advice else CREDITS):
        raise NotRead("transaction code", "transaction_code", f"{code!r} is no transaction code")
    if batch.head["service_class"] == ("220" if is_debit else "225"):
        kind = "debit in a batch of credits" if is_debit else "credit in a batch of debits"
        raise NotRead("transaction code", "service_class", f"{code} is a {kind}")
    if not is_routing_number(routing):
        raise NotRead("receiving bank", "check_digit", f"{routing!r} is not a routing number")
    if not is_number(texts["trace"]) or len(texts["trace"]) != 15:
        raise NotRead("trace number", "not_a_number", f"{texts['trace']!r} is not fifteen digits")
    return Entry(row, line, texts, int(amount), is_debit)


def is_number(text: str) -> bool:
    """Whether it is digits, and nothing but."""
    return text.isascii() and text.isdigit()


def date_of(text: str) -> date | None:
    """A date YYMMDD; None when there is none. Raises `NotRead`."""
    if not text.strip("0 "):
        return None
    if len(text) == 6 and is_number(text):
        try:
            return date(2000 + int(text[:2]), int(text[2:4]), int(text[4:]))
        except ValueError:
            pass
    raise NotRead("effective date", "not_a_date", f"{text!r} is not a date YYMMDD")
