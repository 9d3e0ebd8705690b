"""Contents of answers: JSON as it goes over the wire."""

from collections.abc import Mapping
from typing import Any, Final

from fastapi import Response
from pydantic_core import to_json

JSON: Final = "application/json"


def written(content: Mapping[str, Any]) -> bytes:
    """JSON of a content."""
    return to_json(content)


def as_json(content: Mapping[str, Any], *, headers: Mapping[str, str] | None = None) -> Response:
    """An answer with a content."""
    return Response(written(content), media_type=JSON, headers=headers)
