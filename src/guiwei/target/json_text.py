"""JSON files edited so that every other byte stays: order, spacing, line ends, comments.

Read is what RFC 8259 says, and beside it what settings files have and many clients' readers accept (JSONC): comments
(`//` and `/* */`) and a comma after the last member. Of two members with one name the last counts, as JavaScript, .NET
and Python read it. A place is a list of names: members of objects, and positions in lists.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any, Callable, List, Optional, Sequence, Tuple

from guiwei.errors import ResourceError
from guiwei.target.json_scan import Entry, Malformed, Node, scan
from guiwei.target.secret import reveal
from guiwei.target.text import Text, parse

__all__ = ["MISSING", "Json", "canonical", "parse_json", "plain", "pointer_parts"]

#: What is not there; None is JSON's `null`.
MISSING: Any = object()

_BLANKS = " \t\r\n"
#: Comments that follow on the same line: they speak of what stands before them.
_REMARKS = re.compile(r"(?:[ \t]*/\*[^\n]*?\*/)*(?:[ \t]*//[^\n]*?(?=\r?\n|\Z))?")
_LINE_FOLLOWS = re.compile(r"[ \t]*(?:\r?\n|\Z)")
_DEFAULT_INDENT = "  "


class Json:
    """A parsed JSON file. Edits return a new object.

    Args:
        text: the file taken apart.
        newline: of lines that are added to a file that has no line end yet.

    Raises:
        ResourceError: it is no JSON (`json-malformed`, with line and column).
    """

    def __init__(self, text: Text, newline: str = "\n", path: str = "") -> None:
        self.text = "".join(text.lines)
        self._file = text
        self._path = path
        self._newline = text.newline if "\n" in self.text else newline
        try:
            self._root = scan(self.text)
        except Malformed as problem:
            lines = self.text[: problem.at].split("\n")
            raise ResourceError("json-malformed", path=path, line=len(lines), column=len(lines[-1]) + 1) from None

    def file(self) -> Text:
        """Return the text as it is written."""
        return self._file._replace(lines=[self.text])

    def value(self, place: Sequence[str]) -> Any:
        """Return the value at a place, `MISSING` if there is none."""
        node = self._root
        for name in place:
            at = node.place(name) if node is not None else None
            if node is None or at is None:
                return MISSING
            node = node.entries[at].node
        return MISSING if node is None else node.value

    def with_value(self, place: Sequence[str], value: Any, spell: Callable[[str], str] = str) -> "Json":
        """Return the file in which the place has that value; objects that are missing on the way are made.

        Args:
            value: any JSON value.
            spell: rewrites JSON text that is added, such as characters that the file's encoding lacks.

        Raises:
            ResourceError: the way leads through something that is no object or list, or past a list's end
                (`json-no-place`).
        """
        node = self._root
        if node is None:
            return self._first(place, value, spell)
        for number, name in enumerate(place):
            at = node.place(name)
            if at is not None:
                node = node.entries[at].node
                continue
            if node.kind == "value" or (node.kind == "list" and name != str(len(node.entries))):
                raise ResourceError("json-no-place", path=self._path, pointer=_pointer(place), part=name)
            for missing in reversed(place[number + 1 :]):
                value = {missing: value}
            return self._added(node, name, value, spell)
        return self._replaced(tuple(place), node, value, spell)

    def without(self, place: Sequence[str]) -> "Json":
        """Return the file without the member or item at a place.

        Raises:
            ResourceError: an item of a list that is not its last (`json-list-middle`): the others would move.
        """
        node = self._root
        for name in place[:-1]:
            at = node.place(name) if node is not None else None
            if node is None or at is None:
                return self
            node = node.entries[at].node
        at = node.place(place[-1]) if node is not None else None
        if node is None or at is None:
            return self
        if node.kind == "list" and at != len(node.entries) - 1:
            last = len(node.entries) - 1
            raise ResourceError("json-list-middle", path=self._path, pointer=_pointer(place), last=last)
        left = self._edited(self._cuts(node, at))
        # Another member of that name would be read next.
        return left if node.kind == "list" else left.without(place)

    def _first(self, place: Sequence[str], value: Any, spell: Callable[[str], str]) -> "Json":
        """Write into a file that holds nothing but blanks and comments."""
        for name in reversed(place):
            value = {name: value}
        glue = self._newline if self.text and not self.text.endswith("\n") else ""
        return self._with(self.text + glue + spell(self._dump(value, _DEFAULT_INDENT, "")) + self._newline)

    def _replaced(self, place: Tuple[str, ...], node: Node, value: Any, spell: Callable[[str], str]) -> "Json":
        """Change what differs alone: inside an object or list the other members keep their form."""
        if canonical(node.value) == canonical(value):
            return self
        if node.kind == "object" and isinstance(value, dict) and node.entries and value:
            left = self
            for gone in [name for name in node.value if name not in value]:
                left = left.without((*place, gone))
            for name, item in value.items():
                left = left.with_value((*place, name), item, spell)
            return left
        if node.kind == "list" and isinstance(value, list) and len(value) == len(node.entries):
            left = self
            for number, item in enumerate(value):
                left = left.with_value((*place, str(number)), item, spell)
            return left
        lines = "\n" in self.text[node.start : node.end] if node.entries else True
        return self._edited([(node.start, node.end, spell(self._dump(value, self._indent(lines), self._margin(node))))])

    def _added(self, node: Node, name: str, value: Any, spell: Callable[[str], str]) -> "Json":
        """Add a member after the last one, in its manner."""
        if not node.entries:
            return self._edited([self._into_empty(node, name, value, spell)])
        last = node.entries[-1]
        lead = self._lead(last)
        end = last.node.end if last.comma is None else last.comma + 1
        remarks = _REMARKS.match(self.text, end)
        at = remarks.end() if remarks else end
        if "//" in self.text[end:at] and "\n" not in lead:
            lead = self._newline + self._margin(node)
        indent = self._indent(True) or _DEFAULT_INDENT
        piece = lead + self._piece(node, name, value, indent if "\n" in lead else None, lead.rpartition("\n")[2], spell)
        if last.comma is not None:
            # A comma after the last member is this file's habit.
            return self._edited([(at, at, piece + ",")])
        return self._edited([(end, end, ","), (at, at, piece)])

    def _into_empty(self, node: Node, name: str, value: Any, spell: Callable[[str], str]) -> Tuple[int, int, str]:
        indent, margin = self._indent(True), self._margin(node)
        inside = self.text[node.start + 1 : node.end - 1]
        before = after = ""
        if indent is not None:
            before, after = self._newline + margin + indent, self._newline + margin
        piece = before + self._piece(node, name, value, indent, margin + (indent or ""), spell)
        if inside.strip(_BLANKS):
            # Comments alone: they stay, behind the new member.
            return node.start + 1, node.start + 1, piece
        return node.start + 1, node.end - 1, piece + after

    def _piece(
        self, node: Node, name: str, value: Any, indent: Optional[str], margin: str, spell: Callable[[str], str]
    ) -> str:
        written = self._dump(value, indent, margin)
        if node.kind == "object":
            written = json.dumps(name, ensure_ascii=False) + self._colon(node) + written
        return spell(written)

    def _cuts(self, node: Node, at: int) -> List[Tuple[int, int, str]]:
        """Return what to take away for one entry: itself, one comma, and the blanks that set it off."""
        entry = node.entries[at]
        lead = entry.start - len(self._lead(entry))
        last = at == len(node.entries) - 1
        end, after = entry.node.end, []  # type: int, List[Tuple[int, int, str]]
        if entry.comma is not None and self.text[end : entry.comma].strip(_BLANKS):
            # A comment stands before the comma.
            after.append((entry.comma, entry.comma + 1, ""))
        elif entry.comma is not None:
            end = entry.comma + 1
        before = []
        if last and entry.comma is None and at:
            comma = node.entries[at - 1].comma
            assert comma is not None
            before.append((comma, comma + 1, ""))
        if "\n" in self.text[lead : entry.start]:
            # Before its line there may be a `//` comment, which must not swallow what follows.
            whole = _LINE_FOLLOWS.match(self.text, end) is not None
            cut = (lead if whole else entry.start, end, "")
        elif last:
            cut = (lead, end, "")
        else:
            cut = (entry.start, end + len(self.text[end:]) - len(self.text[end:].lstrip(_BLANKS)), "")
        return before + [cut] + after

    def _edited(self, edits: List[Tuple[int, int, str]]) -> "Json":
        text = self.text
        for start, end, written in reversed(edits):
            text = text[:start] + written + text[end:]
        return self._with(text)

    def _with(self, text: str) -> "Json":
        return Json(self._file._replace(lines=text.splitlines(True)), self._newline, self._path)

    def _lead(self, entry: Entry) -> str:
        """Return the blanks right before an entry."""
        before = self.text[: entry.start]
        return before[len(before.rstrip(_BLANKS)) :]

    def _margin(self, node: Node) -> str:
        """Return the blanks that the line begins with on which a value starts."""
        line = self.text[self.text.rfind("\n", 0, node.start) + 1 : node.start]
        return line[: len(line) - len(line.lstrip(" \t"))]

    def _indent(self, lines: bool) -> Optional[str]:
        """Return by how much the file indents; None if it is all on one line, or is to be."""
        if not lines or self._root is None:
            return None
        if not self._root.entries:
            return _DEFAULT_INDENT
        lead = self._lead(self._root.entries[0])
        return lead.rpartition("\n")[2] if "\n" in lead else None

    def _colon(self, node: Node) -> str:
        entries = [entry for entry in (*reversed(node.entries), *self._members()) if entry.name is not None]
        return entries[0].colon if entries and not entries[0].colon.strip(": \t") else ": "

    def _members(self) -> List[Entry]:
        return self._root.entries if self._root is not None else []

    def _dump(self, value: Any, indent: Optional[str], margin: str) -> str:
        if indent is not None:
            return json.dumps(value, ensure_ascii=False, indent=indent).replace("\n", self._newline + margin)
        tight = self._root is not None and self._colon(self._root) == ":"
        return json.dumps(value, ensure_ascii=False, separators=(",", ":") if tight else (", ", ": "))


@lru_cache(maxsize=8)
def parse_json(data: bytes, encoding: str, newline: str, path: str) -> Json:
    """Return a file's parsed form; the same bytes are parsed once, however many values are asked for.

    Raises:
        ResourceError: the bytes are not text of that encoding (`text-encoding`), or no JSON (`json-malformed`).
    """
    return Json(parse(data, encoding, path), newline, path)


def canonical(value: Any) -> str:
    """Return a text that two JSON values share if they are the same: 1, 1.0, true and "1" are four things.

    The order of an object's members says nothing.
    """
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=reveal)


def plain(value: Any) -> Any:
    """Return a JSON value with its secrets in the clear."""
    return json.loads(json.dumps(value, default=reveal))


def pointer_parts(pointer: str) -> List[str]:
    """Return the names in a JSON pointer such as `/settings/upload~1url`.

    Source: RFC 6901, where `~1` stands for `/` and `~0` for `~`.
    """
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def _pointer(place: Sequence[str]) -> str:
    return "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in place)
