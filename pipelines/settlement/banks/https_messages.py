"""What a bank says over HTTPS, as far as we use it: the JSON of its answers, checked as it is read.

Belongs here: the shapes, and reading a body that may be of any size or no JSON at all.
"""

from typing import TypeVar

import aiohttp
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

_MESSAGE_BYTES = 16 << 20
_PIECE = 256 * 1024


class _Said(BaseModel):
    """Fields that we do not know may come with later versions."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Token(_Said):
    """RFC 6749, 5.1; how long it lives shows when it does not any more."""

    access_token: str = Field(min_length=1)


class FileStatus(_Said):
    """What became of a file."""

    status: str


class ListedAnswer(_Said):
    """An answer that can be fetched."""

    id: str = Field(min_length=1)
    name: str
    size: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    cursor: str = Field(min_length=1)


class AnswerList(_Said):
    """Answers beyond a cursor, in the bank's order."""

    answers: list[ListedAnswer]


class AccountBalance(_Said):
    """Balance of an account now."""

    account: str
    currency: str
    amount_minor: int
    as_of: AwareDatetime


class FileReceipt(_Said):
    """The bank has a file, whole."""

    file_id: str
    sha256: str


class NotUnderstood(ValueError):
    """A body is not what was agreed: too large, no JSON, or without the fields."""


SaidT = TypeVar("SaidT", bound=_Said)


async def said(answer: aiohttp.ClientResponse, kind: type[SaidT]) -> SaidT:
    """The body of an answer, as `kind`. Raises `NotUnderstood`, `aiohttp.ClientError`."""
    body = await read_body(answer, limit=_MESSAGE_BYTES)
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "body"
        raise NotUnderstood(f"{answer.url.path}: {place}: {first['msg']}") from error


async def read_body(answer: aiohttp.ClientResponse, *, limit: int) -> bytes:
    """A body of at most `limit` octets, whatever its head says. Raises `NotUnderstood`."""
    pieces, size = [], 0
    async for piece in answer.content.iter_chunked(_PIECE):
        size += len(piece)
        if size > limit:
            raise NotUnderstood(f"{answer.url.path}: it sends more than {limit} octets")
        pieces.append(piece)
    return b"".join(pieces)
