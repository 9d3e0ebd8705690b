"""What stands around messages: wrappers of any name, namespaces, and business application headers.

Belongs here: finding where a message begins and which it is, by the namespace of its elements, and
what head.001 says of it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.settlement.iso20022.read_messages import MESSAGES, NAMESPACE, Message
from pipelines.settlement.iso20022.read_shapes import DEEPEST, local_name
from pipelines.settlement.iso20022.read_text import unescaped
from pipelines.settlement.problems import FileRefused

_DECLARATION = re.compile(r"""\sxmlns(?::([^\s=]+))?\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_HEADER = "AppHdr"
_PARTIES = (
    "FIId/FinInstnId/BICFI",
    "FIId/FinInstnId/BIC",
    "OrgId/Id/OrgId/AnyBIC",
    "OrgId/Id/OrgId/BICOrBEI",
    "FIId/FinInstnId/ClrSysMmbId/MmbId",
    "OrgId/Id/OrgId/Othr/Id",
    "FIId/FinInstnId/Nm",
    "OrgId/Nm",
)
_READ = {
    "BizMsgIdr",
    "MsgDefIdr",
    "CreDt",
    *(f"{side}/{path}" for side in ("Fr", "To") for path in _PARTIES),
}
TEXT_KEPT = 500
"""Characters of a header's text that are kept."""


@dataclass(frozen=True, slots=True)
class Identified:
    """A message as it begins."""

    name: str
    """camt.053"""
    version: str
    """001.08"""
    message: Message
    root: str
    """Local name of its element."""
    prefix: str
    """Of its elements' names, with the colon; empty where its namespace is the default."""
    number: int
    """In its file, from 1."""
    header: Mapping[str, str]
    """What the application header before it says."""

    def party(self, side: str) -> str | None:
        """Whom the application header names: `Fr` or `To`."""
        return next((found for path in _PARTIES if (found := self.header.get(f"{side}/{path}"))), None)


class Envelope:
    """Elements outside of messages."""

    def __init__(self) -> None:
        self._open: list[tuple[str, Mapping[str, str]]] = [("", {})]
        self._header: dict[str, str] = {}
        self.messages = 0

    def opened(self, tag: str, text: str) -> Identified | None:
        """Go into an element; the message, if it is one that begins here.

        Raises `FileRefused` for a message, or a version of one, that is not read.
        """
        name = local_name(tag)
        path, namespaces = self._open[-1]
        if len(self._open) > DEEPEST:
            sentence = f"elements stand within each other more than {DEEPEST} deep"
            raise FileRefused("too_deep", "outside of a message", sentence)
        declared = {
            found[1] or "": unescaped(found[2] or found[3] or "") for found in _DECLARATION.finditer(tag)
        }
        if declared:
            namespaces = {**namespaces, **declared}
        within = f"{path}/{name}" if path else ("/" if name == _HEADER else "")
        self._open.append((within.replace("//", "/"), namespaces))
        if name == _HEADER:
            self._header = {}
        if path:
            if (at := within.lstrip("/")) in _READ and text.strip():
                self._header.setdefault(at, unescaped(text).strip()[:TEXT_KEPT])
            return None
        prefix, colon, _ = tag.rstrip("/").split(None, 1)[0].rpartition(":")
        found = NAMESPACE.match(namespaces.get(prefix, ""))
        if name == "Document" and found is None and namespaces.get(prefix):
            sentence = f"its namespace, {namespaces[prefix][:100]}, is not that of an ISO 20022 message"
            raise FileRefused("message_unknown", "Document", sentence)
        if found is None or name in ("Document", _HEADER) or found[1].startswith("head."):
            return None
        self.messages += 1
        return self._identified(found[1], found[2], name, prefix + colon)

    def closed(self) -> None:
        """Leave the innermost element."""
        self._open.pop()

    def _identified(self, name: str, version: str, root: str, prefix: str) -> Identified:
        message = MESSAGES.get(name)
        if message is None:
            known = ", ".join(sorted(MESSAGES))
            raise FileRefused("message_unknown", root, f"{name} is not read here; read are {known}")
        newest = message.versions[-1]
        if not version.startswith("001.") or int(version[4:]) not in message.versions:
            sentence = (
                f"version {version} of {name} is not read here; read are 001.01 to 001.{newest:02}"
            )
            raise FileRefused("version_unknown", root, sentence)
        return Identified(name, version, message, root, prefix, self.messages, dict(self._header))
