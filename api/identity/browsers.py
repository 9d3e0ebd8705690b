"""Browsers: the cookie of a login session, and whether a form was sent from a page of ours.

Forms are taken from our own pages alone: browsers say where a request comes from (`Sec-Fetch-Site`, or
`Origin` where they do not), and the cookie is not sent with what other sites post.
"""

import re
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request, Response

from api.errors import Refusal

COOKIE: Final = "wgi_session"
SECURE_COOKIE: Final = "__Host-wgi_session"
"""Over HTTPS: no other host can set it, and no path is without it."""
START: Final = "/account"
"""Where a login leads that was not asked for by a client."""
_WITHIN: Final = re.compile(r"/oauth2/authorize\?[!-\[\]-~]{1,4000}|/account([/?][!-\[\]-~]{0,4000})?")
"""Where a login may lead on: no other page, no other host; without backslashes, spaces, controls."""


class ForeignForm(Refusal):
    """A form, or a script, of another site."""

    status = 403
    code = "foreign_form"

    def __init__(self) -> None:
        super().__init__("this was not sent from a page of ours: open the page again and try once more")


def token_of(request: Request, issuer: str) -> str | None:
    """The token of the browser's session, where it has one."""
    return request.cookies.get(_cookie(issuer))


def remember(response: Response, token: str, *, issuer: str) -> None:
    """Let the browser keep a token until it is closed."""
    response.set_cookie(
        _cookie(issuer), token, httponly=True, samesite="lax", secure=_is_secure(issuer), path="/"
    )


def forget(response: Response, *, issuer: str) -> None:
    """Let the browser forget its token."""
    response.delete_cookie(
        _cookie(issuer), httponly=True, samesite="lax", secure=_is_secure(issuer), path="/"
    )


def check_own_form(request: Request) -> None:
    """Raise `ForeignForm` for what did not come from a page of ours."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site != "same-origin":
            raise ForeignForm
        return
    sent_from = request.headers.get("origin")
    if sent_from != f"{request.url.scheme}://{request.headers.get('host', '')}":
        raise ForeignForm


def next_page(asked: str | None) -> str:
    """Where a login leads on, where that is a page of ours."""
    return asked if asked is not None and _WITHIN.fullmatch(asked) else START


def _cookie(issuer: str) -> str:
    return SECURE_COOKIE if _is_secure(issuer) else COOKIE


def _is_secure(issuer: str) -> bool:
    return urlsplit(issuer).scheme == "https"
