"""XML files edited so that every other byte stays: declaration, comments, CDATA, quotes, line ends, spacing.

The encoding is the option's, else what byte order mark or declaration say, as XML 1.0 (appendix F) has it. Files that
name none but are GBK are common on invoicing PCs and are recognized like any other text.
"""

from __future__ import annotations

import codecs
import re
from functools import lru_cache
from typing import List, NamedTuple, Optional, Sequence, Tuple

from guiwei.errors import ResourceError
from guiwei.target.text import Text, empty, parse
from guiwei.target.xml_path import Step, XmlPath
from guiwei.target.xml_scan import Element, scan

__all__ = ["Xml", "new_xml", "parse_xml"]

_DECLARED = re.compile(rb"<\?xml[^>]*?\sencoding\s*=\s*[\"']([A-Za-z0-9._-]+)[\"']")
#: Names of encodings in declarations, in lower case, and what they are called here.
_CODECS = {
    "utf-8": "utf-8", "utf8": "utf-8", "gbk": "gbk", "gb2312": "gbk", "cp936": "gbk", "gb18030": "gb18030",
    "iso-8859-1": "latin-1", "latin1": "latin-1", "us-ascii": "ascii", "ascii": "ascii",
    # One byte a character, whatever it says: some program has converted it and left the declaration.
    "utf-16": "auto", "utf-16le": "auto", "utf-16be": "auto", "unicode": "auto",
}  # fmt: skip
#: What a new file declares.
_DECLARATIONS = {
    "gbk": "GBK", "gb18030": "GB18030", "utf-16": "UTF-16", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16",
    "latin-1": "ISO-8859-1", "ascii": "US-ASCII",
}  # fmt: skip

_BLANKS = " \t\r\n"
_DEFAULT_INDENT = "  "
#: Comments that follow on the same line: they speak of what stands before them.
_REMARKS = re.compile(r"(?:[ \t]*<!--[^\n]*?-->)*")
#: A file that has no element yet.
_NOTHING = re.compile(r"(?:\s+|<\?.*?\?>|<!--.*?-->)*\Z", re.S)
#: What XML 1.0 (2.2) has no character for.
_NO_CHARACTER = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Edit = Tuple[int, int, str]


class Spelling(NamedTuple):
    """How text is written: with this line end, and a reference for each character that the encoding lacks."""

    newline: str
    encoding: str

    def text(self, value: str) -> str:
        """Return a value as an element's text."""
        written = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")
        return self._known(written.replace("\n", self.newline))

    def attribute(self, value: str, quote: str) -> str:
        """Return a value as it stands between an attribute's quotes."""
        written = value.replace("&", "&amp;").replace("<", "&lt;")
        written = written.replace(quote, "&quot;" if quote == '"' else "&apos;")
        for blank in "\t\n\r":
            written = written.replace(blank, "&#%d;" % ord(blank))
        return self._known(written)

    def cdata(self, value: str) -> Optional[str]:
        """Return a value as a CDATA section, None if it cannot be one: nothing is escaped in there."""
        if "]]>" in value or "\r" in value or self._known(value) != value:
            return None
        return "<![CDATA[" + value.replace("\n", self.newline) + "]]>"

    def _known(self, text: str) -> str:
        try:
            text.encode(self.encoding)
            return text
        except UnicodeEncodeError:
            return text.encode(self.encoding, "xmlcharrefreplace").decode(self.encoding)


