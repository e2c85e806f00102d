"""The filing calendar: until when a month's tax returns must be filed.

The rule is Article 109 of the implementing rules of the Tax Collection and Administration Law (税收征收管理法实施细则):
a period that ends on a rest day ends on the next working day, and one that holds a public holiday of three or more
days in a row is longer by as many days, which the yearly notices count in working days. It gives all twelve deadlines
of the notice for 2026 (税总办征科函〔2025〕64号). A bureau may move a deadline by notice, so a date that a calendar
file names wins over the rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

__all__ = ["Calendar", "Deadline"]

_ONE = timedelta(days=1)
#: A holiday this long lengthens the period by its days.
_LONG = 3
_SATURDAY = 5


@dataclass(frozen=True)
class Deadline:
    """The last day of one month's filing period.

    Attributes:
        announced: a notice names it; otherwise the rule gives it, as far as the year's holidays are known.
    """

    day: date
    announced: bool


@dataclass(frozen=True)
class Calendar:
    """What a calendar file says.

    Attributes:
        last: day of the month on which the period ends unless something moves it.
        holidays: first and last day of each public holiday.
        workdays: rest days that are worked instead.
        notices: (year, month) → deadline that a notice names.
        quiet: days before a deadline, itself included, in which nothing risky is done.
    """

    name: str
    last: int = 15
    quiet: int = 5
    holidays: tuple[tuple[date, date], ...] = ()
    workdays: frozenset[date] = frozenset()
    notices: Mapping[tuple[int, int], date] = field(default_factory=dict)

    def deadline(self, year: int, month: int) -> Deadline:
        """Return the deadline of the period that begins on the first of a month."""
        noticed = self.notices.get((year, month))
        if noticed is not None:
            return Deadline(noticed, True)
        day = date(year, month, self.last)
        for _ in range(self._extension(date(year, month, 1), day)):
            day = self._next_working(day + _ONE)
        return Deadline(self._next_working(day), False)

    def next_deadline(self, today: date) -> Deadline:
        """Return the first deadline that has not passed on a day."""
        found = (self.deadline(year, month) for year, month in _months(today))
        return next(deadline for deadline in found if deadline.day >= today)

    def closing(self, today: date, quiet: int | None = None) -> Deadline | None:
        """Return the deadline whose quiet days a day belongs to, None if it belongs to none.

        Args:
            quiet: number of quiet days; None takes the calendar's.
        """
        days = self.quiet if quiet is None else quiet
        for year, month in _months(today):
            deadline = self.deadline(year, month)
            if deadline.day - days * _ONE < today <= deadline.day:
                return deadline
            if deadline.day > today + days * _ONE:
                break
        return None

    def works(self, day: date) -> bool:
        """Return whether a day is a working day."""
        if day in self.workdays:
            return True
        return day.weekday() < _SATURDAY and not any(first <= day <= end for first, end in self.holidays)

    def _next_working(self, day: date) -> date:
        while not self.works(day):
            day += _ONE
        return day

    def _extension(self, first: date, last: date) -> int:
        """Days of the holidays of which three or more in a row lie in the period."""
        inside = ((min(end, last) - max(start, first)).days + 1 for start, end in self.holidays)
        return sum(days for days in inside if days >= _LONG)


def _months(today: date) -> Iterator[tuple[int, int]]:
    """This month and the next ones; the period of the month before may reach into this one by notice."""
    year, month = (today.year, today.month - 1) if today.month > 1 else (today.year - 1, 12)
    for _ in range(4):
        yield year, month
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
