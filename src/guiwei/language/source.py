"""Read YAML: values, where each of them stands, and what Ansible would have read instead.

This is the only place that reads YAML. The dialect is YAML 1.2's core schema, narrowed by one law: **a plain
scalar is a number only if the number, printed again, is what was written**. So `3.1` is a number, while `3.10`,
`010`, `+86`, `1e3`, `0x1A` and a digit string of more than 15 digits stay text and keep every character: version
numbers, disk numbers and phone numbers survive. `yes`, `no`, `on` and `off` are text as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from guiwei.errors import InputError, Place
from guiwei.language._syntax import syntax_error
from guiwei.language._text import check_characters, decode, read_bytes, split_lines
from guiwei.model.inventory import Notice

__all__ = ["Source", "Unsafe", "Vaulted", "load", "loads", "scalar"]

#: Deeper nesting than this is no playbook; it would only exhaust the stack of whoever walks the value.
_MAX_DEPTH = 100
#: What aliases may add to a document. A "billion laughs" bomb passes it within a few lines.
_MAX_EXPANSION = 100_000
_MAX_DIGITS = 15

_YAML = "tag:yaml.org,2002:"
_WORDS: dict[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_INTEGER = re.compile(rf"(?:0|-?[1-9][0-9]{{0,{_MAX_DIGITS - 1}}})\Z")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]+\Z")
_SURROGATES = re.compile(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_DIFFERENCES = {
    "bool": "yaml-differs-boolean",
    "int": "yaml-differs-number",
    "float": "yaml-differs-number",
    "timestamp": "yaml-differs-date",
}


class Unsafe(str):
    """A text that is never treated as a template (`!unsafe`)."""

    __slots__ = ()


@dataclass(frozen=True)
class Vaulted:
    """An encrypted value (`!vault`) that nobody has decrypted yet.

    Attributes:
        text: the Ansible Vault text, header included.
        place: where it stands.
    """

    text: str
    place: Place

    def __repr__(self) -> str:
        return f"Vaulted({self.place})"


class _Node:
    __slots__ = ("column", "height", "index", "items", "kind", "line", "plain", "size", "tag", "text")

    def __init__(self, kind: str, event: Event) -> None:
        mark: Any = event.start_mark
        self.kind = kind  # scalar, list, map or alias
        self.line: int = mark.line + 1
        self.column: int = mark.column + 1
        self.tag: str | None = getattr(event, "tag", None)
        self.text = ""
        self.plain = False
        self.items: list[Any] = []  # nodes of a list, (key node, value node) of a map, the target of an alias
        self.index: dict[str, tuple[_Node, _Node]] | None = None  # a map's, once it is read
        self.size = 1  # nodes, with every alias written out
        self.height = 0  # levels below this node, likewise

    def add(self, child: _Node) -> _Node:
        """Count a child in, and return it."""
        self.size += child.size
        self.height = max(self.height, child.height + 1)
        return child

    @property
    def target(self) -> _Node:
        node: _Node = self.items[0] if self.kind == "alias" else self
        return node


class Source:
    """One YAML text: its value, and the place of every part of it.

    Attributes:
        file: the name under which errors show it.
        text: the text itself.
        data: dicts with text keys, lists, `str`, `int`, `float`, `bool`, `None`, `Unsafe` and `Vaulted`.
        differences: values that Ansible (YAML 1.1) would read otherwise; never the value itself.
    """

    def __init__(self, text: str, file: str, *, json: bool = False) -> None:
        self.file = file
        self.text = text
        self._lines: list[str] | None = None
        self._json = json
        self._notices: dict[Place, Notice] = {}  # by place: an alias is read more than once
        self._root = _Composer(self, check_characters(text, file)).compose()
        self.data: Any = None if self._root is None else self._value(self._root, False)
        self.differences: tuple[Notice, ...] = tuple(self._notices.values())

    def line(self, number: int) -> str:
        """Return a line of the text without its end; empty when there is no such line.

        Args:
            number: 1-based.
        """
        if self._lines is None:
            self._lines = split_lines(self.text)
        return self._lines[number - 1] if 1 <= number <= len(self._lines) else ""

    def place(self, path: tuple[str | int, ...]) -> Place:
        """Return where a value stands; for a path that leads nowhere, where its last existing part stands."""
        return self._find(path)[1]

    def key_place(self, path: tuple[str | int, ...]) -> Place:
        """Return where the key of a value stands; for an entry of a list, the entry itself."""
        return self._find(path)[0]

    def _find(self, path: tuple[str | int, ...]) -> tuple[Place, Place]:
        if self._root is None:
            start = Place(self.file, 1, 1)
            return start, start
        key = value = self._root
        for step in path:
            inside = value.target
            if isinstance(step, str) and inside.index is not None and step in inside.index:
                key, value = inside.index[step]
            elif inside.kind == "list" and isinstance(step, int) and -len(inside.items) <= step < len(inside.items):
                key = value = inside.items[step]
            else:
                break
        return self._at(key), self._at(value)

    def _at(self, node: _Node) -> Place:
        return Place(self.file, node.line, node.column)

    def _value(self, node: _Node, unsafe: bool) -> Any:
        node = node.target
        tag = node.tag or ""
        if tag == "!unsafe":
            unsafe, tag = True, ""
        if tag in ("!vault", "!vault-encrypted"):
            return self._vaulted(node)
        if node.kind == "scalar":
            return self._scalar(node, tag, unsafe)
        if node.kind == "list":
            if tag not in ("", "!", _YAML + "seq"):
                raise InputError("yaml-unknown-tag", self._at(node), tag=tag)
            return [self._value(item, unsafe) for item in node.items]
        if tag not in ("", "!", _YAML + "map"):
            raise InputError("yaml-unknown-tag", self._at(node), tag=tag)
        return self._mapping(node, unsafe)

    def _vaulted(self, node: _Node) -> Vaulted:
        if node.kind != "scalar" or not node.text.lstrip().startswith("$ANSIBLE_VAULT"):
            raise InputError("vault-not-vault", self._at(node))
        return Vaulted(node.text, self._at(node))

    def _scalar(self, node: _Node, tag: str, unsafe: bool) -> Any:
        if tag in ("", "!"):
            value = scalar(node.text) if node.plain and not tag else node.text
            if node.plain and not tag and isinstance(value, str):
                self._compare(node)
        elif tag == _YAML + "str":
            value = node.text
        else:
            value = scalar(node.text)
            kind = {_YAML + "int": int, _YAML + "float": float, _YAML + "bool": bool}.get(tag, type(None))
            if tag == _YAML + "float" and type(value) is int:
                value = float(value)
            if tag not in (_YAML + "int", _YAML + "float", _YAML + "bool", _YAML + "null"):
                raise InputError("yaml-unknown-tag", self._at(node), tag=tag.replace(_YAML, "!!"))
            if type(value) is not kind:
                raise InputError("yaml-tag-mismatch", self._at(node), tag=tag.replace(_YAML, "!!"))
        return Unsafe(value) if unsafe and isinstance(value, str) else value

    def _compare(self, node: _Node) -> None:
        """Note a plain text that YAML 1.1, which Ansible reads, takes for something else."""
        for tag, pattern in yaml.SafeLoader.yaml_implicit_resolvers.get(node.text[:1], ()):
            code = _DIFFERENCES.get(tag.removeprefix(_YAML))
            if code and pattern.match(node.text):
                place = self._at(node)
                self._notices[place] = Notice(code, place)
                return

    def _mapping(self, node: _Node, unsafe: bool) -> Any:
        index = self._index(node)
        data = {key: self._value(value_node, unsafe) for key, (_, value_node) in index.items()}
        return self._json_marker(data, node) if self._json and len(data) == 1 else data

    def _index(self, node: _Node) -> dict[str, tuple[_Node, _Node]]:
        """Return a mapping's keys with the nodes of key and value; the merged ones come first."""
        if node.index is not None:
            return node.index
        merged: dict[str, tuple[_Node, _Node]] = {}
        own: dict[str, tuple[_Node, _Node]] = {}
        for key_node, value_node in node.items:
            key = self._key(key_node)
            if key in own:
                first = own[key][0]
                raise InputError("yaml-duplicate-key", self._at(key_node), key=key, first=first.line)
            own[key] = (key_node, value_node)
        if "<<" in own and own["<<"][0].plain:
            for part in self._merge_parts(own.pop("<<")[1]):
                merged = self._index(part) | merged  # of several, the earlier one wins
        node.index = merged | own
        return node.index

    def _key(self, node: _Node) -> str:
        target = node.target
        if target.kind != "scalar":
            if self.line(node.line)[: node.column].endswith("{{"):
                raise InputError("yaml-unquoted-template", Place(self.file, node.line, node.column - 1))
            raise InputError("yaml-key-not-text", self._at(node), key=target.kind)
        value = self._scalar(target, target.tag or "", False)
        if not isinstance(value, str):
            raise InputError("yaml-key-not-text", self._at(node), key=target.text)
        return value

    def _merge_parts(self, node: _Node) -> list[_Node]:
        parts = node.target.items if node.target.kind == "list" else [node]
        for part in parts:
            if part.target.kind != "map":
                raise InputError("yaml-bad-merge", self._at(part))
        return [part.target for part in parts]

    def _json_marker(self, data: dict[str, Any], node: _Node) -> Any:
        """Read what `ansible-inventory --list` writes in place of encrypted and unsafe values."""
        ((key, value),) = data.items()
        if key == "__ansible_vault" and isinstance(value, str):
            return Vaulted(value, self._at(node))
        if key == "__ansible_unsafe" and isinstance(value, str):
            return Unsafe(value)
        return data


