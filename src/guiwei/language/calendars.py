"""Filing calendars: from YAML, checked against their schema, to `Calendar`."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from guiwei.errors import InputError
from guiwei.invoicing.calendar import Calendar
from guiwei.language.source import Source, load

__all__ = ["CALENDAR_SCHEMA", "find_calendar", "load_calendar"]

_DATE = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"}
_DATES = {"type": "array", "items": _DATE}

CALENDAR_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "guiwei filing calendar / 申报纳税期限日历",
    "description": "Until when a month's tax returns must be filed.",
    "type": "object",
    "properties": {
        "calendar": {"type": "string", "pattern": "^[a-z][a-z0-9-]*$"},
        "title": {
            "type": "object",
            "properties": {"en": {"type": "string"}, "zh": {"type": "string"}},
            "required": ["en", "zh"],
            "additionalProperties": False,
        },
        "last_day": {
            "type": "integer",
            "minimum": 1,
            "maximum": 28,
            "description": "Day on which the period ends unless something moves it. 期限日。",
        },
        "quiet_days": {
            "type": "integer",
            "minimum": 0,
            "maximum": 28,
            "description": "Days up to and with the deadline in which nothing risky is done. 截止日前（含）静默天数。",
        },
        "years": {
            "type": "object",
            "patternProperties": {
                r"^\d{4}$": {
                    "type": "object",
                    "properties": {
                        "holidays": {
                            "type": "array",
                            "items": {
                                "type": "object",
                                "properties": {"from": _DATE, "until": _DATE},
                                "required": ["from", "until"],
                                "additionalProperties": False,
                            },
                        },
                        "workdays": {**_DATES, "description": "Rest days that are worked instead. 调休上班日。"},
                        "deadlines": {**_DATES, "description": "As notices name them; they win. 公告期限，优先。"},
                    },
                    "additionalProperties": False,
                }
            },
            "additionalProperties": False,
        },
    },
    "required": ["calendar", "title"],
    "additionalProperties": False,
}


def find_calendar(name: str, folders: list[Path]) -> Path:
    """Return the calendar's file, looking beside the playbook first and then among guiwei's own.

    Raises:
        InputError: there is none (`calendar-unknown`).
    """
    for folder in folders:
        path = folder / f"{name}.yml"
        if path.is_file():
            return path
    known = sorted({path.stem for folder in folders if folder.is_dir() for path in folder.glob("*.yml")})
    raise InputError("calendar-unknown", calendar=name, known=", ".join(known))


def load_calendar(path: Path) -> Calendar:
    """Return the calendar in a file.

    Raises:
        InputError: it is none; with the place of the first thing that is wrong.
    """
    from jsonschema import Draft202012Validator

    source = load(path)
    data = source.data
    problems = sorted(Draft202012Validator(CALENDAR_SCHEMA).iter_errors(data), key=lambda problem: list(problem.path))
    if problems:
        raise InputError("calendar-invalid", source.place(tuple(problems[0].path)), detail=problems[0].message)
    holidays: list[tuple[date, date]] = []
    workdays: set[date] = set()
    notices: dict[tuple[int, int], date] = {}
    for year, entry in data.get("years", {}).items():
        for number, holiday in enumerate(entry.get("holidays", ())):
            where = ("years", year, "holidays", number)
            first, last = (_date(source, holiday[word], (*where, word)) for word in ("from", "until"))
            if last < first:
                raise InputError("calendar-holiday", source.place(where), first=str(first), last=str(last))
            holidays.append((first, last))
        for number, text in enumerate(entry.get("workdays", ())):
            workdays.add(_date(source, text, ("years", year, "workdays", number)))
        for number, text in enumerate(entry.get("deadlines", ())):
            where = ("years", year, "deadlines", number)
            day = _date(source, text, where)
            if (day.year, day.month) in notices:
                raise InputError("calendar-two-deadlines", source.place(where), month=f"{day:%Y-%m}")
            notices[day.year, day.month] = day
    return Calendar(
        name=data["calendar"],
        last=data.get("last_day", 15),
        quiet=data.get("quiet_days", 5),
        holidays=tuple(holidays),
        workdays=frozenset(workdays),
        notices=notices,
    )


def _date(source: Source, text: str, path: tuple[str | int, ...]) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InputError("calendar-date", source.place(path), text=text) from error
