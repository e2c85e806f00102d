"""One command on a PC and its three streams: what a session needs of SSH or of a subprocess."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Ended", "Late", "Link"]

#: How much of standard error is kept for the message of a failure.
TAIL = 8 << 10


class Ended(Exception):
    """The command ended or the connection is gone; `Link.exit_code` tells which."""


class Late(Exception):
    """A deadline passed."""


class Link(Protocol):
    """One command on the PC. Deadlines are instants of `time.monotonic`; past one, `Late` is raised."""

    def start(self, command: str) -> None:
        """Start the command without waiting for anything; input may be sent at once."""

    def send(self, data: bytes, deadline: float) -> None:
        """Write to its standard input. Raises `Ended` when nobody reads any more."""

    def receive(self, deadline: float) -> bytes:
        """Return what its standard output has, at least a byte; nothing at its end. Keeps standard error meanwhile."""

    def receive_error(self, deadline: float) -> bytes:
        """Return what its standard error has, at least a byte; nothing at its end."""

    def errors(self) -> str:
        """Return the end of what standard error said."""

    def exit_code(self) -> int | None:
        """Return how the command ended; None if it did not (the connection went) or was killed."""

    def ended(self) -> bool:
        """Tell whether the command is known to have ended, also by a signal, which leaves no exit code."""

    def lost(self) -> bool:
        """Tell whether the connection itself is gone."""

    def another(self) -> Link:
        """Return a link for a second command on the same connection."""

    def finish(self) -> None:
        """Close the command's streams; a command that is at work is not ended by that."""

    def close(self) -> None:
        """Close the streams and the connection."""
