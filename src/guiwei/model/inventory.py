"""Hosts and groups as an inventory declares them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from guiwei.errors import Place

__all__ = ["Group", "Host", "Inventory", "Notice"]


@dataclass(frozen=True)
class Notice:
    """Something that works but is not what Ansible would do: a code with its place."""

    code: str
    place: Place | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Host:
    """One managed PC.

    Attributes:
        name: the inventory name.
        vars: merged variables by Ansible's precedence; values may be `Secret`.
        groups: names of all groups the host is in, ancestors included, without `all`; sorted by precedence.
        place: where it was first named.
        jump: the host of the inventory that the connection goes through, settled before anything is connected to.
    """

    name: str
    vars: Mapping[str, Any]
    groups: tuple[str, ...] = ()
    place: Place | None = None
    jump: Host | None = None

    def says(self, variable: str) -> bool:
        """Tell whether a variable says yes; `-e` gives texts."""
        return str(self.vars.get(variable, "")).lower() in ("true", "yes", "1", "on")


@dataclass(frozen=True)
class Group:
    """A group: direct hosts, child groups and its own variables."""

    name: str
    hosts: tuple[str, ...] = ()
    children: tuple[str, ...] = ()
    vars: Mapping[str, Any] = field(default_factory=dict)
    priority: int = 1


@dataclass(frozen=True)
class Inventory:
    """Every host and group, in the order in which the files name them."""

    hosts: Mapping[str, Host]
    groups: Mapping[str, Group]
    warnings: tuple[Notice, ...] = ()