class Xml:
    """A parsed XML file. Edits return a new object.

    Raises:
        ResourceError: it is not well-formed (`xml-malformed`) or has a document type (`xml-doctype`).
    """

    def __init__(self, text: Text, path: str = "", newline: str = "\n") -> None:
        self.text = "".join(text.lines)
        self.encoding = text.encoding
        self._file = text
        self._path = path
        self._newline = text.newline if "\n" in self.text else newline
        self._root: Optional[Element] = None if _NOTHING.match(self.text) else scan(self.text, path)

    def file(self) -> Text:
        """Return the text as it is written."""
        return self._file._replace(lines=[self.text])

    def found(self, path: XmlPath) -> Optional[Element]:
        """Return the element of a path.

        Raises:
            ResourceError: it is not the only one (`xml-several`).
        """
        return self._found(path, path.steps)[1]

    def with_value(self, path: XmlPath, value: str, spelling_encoding: str) -> "Xml":
        """Return the file in which the text or attribute has that value; elements that are missing are made.

        Args:
            spelling_encoding: characters that it lacks are written as references.

        Raises:
            ResourceError: XML has no such character (`xml-character`), the element has elements in it
                (`xml-children`), the root has another name (`xml-root`), or there is no place for a missing element
                (`xml-no-place`).
        """
        if _NO_CHARACTER.search(value):
            raise ResourceError("xml-character", path=self._path, xpath=path.text)
        spelling = Spelling(self._newline, spelling_encoding)
        depth, element = self._found(path, path.steps)
        if element is None:
            return self._edited([self._missing(path, depth, value, spelling)])
        if path.attribute is not None:
            return self._edited(self._attribute_edits(element, path.attribute, value, spelling))
        if element.children:
            raise ResourceError("xml-children", path=self._path, xpath=path.text)
        return self._edited(self._text_edits(element, value, spelling))

    def without(self, path: XmlPath) -> "Xml":
        """Return the file without the attribute or element.

        Raises:
            ResourceError: it is the root (`xml-root-absent`), or one of several that are told apart by their
                position alone (`xml-position`): the next one would take its place.
        """
        element = self.found(path)
        if element is None:
            return self
        if path.attribute is not None:
            attribute = element.attribute(path.attribute)
            return self if attribute is None else self._edited([(attribute.start, attribute.value_end + 1, "")])
        if element is self._root:
            raise ResourceError("xml-root-absent", path=self._path, xpath=path.text)
        last = path.steps[-1]
        following = (*path.steps[:-1], last._replace(position=(last.position or 0) + 1))
        if last.position is not None and self._found(path, following)[1] is not None:
            raise ResourceError("xml-position", path=self._path, xpath=path.text)
        lead = _lead(self.text, element.start)
        start = element.start - len(lead) if "\n" in lead else element.start
        return self._edited([(start, element.end, "")])

    def _found(self, path: XmlPath, steps: Sequence[Step]) -> Tuple[int, Optional[Element]]:
        """Return how many steps lead somewhere, and the element at the end of them all."""
        among = [self._root] if self._root is not None else []
        element: Optional[Element] = None
        for depth, step in enumerate(steps):
            matching = [one for one in among if _matches(one, step)]
            if step.position is not None:
                matching = matching[step.position - 1 : step.position]
            if len(matching) > 1:
                raise ResourceError(
                    "xml-several", path=self._path, xpath=path.text, element=step.name, count=len(matching)
                )
            if not matching:
                return depth, None
            element = matching[0]
            among = element.children
        return len(steps), element

    def _missing(self, path: XmlPath, depth: int, value: str, spelling: Spelling) -> Edit:
        """Return the edit that adds the elements of a path from one depth on."""
        if path.attribute is None and any(not one.attribute for one in path.steps[-1].conditions):
            raise ResourceError("xml-children", path=self._path, xpath=path.text)
        if depth == 0:
            if self._root is not None:
                raise ResourceError("xml-root", path=self._path, xpath=path.text, root=self._root.name)
            glue = self._newline if self.text and not self.text.endswith("\n") else ""
            written = self._elements(path, 0, value, _DEFAULT_INDENT, "", spelling)
            return len(self.text), len(self.text), glue + written + self._newline
        parent = self._found(path, path.steps[:depth])[1]
        assert parent is not None
        self._check_place(path, depth, parent)
        indent, margin = self._indent(), self._margin(parent)
        if parent.children:
            lead = _lead(self.text, parent.children[-1].start)
            remarks = _REMARKS.match(self.text, parent.children[-1].end)
            at = remarks.end() if remarks else parent.children[-1].end
            inner = lead.rpartition("\n")[2]
            indent = (indent or _DEFAULT_INDENT) if "\n" in lead else None
            return at, at, lead + self._elements(path, depth, value, indent, inner, spelling)
        before = after = ""
        if indent is not None:
            before, after = self._newline + margin + indent, self._newline + margin
        written = before + self._elements(path, depth, value, indent, margin + (indent or ""), spelling)
        if parent.opened == parent.end:
            opened = len(self.text[: parent.end - 2].rstrip(_BLANKS))
            return opened, parent.end, ">%s%s</%s>" % (written, after, parent.name)
        inside = self.text[parent.opened : parent.closing]
        at = parent.opened + len(inside.rstrip(_BLANKS))
        # Comments that stand in it alone stay before the new element.
        return at, parent.closing, written + after

    def _check_place(self, path: XmlPath, depth: int, parent: Element) -> None:
        if (parent.text or "").strip(_BLANKS):
            raise ResourceError("xml-no-place", path=self._path, xpath=path.text, element=path.steps[depth].name)
        for number, step in enumerate(path.steps[depth:]):
            there = sum(1 for one in parent.children if _matches(one, step)) if number == 0 else 0
            if step.position not in (None, there + 1):
                raise ResourceError("xml-no-place", path=self._path, xpath=path.text, element=step.name)

    def _elements(
        self, path: XmlPath, depth: int, value: str, indent: Optional[str], margin: str, spelling: Spelling
    ) -> str:
        """Return the elements of a path from one depth on, each in the one before, as the conditions want them."""
        step = path.steps[depth]
        last = depth == len(path.steps) - 1
        named = {one.name: one.value for one in step.conditions if one.attribute}
        if last and path.attribute is not None:
            named[path.attribute] = value
        attributes = [' %s="%s"' % (name, spelling.attribute(item, '"')) for name, item in named.items()]
        tag = "<" + step.name + "".join(attributes)
        wanted = [one for one in step.conditions if not one.attribute]
        inside = ["<%s>%s</%s>" % (one.name, spelling.text(one.value), one.name) for one in wanted]
        if not last:
            inside.append(self._elements(path, depth + 1, value, indent, margin + (indent or ""), spelling))
        if last and path.attribute is None:
            return "%s>%s</%s>" % (tag, spelling.text(value), step.name)
        if not inside:
            return tag + "/>"
        glue = "" if indent is None else self._newline + margin
        return "%s>%s%s</%s>" % (tag, "".join(glue + (indent or "") + one for one in inside), glue, step.name)

    def _text_edits(self, element: Element, value: str, spelling: Spelling) -> List[Edit]:
        if element.text == value:
            return []
        if element.opened == element.end:
            opened = len(self.text[: element.end - 2].rstrip(_BLANKS))
            return [(opened, element.end, ">%s</%s>" % (spelling.text(value), element.name))]
        if not element.pieces:
            return [(element.opened, element.opened, spelling.text(value))]
        # One piece takes the value, the CDATA section if there is one; comments between them stay.
        chosen = next((piece for piece in element.pieces if piece.cdata), element.pieces[0])
        written = (spelling.cdata(value) if chosen.cdata else None) or spelling.text(value)
        return [(piece.start, piece.end, written if piece is chosen else "") for piece in element.pieces]

    def _attribute_edits(self, element: Element, name: str, value: str, spelling: Spelling) -> List[Edit]:
        there = element.attribute(name)
        if there is not None:
            written = spelling.attribute(value, there.quote)
            return [] if there.value == value else [(there.value_start, there.value_end, written)]
        if not element.attributes:
            at = element.start + 1 + len(element.name)
            return [(at, at, ' %s="%s"' % (name, spelling.attribute(value, '"')))]
        last = element.attributes[-1]
        at, blanks = last.value_end + 1, self.text[last.start : last.name_start]
        quoted = last.quote + spelling.attribute(value, last.quote) + last.quote
        return [(at, at, "%s%s=%s" % (blanks, name, quoted))]

    def _edited(self, edits: List[Edit]) -> "Xml":
        text = self.text
        for start, end, written in reversed(edits):
            text = text[:start] + written + text[end:]
        return Xml(self._file._replace(lines=text.splitlines(True)), self._path, self._newline)

    def _margin(self, element: Element) -> str:
        """Return the blanks that the line begins with on which an element starts."""
        line = self.text[self.text.rfind("\n", 0, element.start) + 1 : element.start]
        return line[: len(line) - len(line.lstrip(" \t"))]

    def _indent(self) -> Optional[str]:
        """Return by how much the file indents; None if it is all on one line."""
        if self._root is None or not self._root.children:
            return _DEFAULT_INDENT
        lead = _lead(self.text, self._root.children[0].start)
        return lead.rpartition("\n")[2] if "\n" in lead else None


