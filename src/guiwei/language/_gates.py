"""What a play says to the gates: `busy` (may a client in use be stopped?) and `calendar` (before a deadline?)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from typing import Any

from guiwei.language._tasks import Reader
from guiwei.language._words import closest
from guiwei.model.playbook import CalendarUse, Interruption

__all__ = ["read_busy", "read_calendar"]

Parts = tuple[str | int, ...]


def read_busy(reader: Reader, data: Mapping[str, Any], path: Parts) -> Interruption:
    """Return `busy: {agreed: true, window: {from: "20:00", until: "06:00"}}`; without it nobody is interrupted."""
    found = _mapping(reader, data, "busy", path, ("agreed", "window"))
    agreed = found.get("agreed", False)
    if not isinstance(agreed, bool):
        reader.wrong("word-not-flag", (*path, "busy", "agreed"), word="agreed")
        agreed = False
    return Interruption(agreed, _window(reader, found, (*path, "busy")))


def _window(reader: Reader, data: Mapping[str, Any], path: Parts) -> tuple[time, time] | None:
    if data.get("window") is None:
        return None
    found = _mapping(reader, data, "window", path, ("from", "until"))
    ends: list[time] = []
    for word in ("from", "until"):
        text = found.get(word)
        try:
            ends.append(time.fromisoformat(text if isinstance(text, str) else ""))
        except ValueError:
            reader.wrong("window-time", (*path, "window", word), text=str(text))
    if len(ends) < 2 or ends[0].tzinfo or ends[1].tzinfo:
        return None
    return ends[0], ends[1]


def read_calendar(reader: Reader, data: Mapping[str, Any], path: Parts) -> CalendarUse:
    """Return `calendar: {name: filing, days: 5, override: REASON}`; without it the filing calendar's own days count."""
    found = _mapping(reader, data, "calendar", path, ("name", "days", "override"))
    days = found.get("days")
    if days is not None and (isinstance(days, bool) or not isinstance(days, int) or not 1 <= days <= 28):
        reader.wrong("calendar-days", (*path, "calendar", "days"), value=str(days))
        days = None
    below = (*path, "calendar")
    return CalendarUse(reader.text(found, "name", below) or "filing", days, reader.text(found, "override", below))


def _mapping(reader: Reader, data: Mapping[str, Any], word: str, path: Parts, known: tuple[str, ...]) -> dict[str, Any]:
    found = data.get(word)
    if found is None:
        return {}
    if not isinstance(found, dict):
        reader.wrong("word-not-mapping", (*path, word), word=word)
        return {}
    for name in found:
        if name not in known:
            near = closest(str(name), known)
            reader.wrong("word-unknown-below", (*path, word, name), key=True, word=name, above=word, near=near)
    return found
