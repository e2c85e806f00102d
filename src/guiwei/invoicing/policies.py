"""Policies in time: when one is in force, and which of them contradict each other.

A tax policy has an effective day that is known ahead, in the time of mainland China: one zone (Asia/Shanghai, UTC+8)
and no summer time since 1992 (IANA time zone database), so the offset is fixed and no zone file is needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta, timezone
from typing import Any

from guiwei.errors import Place

__all__ = [
    "SHANGHAI",
    "Period",
    "Ruling",
    "contradictions",
    "read_instant",
    "same_month",
    "tell_end",
    "tell_instant",
    "within",
]

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_INSTANT = re.compile(r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2})?)(Z|[+-]\d{2}:\d{2})?")


def read_instant(text: str, *, last: bool = False) -> datetime:
    """Return the instant that a text means.

    Args:
        text: a day (`2027-01-01`: its first instant), or a day and a time (`2027-01-01T08:00`), in Asia/Shanghai
            unless it ends in an offset (`Z`, `+09:00`).
        last: a day counts to its end: the first instant of the next one is returned.

    Raises:
        ValueError: it is none.
    """
    if _DAY.fullmatch(text):
        day = datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)
        try:
            return day + timedelta(days=1) if last else day
        except OverflowError as error:
            raise ValueError(text) from error
    match = _INSTANT.fullmatch(text)
    if match is None:
        raise ValueError(text)
    found = datetime.fromisoformat(f"{match[1]}T{match[2]}{match[3] or ''}")
    return found if found.tzinfo is not None else found.replace(tzinfo=SHANGHAI)


def tell_instant(instant: datetime) -> str:
    """Return an instant as people in China read it: a day alone where it begins one."""
    there = instant.astimezone(SHANGHAI)
    if (there.hour, there.minute, there.second) == (0, 0, 0):
        return there.strftime("%Y-%m-%d")
    return there.strftime("%Y-%m-%d %H:%M:%S" if there.second else "%Y-%m-%d %H:%M")


def tell_end(end: datetime) -> str:
    """Return the end of a period as people write it: the last day, where it ends with one."""
    there = end.astimezone(SHANGHAI)
    whole = (there.hour, there.minute, there.second) == (0, 0, 0)
    return tell_instant(there - timedelta(days=1)) if whole else tell_instant(there)


def same_month(one: datetime, other: datetime) -> bool:
    """Return whether two instants lie in one calendar month of Asia/Shanghai."""
    return one.astimezone(SHANGHAI).strftime("%Y-%m") == other.astimezone(SHANGHAI).strftime("%Y-%m")


@dataclass(frozen=True)
class Period:
    """From `start` on, up to but without `end`; None never ends."""

    start: datetime
    end: datetime | None = None

    def holds(self, instant: datetime) -> bool:
        """Return whether an instant lies in it."""
        return self.start <= instant and (self.end is None or instant < self.end)

    def meets(self, other: Period) -> bool:
        """Return whether there is an instant that lies in both."""
        return (self.end is None or other.start < self.end) and (other.end is None or self.start < other.end)

    def meeting(self, other: Period) -> datetime:
        """Return the first instant that lies in both; they must meet."""
        return max(self.start, other.start)


@dataclass(frozen=True)
class Ruling:
    """One leaf that a policy sets for a time.

    Attributes:
        leaf: what is set: a dotted path of `state:`, or `vars.NAME`.
        value: in the form in which values compare.
        policy: its name.
    """

    leaf: str
    value: Any
    period: Period
    policy: str
    place: Place | None = None


def contradictions(rulings: Sequence[Ruling]) -> Iterator[tuple[Ruling, Ruling]]:
    """Yield the pairs that set one leaf to different values at one instant, in the order in which they stand.

    It does not matter whether that instant is now: a contradiction that begins next year is one today.
    """
    by_leaf: dict[str, list[Ruling]] = {}
    for ruling in rulings:
        for earlier in by_leaf.setdefault(ruling.leaf, []):
            if earlier.value != ruling.value and earlier.period.meets(ruling.period):
                yield earlier, ruling
        by_leaf[ruling.leaf].append(ruling)


def within(window: tuple[time, time], instant: datetime) -> bool:
    """Return whether an instant lies in a daily window of Asia/Shanghai; its end may be after midnight."""
    start, end = window
    now = instant.astimezone(SHANGHAI).time()
    return start <= now < end if start <= end else now >= start or now < end
