"""What is wrong with a file or with a record in it, as data that a person can act on."""

from typing import Final

import polars as pl

PROBLEMS: Final = pl.DataFrame(
    schema={
        "row": pl.UInt32,  # number of the record in its file, from 1; 0 of a file or a group
        "place": pl.String,  # where: line, element, column
        "field": pl.String,  # which field, in the words of its format; null when it is the record
        "code": pl.String,  # stable, lower_snake_case
        "sentence": pl.String,  # what is wrong and what to do
    }
)
"""Records that were refused, or altered with a warning: one row a field; empty."""


class FileRefused(ValueError):
    """A file cannot be read or written at all: `code` is stable, `place` says where, the rest why."""

    def __init__(self, code: str, place: str, sentence: str) -> None:
        self.code = code
        self.place = place
        self.sentence = sentence
        super().__init__(f"{place}: {sentence} ({code})")
