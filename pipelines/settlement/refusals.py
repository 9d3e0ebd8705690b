"""How many refusals of one file are told before the file itself is refused.

Belongs here: that bound alone. A file of short broken lines would otherwise give millions of them and
take hours, where a person needs the first few.
"""

from collections.abc import Iterator
from typing import Final

from pipelines.settlement.problems import FileRefused
from pipelines.settlement.reading import Part, Refused

MOST_REFUSALS: Final = 100_000
"""Of a file."""


def bounded(parts: Iterator[Part]) -> Iterator[Part]:
    """The parts as they come. Raises `FileRefused` after `MOST_REFUSALS` refusals."""
    refusals = 0
    for part in parts:
        yield part
        if isinstance(part, Refused):
            refusals += 1
            if refusals >= MOST_REFUSALS:
                raise FileRefused(
                    "too_many_refusals",
                    part.place,
                    f"{refusals} records up to here cannot be taken: the file is not what it seems",
                )
