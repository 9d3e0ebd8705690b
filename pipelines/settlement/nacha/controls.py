"""Control totals of a NACHA file: what batches and the file declare against what was found.

Belongs here: counting while records go by, and telling each difference. Python's integers hold any sum.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pipelines.settlement.reading import Refused

_HASH = 10**10


@dataclass(slots=True)
class Totals:
    """Found so far in a batch or in the file."""

    records: int = 0
    """Entries and addenda."""
    routing: int = 0
    """Sum of the first eight digits of the receiving banks' routing numbers."""
    debits: int = 0
    """Cents."""
    credits: int = 0
    batches: int = 0
    unread: int = 0
    """Entries whose amount could not be read; sums are then not compared to the cent."""

    def add(self, other: "Totals") -> None:
        """Add a batch to the file."""
        self.records += other.records
        self.routing += other.routing
        self.debits += other.debits
        self.credits += other.credits
        self.unread += other.unread
        self.batches += 1

    def differences(self, declared: Mapping[str, str], place: str) -> Iterator[Refused]:
        """One refusal for each declared number that is not what was found."""
        found = {
            "count": self.records,
            "hash": self.routing % _HASH,
            "debits": self.debits,
            "credits": self.credits,
            "batches": self.batches,
        }
        for name, value in found.items():
            text = declared.get(name)
            if text is None:
                continue
            if not (text.isascii() and text.isdigit()) or int(text) != value:
                yield Refused(
                    0,
                    place,
                    name,
                    "control_total",
                    f"it declares {text or 'nothing'} for {name}, the records give {value}:"
                    " have the sender say which is right",
                )
