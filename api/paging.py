"""Paging: where the next page of a list begins, as an opaque text."""

import base64
import binascii
import json
from typing import Annotated, Final, TypeVar

from fastapi import Query
from pydantic import TypeAdapter, ValidationError

from api.errors import Refusal

T = TypeVar("T")

MOST: Final = 200
USUAL: Final = 50

Limit = Annotated[int, Query(ge=1, le=MOST, description="Items of a page.")]
Cursor = Annotated[
    str | None,
    Query(alias="cursor", max_length=1_000, description="`next_cursor` of the page before."),
]

CURSOR_CODES: Final = (("cursor_invalid", 422, "The cursor is none that this list has given."),)
"""What `position` refuses, for the documentation of a route."""


class CursorInvalid(Refusal):
    """The cursor is none that this list has given."""

    code = "cursor_invalid"

    def __init__(self) -> None:
        super().__init__("the cursor is none that this list has given", pointer="/query/cursor")


def cursor(*position: object) -> str:
    """The cursor of a position in the order of a list."""
    text = json.dumps(position, default=str, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def position(given: str | None, kind: TypeAdapter[T]) -> T | None:
    """The position that a cursor stands for, None for the first page; raises `CursorInvalid`."""
    if given is None:
        return None
    try:
        padded = given.encode("ascii") + b"=" * (-len(given) % 4)
        return kind.validate_json(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, UnicodeError, ValidationError) as error:
        raise CursorInvalid from error
