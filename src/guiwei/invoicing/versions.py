"""The version graph of an invoicing client: which upgrades exist, and the shortest safe way between two versions."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from guiwei.errors import GateError, InputError, Place
from guiwei.target.contract import FORMS

__all__ = ["Edge", "VersionGraph", "older", "same_version"]

_normal = FORMS["version"]


def same_version(one: str | None, other: str | None) -> bool:
    """Tell whether two version texts are one version (3.1 = 3.1.0)."""
    return one is not None and other is not None and bool(_normal(one) == _normal(other))


def older(one: str, other: str) -> bool:
    """Tell whether a version comes before another; 3.9 comes before 3.10, and what is no number before all numbers."""
    return _order(one) < _order(other)


def _order(text: str) -> tuple[tuple[int, str], ...]:
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in str(_normal(text)).split("."))


@dataclass(frozen=True)
class Edge:
    """One upgrade: from a version to a version.

    Attributes:
        one_way: the data cannot go back without a restore.
        reactivate: the client must be activated again afterwards.
    """

    source: str
    target: str
    one_way: bool = False
    reactivate: bool = False


@dataclass(frozen=True)
class VersionGraph:
    """All versions that a profile knows and the edges between them."""

    versions: tuple[str, ...]
    edges: tuple[Edge, ...]

    @classmethod
    def from_profile(cls, versions: Mapping[str, Mapping[str, Any]]) -> VersionGraph:
        """Build the graph from a profile's `versions` mapping: each names the versions it can be reached from."""
        edges = [
            Edge(source, target, bool(entry.get("one_way")), bool(entry.get("reactivate")))
            for target, entry in versions.items()
            for source in entry.get("from", ())
        ]
        return cls(tuple(versions), tuple(edges))

    def known(self, version: str, place: Place | None = None) -> str:
        """Return the profile's spelling of a version.

        Raises:
            InputError: the profile does not know it (`version-unknown`).
        """
        for candidate in self.versions:
            if same_version(candidate, version):
                return candidate
        raise InputError("version-unknown", place, version=version, known=", ".join(self.versions))

    def route(self, have: str, want: str, place: Place | None = None) -> tuple[Edge, ...]:
        """Return the shortest way as edges; empty if the versions are one.

        Args:
            place: where the wanted version was written.

        Raises:
            InputError: a version is unknown.
            GateError: there is no way (`version-no-route`), or it would be a downgrade (`version-downgrade`).
        """
        start, goal = self.known(have), self.known(want)
        way = self._search(start, goal)
        if way is None:
            if self._search(goal, start) is not None:
                raise GateError("version-downgrade", place, have=have, want=want)
            raise GateError("version-no-route", place, have=have, want=want)
        return way

    def _search(self, start: str, goal: str) -> tuple[Edge, ...] | None:
        ways: dict[str, tuple[Edge, ...]] = {start: ()}
        queue = deque([start])
        while queue:
            here = queue.popleft()
            if here == goal:
                return ways[here]
            for edge in self.edges:
                if same_version(edge.source, here) and edge.target not in ways:
                    ways[edge.target] = (*ways[here], edge)
                    queue.append(edge.target)
        return None
