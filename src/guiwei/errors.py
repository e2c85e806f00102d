"""The one error tree: an error is a code with arguments; `guiwei.report` words it in Chinese and English.

This file travels to the managed PC, so it is standard library only and runs on Python 3.7.
"""

from __future__ import annotations

from typing import Any, Dict, NamedTuple, Optional

__all__ = [
    "GateError",
    "GuiweiError",
    "HostError",
    "InputError",
    "Place",
    "ResourceError",
    "UnknownOutcomeError",
    "UnreachableError",
    "error_from_wire",
]


class Place(NamedTuple):
    """Where something stands in a file: 1-based line and column."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class GuiweiError(Exception):
    """Base of every error that guiwei expects.

    Args:
        code: key of the message in the catalogue, such as `yaml-duplicate-key`.
        place: where the cause stands in the user's files, if it stands anywhere.
        args: what the message's placeholders are filled with; plain JSON values, never secrets.
    """

    #: The process's exit code, as the design's table orders them.
    exit_code = 2

    def __init__(self, code: str, place: Optional[Place] = None, **args: Any) -> None:
        super().__init__(code)
        self.code = code
        self.place = place
        self.arguments: Dict[str, Any] = args

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        return f"{where}{self.code} {self.arguments}"

    def __reduce__(self) -> Any:
        return _rebuild, (type(self).__name__, self.code, self.place, self.arguments)

    def to_wire(self) -> Dict[str, Any]:
        """Return the error as JSON values, for a frame or a journal line."""
        return {
            "class": type(self).__name__,
            "code": self.code,
            "place": list(self.place) if self.place else None,
            "args": self.arguments,
        }


class InputError(GuiweiError):
    """The user's input is wrong: usage, playbook, inventory, plan file, vault password."""

    exit_code = 2


class GateError(GuiweiError):
    """A gate refused: approval, stale plan, backup, identity, calendar, lock, busy."""

    exit_code = 4


class HostError(GuiweiError):
    """Something on one host went wrong."""

    exit_code = 5


class ResourceError(HostError):
    """A resource could not be read or written on the PC."""


class UnreachableError(HostError):
    """The host could not be reached or logged in to; nothing was started on it."""


class UnknownOutcomeError(HostError):
    """The connection ended while something was under way: look before going on."""


def error_from_wire(value: Dict[str, Any]) -> GuiweiError:
    """Rebuild an error that came from the PC.

    Args:
        value: what `to_wire` made. An unknown class becomes a `HostError`.
    """
    place = Place(*value["place"]) if value.get("place") else None
    return _rebuild(value["class"], value["code"], place, value.get("args", {}))


def _rebuild(name: str, code: str, place: Optional[Place], args: Dict[str, Any]) -> GuiweiError:
    kind = globals().get(name)
    if not (isinstance(kind, type) and issubclass(kind, GuiweiError)):
        kind = HostError
    return kind(code, place, **args)
