"""The elements of an XML document with the place of every part of them in its text.

Expat judges whether the document is well-formed; the scan below then only has to find the parts. A document type is
refused before anything of it is read: nothing is expanded, and nothing is fetched.
"""

from __future__ import annotations

import re
from typing import List, NamedTuple, Optional
from xml.parsers import expat

from guiwei.errors import ResourceError

__all__ = ["Attribute", "Element", "Piece", "scan"]

_TOKEN = re.compile(r"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>|</[^>]*>|<(?:[^<>\"']|\"[^\"]*\"|'[^']*')*>|[^<]+", re.S)
_TAG_NAME = re.compile(r"</?([^\s/>]+)")
_ATTRIBUTE = re.compile(r"(\s+)([^\s=]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_REFERENCE = re.compile(r"&(#x[0-9A-Fa-f]+|#[0-9]+|lt|gt|amp|quot|apos);")
_ENTITIES = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'"}


class Attribute(NamedTuple):
    """An attribute: `start` is that of the blanks before it, `value_start` and `value_end` lie inside the quotes."""

    name: str
    start: int
    name_start: int
    value_start: int
    value_end: int
    quote: str
    value: str


class Piece(NamedTuple):
    """A run of an element's own text; a CDATA section with its marks is one."""

    start: int
    end: int
    cdata: bool
    value: str


class Element:
    """An element: its start tag ends at `opened`, its end tag begins at `closing` (both are `end` of `<a/>`)."""

    __slots__ = ("attributes", "children", "closing", "end", "name", "opened", "pieces", "start")

    def __init__(self, name: str, start: int, opened: int) -> None:
        self.name = name
        self.start = start
        self.opened = opened
        self.closing = opened
        self.end = opened
        self.attributes: List[Attribute] = []
        self.children: List[Element] = []
        self.pieces: List[Piece] = []

    @property
    def text(self) -> Optional[str]:
        """Its text as a reader gets it; None if it has elements in it."""
        return None if self.children else "".join(piece.value for piece in self.pieces)

    def attribute(self, name: str) -> Optional[Attribute]:
        """Return the attribute of that name."""
        return next((one for one in self.attributes if one.name == name), None)


def scan(text: str, path: str) -> Element:
    """Return the root element of a document.

    Args:
        text: the whole document, decoded.
        path: named in errors.

    Raises:
        ResourceError: it is not well-formed (`xml-malformed`), or has a document type (`xml-doctype`).
    """
    _judge(text, path)
    root: Optional[Element] = None
    above: List[Element] = []
    for token in _TOKEN.finditer(text):
        start, end, written = token.start(), token.end(), token.group()
        if written.startswith("</"):
            closed = above.pop()
            closed.closing, closed.end = start, end
        elif written.startswith("<![CDATA["):
            above[-1].pieces.append(Piece(start, end, True, _lines(written[9:-3])))
        elif written.startswith(("<!--", "<?")):
            continue
        elif written.startswith("<"):
            element = _opened(written, start, end)
            if above:
                above[-1].children.append(element)
            root = root or element
            if not written.endswith("/>"):
                above.append(element)
        elif above:
            above[-1].pieces.append(Piece(start, end, False, _resolved(_lines(written))))
    assert root is not None
    return root


def _judge(text: str, path: str) -> None:
    def refuse(*_: object) -> None:
        raise ResourceError("xml-doctype", path=path)

    # The text is decoded already: what its declaration says of the encoding counts no more.
    parser = expat.ParserCreate("utf-8")
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(text.encode("utf-8"), True)
    except expat.ExpatError as error:
        raise ResourceError("xml-malformed", path=path, line=error.lineno, column=error.offset + 1) from None
    except UnicodeEncodeError as error:
        lines = text[: error.start].split("\n")
        raise ResourceError("xml-malformed", path=path, line=len(lines), column=len(lines[-1]) + 1) from None


def _opened(tag: str, start: int, end: int) -> Element:
    name = _TAG_NAME.match(tag)
    assert name is not None
    element = Element(name.group(1), start, end)
    for found in _ATTRIBUTE.finditer(tag, name.end()):
        group = 3 if found.group(3) is not None else 4
        value = re.sub(r"[\t\n]", " ", _lines(found.group(group)))
        element.attributes.append(
            Attribute(
                found.group(2),
                start + found.start(),
                start + found.start(2),
                start + found.start(group),
                start + found.end(group),
                '"' if group == 3 else "'",
                _resolved(value),
            )
        )
    return element


def _lines(text: str) -> str:
    """A reader sees LF alone (XML 1.0, 2.11)."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _resolved(text: str) -> str:
    return _REFERENCE.sub(_character, text)


def _character(found: "re.Match[str]") -> str:
    name = found.group(1)
    if name.startswith("#"):
        return chr(int(name[2:], 16) if name[1] in "xX" else int(name[1:]))
    return _ENTITIES[name]
