"""Select hosts as Ansible's patterns do: `all`, names, groups, wildcards, `a:b`, `:&`, `:!`, `~regex`, `group[0:2]`.

https://docs.ansible.com/ansible/latest/inventory_guide/intro_patterns.html; the order of the hosts and the corner
cases were compared with ansible-core. Two differences, both on the safe side: a plain name that is neither host nor
group is an error even where other parts of the pattern match (`all:!tset` would hit what it was meant to spare), and
there is no implicit `localhost`.
"""

from __future__ import annotations

import difflib
import fnmatch
import re
from collections.abc import Callable, Iterable

from guiwei.errors import InputError
from guiwei.language._ranges import split_port
from guiwei.language._text import decode, read_bytes
from guiwei.model.inventory import Host, Inventory

__all__ = ["descend", "select"]

_PART = re.compile(r"(?:[^\s:\[\]]|\[[^\]]*\])+")
_SUBSCRIPT = re.compile(r"(?P<pattern>.+)\[(?:(?P<one>-?[0-9]+)|(?P<first>[0-9]+)[:-](?P<last>[0-9]*))\]\Z")


def select(inventory: Inventory, pattern: str, limit: str | None = None) -> tuple[Host, ...]:
    """Return the hosts that a pattern names, in Ansible's order.

    Args:
        inventory: where to look.
        pattern: a play's `hosts`.
        limit: a second pattern that keeps only what it names as well; `@file` names a file with a pattern a line.

    Raises:
        InputError: `pattern-no-host` when nothing is left or a name is unknown, `pattern-bad-regex`,
            `file-unreadable` for a limit's file.
    """
    selector = _Selector(inventory)
    names = selector.evaluate(_split(pattern), pattern)
    if limit is not None:
        allowed = set(selector.evaluate(_split_limit(limit), limit))
        names = [name for name in names if name in allowed]
        if not names:
            raise selector.nothing(limit)
    return tuple(inventory.hosts[name] for name in names)


def descend(inventory: Inventory, group: str) -> list[str]:
    """Return the names of a group's hosts and of its descendants', level by level, each once."""
    groups, seen = [group], {group}
    for name in groups:  # grows while it is walked
        for child in inventory.groups[name].children:
            if child not in seen:
                seen.add(child)
                groups.append(child)
    return list(dict.fromkeys(host for name in groups for host in inventory.groups[name].hosts))


class _Selector:
    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory

    def evaluate(self, parts: list[str], whole: str) -> list[str]:
        """Return the hosts of a pattern's parts: first the plain ones, then `&`, then `!`."""
        plain = [part for part in parts if part[0] not in "&!"]
        result: dict[str, None] = {}
        for part in plain or ["all"]:
            result |= dict.fromkeys([part] if part in self._inventory.hosts else self._one(part))
        for part in parts:
            if part[0] == "&":
                kept = set(self._one(part[1:]))
                result = {name: None for name in result if name in kept}
        for part in parts:
            if part[0] == "!":
                dropped = set(self._one(part[1:]))
                result = {name: None for name in result if name not in dropped}
        if not result:
            raise self.nothing(whole)
        return list(result)

    def nothing(self, pattern: str) -> InputError:
        """Return the error for a pattern that matches no host, with the names closest to it."""
        known = [name for name in (*self._inventory.groups, *self._inventory.hosts) if name != "ungrouped"]
        near = difflib.get_close_matches(pattern.lstrip("!&~").partition("[")[0], known, 3, 0.5)
        return InputError("pattern-no-host", pattern=pattern, near=", ".join(near) or ", ".join(known[:5]))

    def _one(self, part: str) -> list[str]:
        """Return the hosts of one part without its modifier; a host may come twice, which a subscript counts."""
        if not part:
            raise self.nothing(part)
        match = None if part[0] == "~" else _SUBSCRIPT.match(part)
        hosts = self._matching(match["pattern"] if match else part, part)
        if match is None or not hosts:
            return hosts
        try:
            if match["one"] is not None:
                return [hosts[int(match["one"])]]
            first, last = int(match["first"]), match["last"]
            if not last:
                return hosts[first:]
            return hosts[first : int(last) + 1] if int(last) else [hosts[first]]
        except IndexError:
            raise self.nothing(part) from None

    def _matching(self, pattern: str, part: str) -> list[str]:
        matches = self._matcher(pattern)
        groups = [name for name in self._inventory.groups if matches(name)]
        result = [host for name in groups for host in descend(self._inventory, name)]
        wild = pattern[0] == "~" or any(character in pattern for character in ".?*[")
        if not groups or wild:
            result += [name for name in self._inventory.hosts if matches(name)]
        if not result and not groups and not (pattern[0] == "~" or any(each in pattern for each in "?*[")):
            raise self.nothing(part)
        return result

    def _matcher(self, pattern: str) -> Callable[[str], object]:
        expression = pattern[1:] if pattern[0] == "~" else fnmatch.translate(pattern)
        try:
            return re.compile(expression).match
        except re.error as error:
            raise InputError("pattern-bad-regex", pattern=pattern, reason=str(error)) from None


def _split(pattern: str) -> list[str]:
    """Split a pattern at commas; without any, at colons, unless the whole is an address (`::1`, `pc1:22`)."""
    parts: Iterable[str]
    if "," in pattern:
        parts = pattern.split(",")
    elif split_port(pattern):
        parts = [pattern]
    else:
        parts = _PART.findall(pattern)
    return [part.strip() for part in parts if part.strip()]


def _split_limit(limit: str) -> list[str]:
    parts: list[str] = []
    for part in _split(limit):
        if part[0] == "@":
            lines = decode(read_bytes(part[1:]), part[1:]).splitlines()
            parts += [line.strip() for line in lines if line.strip()]
        else:
            parts.append(part)
    return parts
