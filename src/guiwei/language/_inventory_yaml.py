"""Ansible's YAML (and JSON) inventory format."""

from __future__ import annotations

import difflib
from typing import Any

from guiwei.errors import InputError
from guiwei.language._inventory_build import Builder
from guiwei.language._ranges import expand
from guiwei.language.source import Source

__all__ = ["read_yaml"]

_SECTIONS = ("hosts", "vars", "children")
_Path = tuple[str | int, ...]


def read_yaml(source: Source, builder: Builder) -> None:
    """Add what a YAML inventory declares.

    Where Ansible warns and leaves something out (an unknown key in a group, a group that is no mapping), this is
    an error: a fleet with hosts missing must not pass for the whole.

    Raises:
        InputError: an `inventory-…` code with the place.
    """
    data = source.data
    if data is None:
        raise InputError("inventory-empty", source.place(()))
    if not isinstance(data, dict):
        raise InputError("inventory-not-mapping", source.place(()), what="inventory")
    if "plugin" in data and not isinstance(data["plugin"], dict):
        raise InputError("inventory-plugin", source.key_place(("plugin",)))
    reader = _Reader(source, builder)
    for name in data:
        reader.group(name, (name,))


class _Reader:
    def __init__(self, source: Source, builder: Builder) -> None:
        self._source = source
        self._builder = builder

    def group(self, name: str, path: _Path) -> None:
        value = self._get(path)
        if value is not None and not isinstance(value, dict):
            raise InputError("inventory-group-not-mapping", self._source.place(path), group=name)
        self._builder.add_group(name, self._source.key_place(path))
        for key in value or {}:
            if key not in _SECTIONS:
                near = difflib.get_close_matches(key, _SECTIONS, 1)
                raise InputError(
                    "inventory-unknown-key",
                    self._source.key_place((*path, key)),
                    key=key,
                    group=name,
                    near=near[0] if near else "hosts",
                )
            entries = self._entries((*path, key))
            if key == "vars":
                for var, content in entries.items():
                    place = self._source.key_place((*path, key, var))
                    self._builder.set_group_var(name, var, content, place)
            elif key == "children":
                for child in entries:
                    self._child(name, child, (*path, key, child))
            else:
                for pattern, content in entries.items():
                    self._host(name, pattern, content, (*path, key, pattern))

    def _child(self, parent: str, child: str, path: _Path) -> None:
        if isinstance(self._get(path[:-1]), dict):
            self.group(child, path)
        else:
            self._builder.add_group(child, self._source.place(path))
        self._builder.add_child(parent, child, self._source.key_place(path))

    def _host(self, group: str, pattern: str, content: Any, path: _Path) -> None:
        place = self._source.key_place(path)
        names, port = expand(pattern, place)
        if content and not isinstance(content, dict):
            raise InputError("inventory-host-not-mapping", self._source.place(path), host=pattern)
        for name in names:
            self._builder.add_host(name, group, port, place)
            for var, value in (content or {}).items():
                self._builder.set_host_var(name, var, value, place)

    def _entries(self, path: _Path) -> dict[str, Any]:
        """Return a section's entries; a lone text is a section with one entry, as in Ansible."""
        value = self._get(path)
        if value is None:
            return {}
        if isinstance(value, str):
            return {value: None}
        if not isinstance(value, dict):
            raise InputError("inventory-not-mapping", self._source.place(path), what=str(path[-1]))
        return value

    def _get(self, path: _Path) -> Any:
        value: Any = self._source.data
        for step in path:
            value = value[step]
        return value