class _Composer:
    """Build nodes from the parser's events.

    PyYAML's own composers are recursive: a few ten thousand opening brackets end the process.
    """

    def __init__(self, source: Source, text: str) -> None:
        self._source = source
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self._events: Iterator[Event] = yaml.parse(text, Loader=loader)
        self._anchors: dict[str, _Node | None] = {}  # None while the anchored node is still open
        self._expansion = 0

    def compose(self) -> _Node | None:
        root: _Node | None = None
        try:
            for event in self._events:
                if isinstance(event, DocumentStartEvent):
                    if root is not None:
                        raise self._error("yaml-many-documents", event)
                elif isinstance(event, (ScalarEvent, SequenceStartEvent, MappingStartEvent, AliasEvent)):
                    root = self._node(event, 0)
        except yaml.MarkedYAMLError as error:
            raise syntax_error(error, self._source.file, self._source.line) from None
        return root

    def _node(self, event: Event, depth: int) -> _Node:
        if depth > _MAX_DEPTH:
            raise self._error("yaml-too-deep", event, limit=_MAX_DEPTH)
        if isinstance(event, AliasEvent):
            return self._alias(event, depth)
        anchor: str | None = getattr(event, "anchor", None)
        if anchor is not None:
            if anchor in self._anchors:
                raise self._error("yaml-duplicate-anchor", event, anchor=anchor)
            self._anchors[anchor] = None
        if isinstance(event, ScalarEvent):
            node = _Node("scalar", event)
            node.text = event.value
            node.plain = event.style in (None, "")
        elif isinstance(event, SequenceStartEvent):
            node = _Node("list", event)
            for item in self._until(SequenceEndEvent):
                node.items.append(node.add(self._node(item, depth + 1)))
        else:
            node = _Node("map", event)
            for item in self._until(MappingEndEvent):
                key = node.add(self._node(item, depth + 1))
                node.items.append((key, node.add(self._node(next(self._events), depth + 1))))
        if anchor is not None:
            self._anchors[anchor] = node
        return node

    def _until(self, end: type[Event]) -> Iterator[Event]:
        for event in self._events:
            if isinstance(event, end):
                return
            yield event

    def _alias(self, event: AliasEvent, depth: int) -> _Node:
        if event.anchor not in self._anchors:
            raise self._error("yaml-unknown-alias", event, alias=event.anchor)
        target = self._anchors[event.anchor]
        if target is None:
            raise self._error("yaml-recursive-alias", event, alias=event.anchor)
        self._expansion += target.size
        if self._expansion > _MAX_EXPANSION:
            raise self._error("yaml-alias-bomb", event, limit=_MAX_EXPANSION)
        if depth + target.height > _MAX_DEPTH:
            raise self._error("yaml-too-deep", event, limit=_MAX_DEPTH)
        node = _Node("alias", event)
        node.items = [target]
        node.size, node.height = target.size, target.height
        return node

    def _error(self, code: str, event: Event, **arguments: Any) -> InputError:
        mark: Any = event.start_mark
        return InputError(code, Place(self._source.file, mark.line + 1, mark.column + 1), **arguments)


