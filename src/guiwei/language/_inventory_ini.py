"""Ansible's INI inventory format: `[group]`, `[group:vars]`, `[group:children]`, host lines with `key=value`.

A value is read as a Python literal where it is one, everything else is text, as Ansible does it for host lines and,
whatever its documentation says, for `:vars` sections too. The law of `guiwei.language.source` holds here as well: a
number that would not print as it is written (`010`, `3.10`, 18 digits) stays text.
https://docs.ansible.com/ansible/latest/collections/ansible/builtin/ini_inventory.html
"""

from __future__ import annotations

import ast
import re
import shlex
import warnings
from typing import Any

from guiwei.errors import InputError, Place
from guiwei.language._inventory_build import Builder
from guiwei.language._ranges import expand
from guiwei.language.source import Unsafe, scalar
from guiwei.model.inventory import Notice

__all__ = ["literal", "read_ini"]

_SECTION = re.compile(r"\[(?P<group>[^:\]\s]+)(?::(?P<kind>\w+))?\]\s*(?:#.*)?\Z")
_GROUP = re.compile(r"(?P<group>[^:\]\s]+)\s*(?:#.*)?\Z")


def read_ini(text: str, file: str, builder: Builder) -> None:
    """Add what an INI inventory declares.

    Raises:
        InputError: an `inventory-…` code with the place.
    """
    reader = _Reader(file, builder)
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped and stripped[0] not in "#;":
            reader.line(stripped, Place(file, number, len(line) - len(line.lstrip()) + 1))
    reader.finish()


class _Reader:
    def __init__(self, file: str, builder: Builder) -> None:
        self._builder = builder
        self._group = "ungrouped"
        self._kind = "hosts"
        # Groups named before they are declared: by a :vars section, or as a child of these parents.
        self._undeclared_vars: dict[str, Place] = {}
        self._undeclared_children: dict[str, list[tuple[str, Place]]] = {}

    def line(self, line: str, place: Place) -> None:
        section = _SECTION.match(line)
        if section:
            self._section(section["group"], section["kind"] or "hosts", place)
        elif line.startswith("[") and line.endswith("]"):
            raise InputError("inventory-bad-section", place, section=line)
        elif self._kind == "hosts":
            self._hosts(line, place)
        elif self._kind == "vars":
            name, equals, value = line.partition("=")
            if not equals:
                raise InputError("inventory-no-equals", place)
            self._builder.set_group_var(self._group, name.strip(), self._literal(value.strip(), place), place)
        else:
            self._child(line, place)

    def finish(self) -> None:
        """Complain about groups that were never declared."""
        for name, parents in self._undeclared_children.items():
            raise InputError("inventory-undefined-group", parents[-1][1], group=name)
        for name, place in self._undeclared_vars.items():
            raise InputError("inventory-undefined-group", place, group=name)

    def _section(self, group: str, kind: str, place: Place) -> None:
        if kind not in ("hosts", "vars", "children"):
            raise InputError("inventory-bad-section", place, section=f"[{group}:{kind}]")
        self._group, self._kind = group, kind
        if kind == "vars" and group not in self._builder.groups and group not in self._undeclared_children:
            self._undeclared_vars[group] = place
        self._builder.add_group(group, place)
        if kind != "vars":
            self._undeclared_vars.pop(group, None)
            for parent, named in self._undeclared_children.pop(group, []):
                self._builder.add_child(parent, group, named)

    def _child(self, line: str, place: Place) -> None:
        match = _GROUP.match(line)
        if not match:
            raise InputError("inventory-bad-child", place, text=line)
        child = match["group"]
        if child in self._builder.groups:
            self._builder.add_child(self._group, child, place)
        else:
            self._undeclared_children.setdefault(child, []).append((self._group, place))

    def _hosts(self, line: str, place: Place) -> None:
        try:
            tokens = shlex.split(line, comments=True)
        except ValueError:
            raise InputError("inventory-unclosed-quote", place) from None
        pattern = tokens[0] if tokens else ""
        if pattern.strip() == "---":
            raise InputError("inventory-is-yaml", place)
        names, port = expand(pattern, place)
        variables = {}
        for token in tokens[1:]:
            name, equals, value = token.partition("=")
            if not equals:
                raise InputError("inventory-no-equals", place)
            variables[name] = self._literal(value, place)
        for host in names:
            self._builder.add_host(host, self._group, port, place)
            for name, value in variables.items():
                self._builder.set_host_var(host, name, value, place)

    def _literal(self, text: str, place: Place) -> Any:
        value, differs = literal(text)
        if differs:
            self._builder.notices.append(Notice("yaml-differs-number", place))
        return value


def literal(text: str) -> tuple[Any, bool]:
    """Return what an INI value means, and whether Ansible would read a number in it that is kept as text here."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            tree = ast.parse(text.lstrip(" \t"), mode="eval").body
            ast.literal_eval(tree)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text, False
    differs: list[bool] = []
    return _literal_value(tree, text.lstrip(" \t"), differs), bool(differs)


def _literal_value(node: ast.expr, text: str, differs: list[bool]) -> Any:
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return [_literal_value(item, text, differs) for item in node.elts]
    if isinstance(node, ast.Dict):
        return {
            str(_literal_value(key, text, differs)): _literal_value(value, text, differs)
            for key, value in zip(node.keys, node.values, strict=True)
            if key is not None
        }
    value = ast.literal_eval(node)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        written = ast.get_source_segment(text, node) or ""
        number = scalar(written)
        if type(number) is not type(value) or number != value:
            differs.append(True)
            return written
    elif isinstance(value, bytes):
        return Unsafe(value.decode("utf-8", "replace"))  # Ansible trusts no template from bytes
    elif isinstance(value, complex):
        return str(value)
    elif value is ...:
        return "..."
    elif isinstance(value, (set, frozenset)):  # the literal `set()`
        return []
    return value
