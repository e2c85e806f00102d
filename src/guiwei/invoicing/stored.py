"""How a client or device writes a parameter's value, where that is not the form in which guiwei compares it.

One client keeps 100 as the text `100`, another as a number, a third in fen; invoice kinds are codes here, internal
numbers there (Aisino's client is known to keep 0, 2, 51, 52, 41, 12 and 42). A profile says so by `stored`:

    stored: {as: number}                                  # 30, not "30"
    stored: {scale: 100}                                  # yuan here, fen there
    stored: {map: {"004": 0, "007": 2}, join: ";"}        # 004,007 is kept as 0;2
    stored: {map: {"004": 0, "007": 2}, as: list}         # … as [0, 2]
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

__all__ = ["FORMS_STORED", "from_stored", "to_stored"]

#: What `as` may be.
FORMS_STORED = ("text", "number", "boolean", "list")

Stored = Mapping[str, Any]


def to_stored(value: str, stored: Stored | None) -> Any:
    """Return a canonical value as the client writes it.

    Args:
        value: of the parameter's type, in the form that `check_value` gives; several kinds with commas between.
        stored: the profile's words; None keeps the value.
    """
    if not stored:
        return value
    parts = [_part_to(part, stored) for part in _parts(value, stored, ",")]
    form = stored.get("as", "text")
    if form == "list":
        return parts
    if form == "number":
        return _number(_text(parts[0]))
    if form == "boolean":
        return _text(parts[0]) == "true"
    return str(stored.get("join", ",")).join(_text(part) for part in parts)


def from_stored(found: Any, stored: Stored | None) -> Any:
    """Return what a client or device wrote in the form that `check_value` takes.

    What cannot be understood is returned as it is: it then compares as different, and shows as what it is.
    """
    if not stored or found is None:
        return found
    if isinstance(found, (list, tuple)):
        parts: list[Any] = list(found)
    else:
        parts = list(_parts(_text(found), stored, stored.get("join", ",")))
    try:
        return ",".join(_part_from(part, stored) for part in parts)
    except InvalidOperation:
        return found


def _parts(text: str, stored: Stored, separator: str) -> list[str]:
    several = "map" in stored or "join" in stored or stored.get("as") == "list"
    return [part.strip() for part in text.split(separator)] if several else [text]


def _part_to(part: str, stored: Stored) -> Any:
    if part in stored.get("map", {}):
        return stored["map"][part]
    if "scale" in stored:
        return _plain(Decimal(part) * Decimal(str(stored["scale"])))
    return part


def _part_from(part: Any, stored: Stored) -> str:
    text = _text(part)
    for value, kept in stored.get("map", {}).items():
        if _text(kept) == text:
            return str(value)
    if "scale" in stored:
        return _plain(Decimal(text) / Decimal(str(stored["scale"])))
    return text


def _text(item: Any) -> str:
    """Return a scalar as JSON and YAML write it: `true`, not `True`."""
    return str(item).lower() if isinstance(item, bool) else str(item)


def _plain(number: Decimal) -> str:
    """Return a decimal without an exponent and without zeros that say nothing."""
    return f"{number.normalize():f}"


def _number(text: str) -> int | float:
    number = Decimal(text)
    return int(number) if number == number.to_integral_value() else float(number)
