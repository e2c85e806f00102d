"""What the time of day and year allows on a host: its plays' filing calendars and windows, asked about one instant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from guiwei.cli._inputs import bundled
from guiwei.engine.steps import risk_of
from guiwei.errors import InputError
from guiwei.invoicing.calendar import Calendar
from guiwei.invoicing.policies import SHANGHAI, within
from guiwei.language.calendars import find_calendar, load_calendar
from guiwei.model.playbook import CalendarUse, Play
from guiwei.safety.calendar import RISKY
from guiwei.target.contract import find_type

__all__ = ["closing", "interrupts"]


def closing(plays: Sequence[Play], at: datetime, override: str | None) -> Mapping[str, Any] | None:
    """Return the filing deadline in whose quiet days an instant lies, by any of a host's plays; None in no such days.

    Args:
        override: the command line's reason to go on; else all of the plays that are concerned must give one.

    Returns:
        `deadline`, `days`, `calendar`, and `override` (the reason to go on, None if there is none).

    Raises:
        InputError: a play's calendar is unknown or wrong.
    """
    if not any(_may_be_risky(play) for play in plays):
        return None
    today = at.astimezone(SHANGHAI).date()
    found: list[Mapping[str, Any]] = []
    for play in plays:
        calendar = _calendar_of(play)
        quiet = calendar.quiet if play.calendar.days is None else play.calendar.days
        deadline = calendar.closing(today, quiet)
        if deadline is None:
            continue
        told = {"deadline": str(deadline.day), "days": quiet, "calendar": calendar.name}
        found.append({**told, "override": override or play.calendar.override})
    return next((each for each in found if not each["override"]), found[0] if found else None)


def interrupts(plays: Iterable[Play], at: datetime) -> bool:
    """Return whether a client in use may be stopped on a host: every play that has clients must say so."""
    own = [play.busy for play in plays if play.product is not None]
    return bool(own) and all(
        each.agreed or (each.window is not None and within(each.window, at)) for each in own
    )  # fmt: skip


def _may_be_risky(play: Play) -> bool:
    """Return whether a play can have a step that a calendar holds up; a fleet of plain files need not read one."""
    if play.product is not None or play.calendar != CalendarUse():
        return True
    return any(risk_of(find_type(task.module)) in RISKY for task in (*play.tasks, *play.handlers))


def _calendar_of(play: Play) -> Calendar:
    folders = [play.folder / "calendars", play.folder.parent / "calendars", bundled("calendars")]
    try:
        path = find_calendar(play.calendar.name, folders)
    except InputError as error:
        place = play.places.get(("calendar", "name"), play.place)
        raise InputError(error.code, place, **error.arguments) from error
    about = path.stat()
    return _load(path, about.st_mtime_ns, about.st_size)


@lru_cache(maxsize=64)
def _load(path: Path, mtime_ns: int, size: int) -> Calendar:
    """Read once for each state of the file: every host asks."""
    return load_calendar(path)
