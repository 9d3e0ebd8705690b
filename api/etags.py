"""Entity tags (RFC 9110, 8.8.3): which are given, and which a condition names."""

import re
from hashlib import sha256
from typing import Final

_TAG: Final = re.compile(r'(W/)?("[!#-~\x80-\xff]*")')


def content_etag(content: bytes) -> str:
    """Of a content as it is sent."""
    return f'"{sha256(content).hexdigest()[:32]}"'


def is_known(current: str, if_none_match: str | None) -> bool:
    """Whether `If-None-Match` names the tag; on the way a proxy may have made it weak."""
    return _named(if_none_match, current, weak=True)


def has_changed(current: str, if_match: str | None) -> bool:
    """Whether `If-Match` is given and does not name the tag."""
    return if_match is not None and not _named(if_match, current, weak=False)


def _named(given: str | None, current: str, *, weak: bool) -> bool:
    if given is None:
        return False
    tags = {tag for is_weak, tag in _TAG.findall(given) if weak or not is_weak}
    return given.strip() == "*" or current in tags
