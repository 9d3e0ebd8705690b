"""XML as text that can be cut: decoded, checked to be well-formed, without comments, CDATA and DTDs.

Belongs here: bytes to markup, in pieces that end between two tags, and every reason for which a file is
no XML that may be read. Expat checks every octet and builds nothing; a document type declaration is
refused before any entity of it is, so there is nothing to expand and nothing to fetch. Whoever reads
the pieces may trust that tags nest, attributes are quoted and only the five named entities occur.
"""

import codecs
import re
from collections.abc import Iterator
from typing import BinaryIO
from xml.parsers import expat

from pipelines.settlement.problems import FileRefused

CHUNK_OCTETS = 256 * 1024
LONGEST_TOKEN = 1024 * 1024
"""Characters between two tags, or in one tag, comment or CDATA section, at most."""

_DECLARED = re.compile(rb"""^<\?xml[^>]{0,100}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_ENCODINGS = re.compile(
    r"(utf-?8|utf-?16(-?[lb]e)?|us-ascii|ascii|(iso-?)?8859-\d+|latin-?1|windows-125\d|cp125\d)$"
)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_BESIDES = re.compile(r"<!--.*?-->|<!\[CDATA\[(.*?)\]\]>|<\?.*?\?>", re.DOTALL)
_BESIDES_BEGINS = re.compile(r"<(?:[!?]|$)")
_TOKEN = re.compile(r"""<((?:[^>"']++|"[^"]*+"|'[^']*+')*+)>([^<]*+)""")
_ENTITY = re.compile(r"&(?:#x([0-9A-Fa-f]{1,6})|#([0-9]{1,7})|(amp|lt|gt|quot|apos));")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}


def unescaped(text: str) -> str:
    """`text` with its entities and character references as the characters that they stand for."""

    def character(found: re.Match[str]) -> str:
        hexadecimal, decimal, name = found.groups()
        return _NAMED[name] if name else chr(int(hexadecimal, 16) if hexadecimal else int(decimal))

    return _ENTITY.sub(character, text)


class MarkedUp:
    """The markup of a file, read once; `ended_early` tells afterwards where it breaks off."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._parser = expat.ParserCreate()
        self._parser.StartDoctypeDeclHandler = _refuse_doctype
        self.ended_early: str | None = None

    def pieces(self) -> Iterator[str]:
        """Pieces that begin and end between tags; raises `FileRefused` where the file is no XML."""
        held = ""
        for text in self._decoded():
            self._check(text)
            held += text
            end = len(held)
            if "!" in held or "?" in held:
                held = _BESIDES.sub(lambda found: _escaped(found[1] or ""), held)
                beside = _BESIDES_BEGINS.search(held)
                end = beside.start() if beside else len(held)
            cut = held.rfind("<", 0, end)
            if len(held) - max(cut, 0) > LONGEST_TOKEN:
                raise FileRefused(
                    "token_too_long",
                    self._place(),
                    f"a text or tag is longer than {LONGEST_TOKEN:,} characters",
                )
            if cut > 0:
                yield _with_plain_signs(held[:cut])
                held = held[cut:]
        self._end()
        yield _with_plain_signs(_BESIDES_BEGINS.split(held)[0])

    def _decoded(self) -> Iterator[str]:
        octets = self._source.read(CHUNK_OCTETS).lstrip(b" \t\r\n")
        if not octets:
            raise FileRefused("empty", "file", "it is empty")
        encoding, mark = _encoding(octets)
        decoder = codecs.getincrementaldecoder(encoding)("strict")
        octets, at = octets[mark:].lstrip(b" \t\r\n"), 0
        while octets:
            try:
                text = decoder.decode(octets)
            except UnicodeDecodeError as error:
                sentence = f"it says it is {encoding}, and there are octets that are not"
                raise FileRefused("encoding_wrong", f"octet {at + error.start}", sentence) from error
            at += len(octets)
            if "\r" in text:
                text = text.replace("\r\n", "\n")
            yield text
            octets = self._source.read(CHUNK_OCTETS)
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            self.ended_early = self._place()

    def _check(self, text: str) -> None:
        try:
            self._parser.Parse(text, False)
        except expat.ExpatError as error:
            raise self._refused(error) from error

    def _end(self) -> None:
        try:
            self._parser.Parse("", True)
        except expat.ExpatError as error:
            if error.code in _ENDS_EARLY:
                self.ended_early = self._place()
                return
            raise self._refused(error) from error

    def _place(self) -> str:
        return f"line {self._parser.CurrentLineNumber}"

    def _refused(self, error: expat.ExpatError) -> FileRefused:
        sentence = f"it is not well-formed XML: {expat.ErrorString(error.code)}"
        return FileRefused("not_well_formed", f"line {error.lineno} column {error.offset + 1}", sentence)


_ENDS_EARLY = frozenset(
    expat.errors.codes[message]
    for message in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
    )
)


def _refuse_doctype(name: str, *_: object) -> None:
    sentence = (
        "it declares a document type, which bank files do not: entities are neither read nor fetched"
    )
    raise FileRefused("doctype", name, sentence)


def _encoding(head: bytes) -> tuple[str, int]:
    """The encoding by mark, form or declaration, and the length of the mark."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name, len(mark)
    if head.startswith((b"<\x00", b"\x00<")):
        return ("utf-16-le" if head.startswith(b"<\x00") else "utf-16-be"), 0
    declared = _DECLARED.match(head)
    name = declared[1].decode("ascii").lower() if declared else "utf-8"
    if not _ENCODINGS.match(name):
        raise FileRefused(
            "encoding_unknown", "line 1", f"its encoding, {name}, is not read here: send UTF-8"
        )
    if name.startswith(("utf16", "utf-16")):
        raise FileRefused("encoding_wrong", "line 1", "it says that it is UTF-16, and is not")
    try:
        return codecs.lookup(name.replace("iso8859", "iso-8859")).name, 0
    except LookupError as error:
        raise FileRefused("encoding_unknown", "line 1", f"its encoding, {name}, is not known") from error


def _with_plain_signs(text: str) -> str:
    """`text` in which every `>` ends a tag: those in texts and attributes are escaped."""
    if text.count(">") == text.count("<"):
        return text
    return _TOKEN.sub(
        lambda found: f"<{found[1].replace('>', '&gt;')}>{found[2].replace('>', '&gt;')}", text
    )


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
