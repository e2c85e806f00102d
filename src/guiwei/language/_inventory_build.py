"""The graph of hosts and groups while inventory files are being read.

The order of every list is Ansible's: it decides the order in which hosts are worked on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from guiwei.errors import InputError, Place
from guiwei.model.inventory import Notice

__all__ = ["Builder", "BuildGroup", "BuildHost", "unchanged"]


def unchanged(value: Any) -> Any:
    """Return the value."""
    return value


class BuildHost:
    """A host under construction: its own variables from inventory files, and the groups that name it."""

    def __init__(self, name: str, place: Place) -> None:
        self.name = name
        self.place = place
        self.vars: dict[str, Any] = {}
        self.groups: dict[str, BuildGroup] = {}


class BuildGroup:
    """A group under construction: direct hosts, children, parents and its own variables."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.vars: dict[str, Any] = {}
        self.hosts: dict[str, BuildHost] = {}
        self.children: dict[str, BuildGroup] = {}
        self.parents: dict[str, BuildGroup] = {}
        self.priority = 1
        self.depth = 0

    def ancestors(self) -> dict[str, BuildGroup]:
        """Return every group above this one, by name."""
        found: dict[str, BuildGroup] = {}
        waiting = list(self.parents.values())
        while waiting:
            group = waiting.pop()
            if group.name not in found:
                found[group.name] = group
                waiting.extend(group.parents.values())
        return found


class Builder:
    """Collect hosts and groups from any number of inventory sources, in order.

    Attributes:
        convert: applied to the value of every variable that is set; a source that is encrypted as a whole seals.
    """

    def __init__(self) -> None:
        self.convert: Callable[[Any], Any] = unchanged
        self.hosts: dict[str, BuildHost] = {}
        self.groups: dict[str, BuildGroup] = {}
        self.notices: list[Notice] = []
        start = Place("", 1, 1)
        self.add_group("all", start)
        self.add_group("ungrouped", start)
        self.add_child("all", "ungrouped", start)

    def add_group(self, name: str, place: Place) -> BuildGroup:
        """Return the group of that name, made if need be.

        Raises:
            InputError: `inventory-empty-name`.
        """
        if not name:
            raise InputError("inventory-empty-name", place)
        return self.groups.setdefault(name, BuildGroup(name))

    def add_host(self, name: str, group: str, port: int | None, place: Place) -> BuildHost:
        """Add a host to a group; a port counts only where the host is named for the first time."""
        if not name:
            raise InputError("inventory-empty-name", place)
        host = self.hosts.get(name)
        if host is None:
            host = self.hosts[name] = BuildHost(name, place)
            if port:
                host.vars["ansible_port"] = port
        self.groups[group].hosts.setdefault(name, host)
        host.groups.setdefault(group, self.groups[group])
        return host

    def add_child(self, parent: str, child: str, place: Place) -> None:
        """Make one group a child of another.

        Raises:
            InputError: `inventory-cycle`; `inventory-ungrouped` when `ungrouped` gets a parent or a child of its
                own, for which Ansible silently drops hosts.
        """
        above, below = self.groups[parent], self.groups[child]
        if parent == "ungrouped" or (child == "ungrouped" and parent != "all"):
            raise InputError("inventory-ungrouped", place)
        if child in (parent, "all") or child in above.ancestors():  # every group is below `all`
            raise InputError("inventory-cycle", place, group=child, parent=parent)
        above.children.setdefault(child, below)
        below.parents.setdefault(parent, above)

    def set_group_var(self, group: str, name: str, value: Any, place: Place) -> None:
        """Set a variable of a group.

        Raises:
            InputError: `inventory-bad-priority` when `ansible_group_priority` is no whole number.
        """
        if name != "ansible_group_priority":
            self.groups[group].vars[name] = self.convert(value)
            return
        try:
            self.groups[group].priority = int(value)
        except (TypeError, ValueError):
            raise InputError("inventory-bad-priority", place, group=group) from None

    def set_host_var(self, host: str, name: str, value: Any, place: Place) -> None:
        """Set a variable of a host; Ansible gives it to the group when one has the host's name."""
        if host in self.groups:
            self.set_group_var(host, name, value, place)
        else:
            self.hosts[host].vars[name] = self.convert(value)

    def finish(self) -> None:
        """Put every group under `all` and every host without a group under `ungrouped`, and measure depths."""
        nowhere = Place("", 1, 1)
        for group in self.groups.values():
            if group.name != "all" and not group.parents:
                self.add_child("all", group.name, nowhere)
        ungrouped = self.groups["ungrouped"]
        for host in self.hosts.values():
            if set(host.groups) - {"all", "ungrouped"}:
                ungrouped.hosts.pop(host.name, None)
                host.groups.pop("ungrouped", None)
            else:
                ungrouped.hosts.setdefault(host.name, host)
                host.groups.setdefault("ungrouped", ungrouped)
            if host.name in self.groups:
                self.notices.append(Notice("inventory-host-is-group", host.place, {"name": host.name}))
        self._measure()

    def groups_of(self, host: BuildHost) -> tuple[BuildGroup, ...]:
        """Return every group of a host but `all`, ancestors included, the weakest first.

        Ansible's order: depth, then `ansible_group_priority`, then name.
        """
        found = dict(host.groups)
        for group in host.groups.values():
            found |= group.ancestors()
        found.pop("all", None)
        return tuple(sorted(found.values(), key=lambda group: (group.depth, group.priority, group.name)))

    def _measure(self) -> None:
        """Set each group's depth: the longest way down from `all`."""
        waiting = {name: len(group.parents) for name, group in self.groups.items()}
        ready = [self.groups[name] for name, parents in waiting.items() if not parents]
        while ready:
            group = ready.pop()
            for child in group.children.values():
                child.depth = max(child.depth, group.depth + 1)
                waiting[child.name] -= 1
                if not waiting[child.name]:
                    ready.append(child)
