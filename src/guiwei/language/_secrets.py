"""Secrets inside values: boxed for a look-out, opened for a tainted rendering, and shown to callers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from jinja2.runtime import Undefined
from jinja2.utils import missing

from guiwei.errors import InputError
from guiwei.language._closed import Box, Reference, Watch
from guiwei.language.source import Unsafe, Vaulted
from guiwei.target.secret import Secret

__all__ = ["Sealed", "box", "expose", "publish", "rewatch", "secrecy", "settle"]


class Sealed:
    """A tainted value that is no text."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "Sealed(…)"


def secrecy(found: Any) -> int:
    """Return 0 for a value without secrets, 1 with secret texts, 2 with a tainted value that is no text."""
    kind = type(found)
    if kind is str or kind is int or kind is Reference or found is missing:
        return 0
    if isinstance(found, (Secret, Vaulted)):
        return 1
    if isinstance(found, Sealed):
        return 2
    parts: Iterable[Any] = ()
    if isinstance(found, Mapping):
        parts = found.values()
    elif isinstance(found, (list, tuple)):
        parts = found
    return max(map(secrecy, parts), default=0)


def box(found: Any, watch: Watch) -> Any:
    if type(found) is Reference:
        return Reference.rewatched(found, watch)
    if isinstance(found, (Secret, Vaulted)):
        return Box(found, watch)
    if isinstance(found, Mapping):
        return {name: box(part, watch) for name, part in found.items()}
    if isinstance(found, (list, tuple)):
        return [box(part, watch) for part in found]
    return found


def rewatch(found: Any, watch: Watch) -> Any:
    """Let the references in a value report to the evaluation that uses it."""
    if type(found) is Reference:
        return Reference.rewatched(found, watch)
    if isinstance(found, Mapping):
        return {name: rewatch(part, watch) for name, part in found.items()}
    if isinstance(found, list):
        return [rewatch(part, watch) for part in found]
    return found


def expose(found: Any) -> Any:
    """Return a value with its secrets as plain text."""
    if type(found) is Reference:
        return found
    if isinstance(found, Secret):
        return found.reveal()
    if isinstance(found, Vaulted):
        raise InputError("template-vaulted", found.place)
    if isinstance(found, Sealed):
        return expose(found.value)
    if isinstance(found, Mapping):
        return {name: expose(part) for name, part in found.items()}
    if isinstance(found, (list, tuple)):
        return [expose(part) for part in found]
    return found


def settle(result: Any, watch: Watch) -> Any:
    """Turn the result of an expression into plain data; closed boxes become secrets again."""
    kind = type(result)
    if kind is str or kind is int or kind is bool or kind is float or result is None:
        return result
    if kind is Box:
        return Box.open(result)
    if kind is Reference:
        return Reference.rewatched(result, watch)
    if isinstance(result, Undefined):
        str(result)  # raises: strict
    if isinstance(result, (Secret, Sealed, Unsafe)):
        return result
    if isinstance(result, str):
        return str(result)
    if isinstance(result, (int, float)):
        return result
    if isinstance(result, Mapping):
        return {_name(name): settle(part, watch) for name, part in result.items()}
    if isinstance(result, Iterable):
        return [settle(part, watch) for part in result]
    raise TypeError(f"the expression gives a {kind.__name__}, which is no data")


def _name(name: Any) -> str:
    return name if isinstance(name, str) else str(name)


def publish(found: Any) -> Any:
    """Return a rendered value as callers see it: `Sealed` values are secrets, references are their text."""
    kind = type(found)
    if kind is str or found is None or kind is bool or kind is int:
        return found
    if kind is Sealed:
        return Secret(json.dumps(expose(found.value), ensure_ascii=False))
    if kind is Reference:
        return Reference.emit(found)
    if kind is Vaulted:
        raise InputError("template-vaulted", found.place)
    if kind is dict:
        return {name: publish(part) for name, part in found.items()}
    if kind is list:
        return [publish(part) for part in found]
    return found