def scalar(text: str) -> str | int | float | bool | None:
    """Return what a plain (unquoted) scalar means: null, a boolean, a number that prints as written, or text."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in "-0123456789":
        if _INTEGER.match(text):
            return int(text)
        if _DECIMAL.match(text) and repr(float(text)) == text:
            return float(text)
    return text


def loads(text: str, file: str) -> Source:
    """Read a YAML (or JSON) text.

    Args:
        text: the text; a leading byte order mark is dropped.
        file: the name for places in errors; one that ends in `.json` also gets JSON's own escapes and markers.

    Raises:
        InputError: a `yaml-…` code with the place.
    """
    json = file.endswith(".json")
    if json:
        # JSON writes a character beyond U+FFFF as two \u escapes, which YAML does not know.
        text = _SURROGATES.sub(_join_surrogates, text)
    return Source(text.removeprefix("\ufeff"), file, json=json)


def load(path: Path | str) -> Source:
    """Read a YAML file.

    Raises:
        InputError: `file-unreadable`, `file-not-utf8`, `file-is-vault` for a file that is encrypted as a whole,
            or a `yaml-…` code with the place.
    """
    data = read_bytes(path)
    if data.startswith(b"$ANSIBLE_VAULT"):
        raise InputError("file-is-vault", Place(str(path), 1, 1))
    return loads(decode(data, str(path)), str(path))


def _join_surrogates(match: re.Match[str]) -> str:
    high, low = (int(part, 16) for part in match.groups())
    return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
