"""The filing calendar: the rule gives what the notice of 2026 says, and a notice wins over the rule."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guiwei.errors import InputError
from guiwei.invoicing.calendar import Calendar
from guiwei.language.calendars import find_calendar, load_calendar

FILE = Path(__file__).resolve().parents[3] / "calendars" / "filing.yml"
#: 税总办征科函〔2025〕64号.
NOTICE = ["01-20", "02-24", "03-16", "04-20", "05-22", "06-15", "07-15", "08-17", "09-15", "10-26", "11-16", "12-15"]
DAYS = st.dates(date(2026, 1, 1), date(2030, 12, 31))


@pytest.fixture(scope="module")
def filing() -> Calendar:
    return load_calendar(FILE)


def test_the_deadlines_are_those_of_the_notice(filing: Calendar) -> None:
    found = [filing.deadline(2026, month) for month in range(1, 13)]
    assert [f"{each.day:%m-%d}" for each in found] == NOTICE
    assert all(each.announced for each in found)


def test_the_rule_alone_gives_the_same_twelve(filing: Calendar) -> None:
    ruled = replace(filing, notices={})
    found = [ruled.deadline(2026, month) for month in range(1, 13)]
    assert [f"{each.day:%m-%d}" for each in found] == NOTICE
    assert not any(each.announced for each in found)


def test_a_year_without_notices_goes_past_weekends(filing: Calendar) -> None:
    """15 May 2027 is a Saturday."""
    assert filing.deadline(2027, 5).day == date(2027, 5, 17)
    assert filing.deadline(2027, 6).day == date(2027, 6, 15)
    assert not filing.deadline(2027, 5).announced


@given(DAYS, st.integers(1, 20))
def test_the_quiet_days_are_the_last_ones_with_the_deadline(today: date, quiet: int) -> None:
    filing = load_calendar(FILE)
    closing = filing.closing(today, quiet)
    days = [filing.deadline(year, month).day for year in range(2025, 2032) for month in range(1, 13)]
    near = [day for day in days if day - timedelta(days=quiet) < today <= day]
    assert (closing.day if closing else None) == (min(near) if near else None)


@given(DAYS)
def test_the_next_deadline_is_not_over(today: date) -> None:
    filing = load_calendar(FILE)
    found = filing.next_deadline(today).day
    assert found >= today
    assert found - today <= timedelta(days=45)
    assert filing.works(found)


def test_the_day_before_the_quiet_days_and_the_day_after_the_deadline(filing: Calendar) -> None:
    december = date(2026, 12, 15)
    for back, closed in ((5, False), (4, True), (1, True), (0, True), (-1, False)):
        assert bool(filing.closing(december - timedelta(days=back))) == closed, back


def test_a_bureau_s_own_notice_wins(filing: Calendar) -> None:
    moved = replace(filing, notices={**filing.notices, (2026, 12): date(2026, 12, 25)})
    assert moved.closing(date(2026, 12, 15)) is None
    found = moved.closing(date(2026, 12, 24))
    assert found is not None
    assert found.day == date(2026, 12, 25)


WHOLE = "calendar: own\ntitle: {en: a, zh: b}\n"


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("calendar: own\n", "calendar-invalid", 1),
        (WHOLE + "last_day: 31\n", "calendar-invalid", 3),
        (WHOLE + "yaers: {}\n", "calendar-invalid", 1),
        (WHOLE + "years:\n  '2026':\n    deadlines: [2026-13-01]\n", "calendar-date", 5),
        (WHOLE + "years:\n  '2026':\n    deadlines: [soon]\n", "calendar-invalid", 5),
        (WHOLE + "years:\n  '2026':\n    workdays:\n      - 2026-01-04\n      - 2026-02-30\n", "calendar-date", 7),
        (WHOLE + "years:\n  '2026':\n    holidays:\n      - {from: 2026-01-03, until: 2026-01-01}\n",
         "calendar-holiday", 6),
        (WHOLE + "years:\n  '2026':\n    deadlines: [2026-01-20,\n      2026-01-21]\n", "calendar-two-deadlines", 6),
    ],
)  # fmt: skip
def test_a_wrong_calendar_is_named_with_its_line(tmp_path: Path, text: str, code: str, line: int) -> None:
    path = tmp_path / "own.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_calendar(path)
    assert (caught.value.code, caught.value.place and caught.value.place.line) == (code, line)


def test_the_calendar_beside_the_playbook_wins(tmp_path: Path) -> None:
    (tmp_path / "filing.yml").write_text(WHOLE, encoding="utf-8")
    assert find_calendar("filing", [tmp_path, FILE.parent]) == tmp_path / "filing.yml"
    assert find_calendar("filing", [tmp_path / "none", FILE.parent]) == FILE
    with pytest.raises(InputError) as caught:
        find_calendar("nowhere", [tmp_path, FILE.parent])
    assert caught.value.arguments == {"calendar": "nowhere", "known": "filing"}
