"""Handlers that were notified and have not run: kept on the PC, so that they survive a failed or cut run."""

from __future__ import annotations

import os
from typing import Iterable, List

__all__ = ["PendingHandlers"]


class PendingHandlers:
    """A small durable set of names.

    Args:
        state_dir: guiwei's folder on the PC.
    """

    def __init__(self, state_dir: str) -> None:
        self._path = os.path.join(state_dir, "handlers")

    def names(self) -> List[str]:
        """Return the names, sorted."""
        try:
            with open(self._path, encoding="utf-8") as file:
                return [line for line in file.read().split("\n") if line]
        except OSError:
            return []

    def add(self, names: Iterable[str]) -> None:
        """Note handlers, before the write that notifies them."""
        self._write(set(self.names()) | set(names))

    def remove(self, name: str) -> None:
        """Forget a handler that has run."""
        self._write(set(self.names()) - {name})

    def _write(self, names: "set[str]") -> None:
        if names == set(self.names()):
            return
        with open(self._path + ".new", "w", encoding="utf-8") as file:
            file.write("".join(name + "\n" for name in sorted(names)))
            file.flush()
            os.fsync(file.fileno())
        os.replace(self._path + ".new", self._path)
