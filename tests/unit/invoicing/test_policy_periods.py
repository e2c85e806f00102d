"""Periods of policies: their first and last instants, and what contradicts what, against a plain walk through time."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guiwei.invoicing.policies import (
    SHANGHAI,
    Period,
    Ruling,
    contradictions,
    read_instant,
    same_month,
    tell_end,
    tell_instant,
    within,
)

#: Small whole hours, so that ends meet starts often.
HOURS = st.integers(0, 12)
START = datetime(2026, 12, 31, 12, tzinfo=UTC)


def at(hour: float) -> datetime:
    return START + timedelta(hours=hour)


@st.composite
def periods(draw: st.DrawFn) -> Period:
    start = draw(HOURS)
    length = draw(st.none() | st.integers(1, 6))
    return Period(at(start), None if length is None else at(start + length))


@pytest.mark.parametrize(
    ("text", "last", "instant"),
    [
        ("2027-01-01", False, "2026-12-31T16:00:00+00:00"),
        ("2027-01-01", True, "2027-01-01T16:00:00+00:00"),
        ("2028-02-28", True, "2028-02-28T16:00:00+00:00"),
        ("2027-01-01T08:00", False, "2027-01-01T00:00:00+00:00"),
        ("2027-01-01T08:00", True, "2027-01-01T00:00:00+00:00"),
        ("2027-01-01 08:00:30", False, "2027-01-01T00:00:30+00:00"),
        ("2027-01-01T00:00Z", False, "2027-01-01T00:00:00+00:00"),
        ("2027-01-01T00:00+09:00", False, "2026-12-31T15:00:00+00:00"),
    ],
)
def test_a_text_is_one_instant(text: str, last: bool, instant: str) -> None:
    assert read_instant(text, last=last) == datetime.fromisoformat(instant)


@pytest.mark.parametrize(
    "text",
    ["", "2027", "2027-1-1", "2027-02-29", "2027-01-01T24:30", "2027-01-01T8:00", "20270101", "1 Jan 2027",
     "9999-12-31", "2027-01-01T08:00 ", "2027-01-01T08:00+0900"],
)  # fmt: skip
def test_anything_else_is_none(text: str) -> None:
    with pytest.raises(ValueError):
        read_instant(text, last=True)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)).map(lambda found: found.replace(microsecond=0)))
def test_what_is_told_is_read_again(instant: datetime) -> None:
    aware = instant.replace(tzinfo=SHANGHAI)
    assert read_instant(tell_instant(aware)) == aware
    assert read_instant(tell_end(aware), last=True) == aware


@given(periods(), st.integers(0, 40))
def test_the_minute_before_and_the_minute_after(period: Period, halves: int) -> None:
    minute = timedelta(minutes=1)
    assert not period.holds(period.start - minute)
    assert period.holds(period.start)
    assert period.holds(period.start + minute)
    if period.end is not None:
        assert period.holds(period.end - minute)
        assert not period.holds(period.end)
    instant = at(halves / 2)
    assert period.holds(instant) == (period.start <= instant and (period.end is None or instant < period.end))


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 1), periods()), max_size=6))
def test_a_contradiction_is_one_exactly_if_a_walk_through_time_meets_it(
    given_rules: list[tuple[str, int, Period]],
) -> None:
    rulings = [Ruling(leaf, value, period, f"policy {n}") for n, (leaf, value, period) in enumerate(given_rules)]
    walked = set()
    for halves in range(80):
        now = [ruling for ruling in rulings if ruling.period.holds(at(halves / 2))]
        for one in now:
            for other in now:
                if one.policy < other.policy and one.leaf == other.leaf and one.value != other.value:
                    walked.add((one.policy, other.policy))
    found = list(contradictions(rulings))
    assert {(first.policy, second.policy) for first, second in found} == walked
    assert len(found) == len(walked)
    for first, second in found:
        begins = first.period.meeting(second.period)
        assert first.period.holds(begins)
        assert second.period.holds(begins)
        before = begins - timedelta(seconds=1)
        assert not (first.period.holds(before) and second.period.holds(before))


@given(st.integers(0, 1439), st.integers(0, 1439), st.integers(0, 1439))
def test_a_window_may_span_midnight(start: int, end: int, now: int) -> None:
    first, last = (time(minutes // 60, minutes % 60) for minutes in (start, end))
    instant = datetime(2027, 1, 1, now // 60, now % 60, tzinfo=SHANGHAI)
    inside = (now - start) % 1440 < (end - start) % 1440
    assert within((first, last), instant.astimezone(UTC)) == inside


def test_a_month_is_one_of_shanghai() -> None:
    last = datetime(2026, 12, 31, 23, 59, tzinfo=SHANGHAI)
    assert not same_month(last, last + timedelta(minutes=1))
    assert same_month(last.astimezone(UTC), datetime(2026, 12, 1, tzinfo=SHANGHAI))
    assert not same_month(last, last.replace(year=2025))
    assert same_month(last + timedelta(minutes=1), datetime(2026, 12, 31, 20, tzinfo=UTC))
