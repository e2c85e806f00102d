"""The seams of the engine: what it calls, given from outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from guiwei.model.inventory import Host
from guiwei.model.run import Event

__all__ = ["Connect", "Observer", "Session"]


class Session(Protocol):
    """One agent on one host."""

    def ask(
        self, request: Mapping[str, Any], on_result: Callable[[dict[str, Any]], None] | None = None
    ) -> dict[str, Any]:
        """Return the answer to one request; results of steps go to `on_result` as they come."""

    def offer(self, sha256: str, path: Path) -> None:
        """Let the agent ask for this artifact."""

    def close(self) -> None:
        """End the agent and the connection."""


#: Opens a session; raises an `UnreachableError` if it cannot.
Connect = Callable[[Host], Session]

#: Gets every event as it happens, from many threads.
Observer = Callable[[Event], None]
