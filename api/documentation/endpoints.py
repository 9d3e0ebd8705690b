"""The page, its script and its style; and where the `type` of a problem leads."""

from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Response
from fastapi import Path as PathParameter
from fastapi.responses import RedirectResponse

router = APIRouter(include_in_schema=False)

_FOLDER: Final = Path(__file__).parent
_PAGE, _SCRIPT, _STYLE = ((_FOLDER / f"page.{kind}").read_bytes() for kind in ("html", "js", "css"))
_CACHED: Final = {"Cache-Control": "no-cache"}


@router.get("/")
async def page() -> Response:
    """The documentation."""
    return Response(_PAGE, media_type="text/html", headers=_CACHED)


@router.get("/documentation/page.js")
async def script() -> Response:
    """What renders the OpenAPI document."""
    return Response(_SCRIPT, media_type="text/javascript", headers=_CACHED)


@router.get("/documentation/page.css")
async def style() -> Response:
    """How it looks."""
    return Response(_STYLE, media_type="text/css", headers=_CACHED)


@router.get("/problems/{code}")
async def problem(code: Annotated[str, PathParameter(pattern="^[a-z0-9_]{1,80}$")]) -> Response:
    """The page, at what it says of a problem's code."""
    return RedirectResponse(f"/#problem-{code}")