@lru_cache(maxsize=8)
def parse_xml(data: bytes, encoding: str, newline: str, path: str) -> Xml:
    """Return a file's parsed form; the same bytes are parsed once, however many values are asked for.

    Raises:
        ResourceError: the bytes are not text of that encoding (`text-encoding`), and what `Xml` raises.
    """
    return Xml(parse(data, _encoding_of(data, path) if encoding == "auto" else encoding, path), path, newline)


def new_xml(encoding: str, newline: str, path: str) -> Xml:
    """Return a file that has its declaration and nothing else yet."""
    declaration = '<?xml version="1.0" encoding="%s"?>%s' % (_DECLARATIONS.get(encoding, "UTF-8"), newline)
    return Xml(empty(encoding)._replace(lines=[declaration]), path, newline)


def _encoding_of(data: bytes, path: str) -> str:
    if data.startswith((b"<\0?\0", b"<\0")):
        return "utf-16-le"
    if data.startswith(b"\0<"):
        return "utf-16-be"
    found = _DECLARED.match(data)
    if found is None:
        # XML's own rule is UTF-8; what is not is left to the guess that every text gets.
        marked = data.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        return "utf-8" if _is_utf8(data) and not marked else "auto"
    name = found.group(1).decode("ascii").lower()
    name = _CODECS.get(name, name)
    try:
        codecs.lookup("utf-8" if name == "auto" else name)
    except LookupError:
        raise ResourceError("text-encoding", path=path, encoding=name) from None
    return name


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _matches(element: Element, step: Step) -> bool:
    if element.name != step.name:
        return False
    for condition in step.conditions:
        if condition.attribute:
            attribute = element.attribute(condition.name)
            if attribute is None or attribute.value != condition.value:
                return False
        elif not any(one.name == condition.name and one.text == condition.value for one in element.children):
            return False
    return True


def _lead(text: str, at: int) -> str:
    """Return the blanks right before a place."""
    before = text[:at]
    return before[len(before.rstrip(_BLANKS)) :]
