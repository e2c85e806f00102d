"""The values of a JSON text with the place of every one of them in it; comments and a last comma are accepted."""

from __future__ import annotations

import json
import re
from typing import Any, List, NamedTuple, Optional

__all__ = ["Entry", "Malformed", "Node", "scan"]

#: Deeper than any settings file, and far from Python's own limit.
_DEPTH = 100
_TRIVIA = re.compile(r"(?:[ \t\r\n]+|//[^\n]*|/\*[\s\S]*?\*/)*")
_STRING = re.compile(r'"[^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*"')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![\w.])")
_WORD = re.compile(r"(?:true|false|null)(?!\w)")
_POSITION = re.compile(r"(?:0|[1-9][0-9]*)\Z")


class Malformed(Exception):
    """The text is no JSON from this offset on."""

    def __init__(self, at: int) -> None:
        super().__init__(at)
        self.at = at


class Node:
    """A value and its span; `entries` are the members of an object or the items of a list."""

    __slots__ = ("end", "entries", "kind", "start", "value")

    def __init__(self, kind: str, start: int) -> None:
        self.kind = kind
        self.start = start
        self.end = start
        self.value: Any = None
        self.entries: List[Entry] = []

    def place(self, name: str) -> Optional[int]:
        """Return which entry a name means, None if there is none."""
        if self.kind == "list":
            found = int(name) if _POSITION.match(name) else len(self.entries)
            return found if found < len(self.entries) else None
        places = [number for number, entry in enumerate(self.entries) if entry.name == name]
        return places[-1] if places else None


class Entry(NamedTuple):
    """One member or item: where it starts, its value, and where the comma after it is."""

    name: Optional[str]
    start: int
    colon: str
    node: Node
    comma: Optional[int]


def scan(text: str) -> Optional[Node]:
    """Return the value that a text holds, None if there is nothing but blanks and comments.

    Raises:
        Malformed: it is no JSON.
    """
    return _Scanner(text).document()


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def document(self) -> Optional[Node]:
        self._skip()
        if self._at == len(self._text):
            return None
        root = self._value(0)
        self._skip()
        if self._at != len(self._text):
            raise Malformed(self._at)
        return root

    def _skip(self) -> None:
        found = _TRIVIA.match(self._text, self._at)
        if found:
            self._at = found.end()

    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def _value(self, depth: int) -> Node:
        if depth > _DEPTH:
            raise Malformed(self._at)
        if self._next() == "{":
            return self._container("object", "}", depth)
        if self._next() == "[":
            return self._container("list", "]", depth)
        node = Node("value", self._at)
        node.value = self._token(_STRING if self._next() == '"' else _WORD if self._next() in "tfn" else _NUMBER)
        node.end = self._at
        return node

    def _token(self, pattern: "re.Pattern[str]") -> Any:
        found = pattern.match(self._text, self._at)
        if found is None:
            raise Malformed(self._at)
        try:
            value = json.loads(found.group())
        except ValueError:
            raise Malformed(self._at) from None
        if value in (float("inf"), float("-inf")):
            raise Malformed(self._at)
        self._at = found.end()
        return value

    def _container(self, kind: str, close: str, depth: int) -> Node:
        node = Node(kind, self._at)
        self._at += 1
        self._skip()
        while self._next() != close:
            if node.entries and node.entries[-1].comma is None:
                raise Malformed(self._at)
            node.entries.append(self._entry(kind, depth))
        self._at += 1
        node.end = self._at
        if kind == "list":
            node.value = [entry.node.value for entry in node.entries]
        else:
            node.value = {entry.name: entry.node.value for entry in node.entries}
        return node

    def _entry(self, kind: str, depth: int) -> Entry:
        start, name, colon = self._at, None, ""
        if kind == "object":
            name = self._token(_STRING)
            after = self._at
            self._skip()
            if self._next() != ":":
                raise Malformed(self._at)
            self._at += 1
            self._skip()
            colon = self._text[after : self._at]
        node = self._value(depth + 1)
        self._skip()
        comma = None
        if self._next() == ",":
            comma = self._at
            self._at += 1
            self._skip()
        return Entry(name, start, colon, node, comma)
