"""The calendar gate: nothing risky in the last days before a filing deadline, unless somebody says why."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lantai_support import codes, errors_in, open_shop, statuses, valid
from scenario_bench import Bench
from scenario_cases import Run
from timely import Fleet

from guiwei.cli import _clock
from guiwei.invoicing.policies import read_instant

#: A program that a task runs is for a professional; a file is ordinary.
PLAY = """\
- hosts: all
  %s
  tasks:
    - file: {path: /etc/a.txt, content: "a\\n"}
    - name: tool
      command: {argv: [/bin/sh, -c, "echo x > '@ROOT@/etc/ran'"], creates: "/etc/ran"}
"""
OWN = "calendar: own\ntitle: {en: a, zh: b}\nquiet_days: 2\nyears: {'2026': {deadlines: [2026-12-20]}}\n"


@pytest.fixture
def fleet(bench: Bench, run: Run) -> Fleet:
    made = Fleet(bench, run, "pc1")
    made.hosts["pc1"]["guiwei_root"] = str(bench.root)
    made.play(PLAY % "reason: repair")
    return made


@pytest.mark.parametrize(
    ("now", "closed"),
    [
        ("2026-12-10T23:59", False),
        ("2026-12-11T00:00", True),
        ("2026-12-15T23:59", True),
        ("2026-12-16T00:00", False),
        # It is still the day before in London, and already the next day in Shanghai.
        ("2026-12-10T16:30Z", True),
        # In 2027 the rule alone: 15 May is a Saturday, so the 17th.
        ("2027-05-12T12:00", False),
        ("2027-05-17T12:00", True),
    ],
)
def test_the_last_days(fleet: Fleet, now: str, closed: bool) -> None:
    fleet.now(now)
    plan = valid("plan", fleet.plan(3))
    assert bool(plan["hosts"][0]["closed"]) == closed
    document = valid("run", fleet.apply(4 if closed else 0))
    assert statuses(document) == {"pc1": "refused" if closed else "changed"}
    assert (fleet.read("etc/a.txt"), fleet.read("etc/ran")) == ((None, None) if closed else ("a\n", "x\n"))
    if closed:
        error = errors_in(document)[0]
        assert (error["code"], error["args"]["step"]) == ("calendar-closed", "tool")
        assert error["args"]["deadline"] in ("2026-12-15", "2027-05-17")
        assert error["place"]["line"] == 5


def test_what_is_ordinary_is_done(fleet: Fleet) -> None:
    fleet.now("2026-12-15T12:00")
    fleet.play("- hosts: all\n  tasks:\n    - file: {path: /etc/a.txt, content: 'a'}\n")
    assert statuses(fleet.apply(0)) == {"pc1": "changed"}


def test_who_can_do_nothing_risky_asks_no_calendar(fleet: Fleet) -> None:
    """A calendar that is named is read all the same: a wrong name must not show on the day that counts."""
    files = "- hosts: all\n  %s\n  tasks:\n    - file: {path: /etc/a.txt, content: 'a'}\n"
    fleet.now("2026-12-15T12:00")
    fleet.play(files % "reason: repair")
    assert fleet.plan(3)["hosts"][0]["closed"] is None
    fleet.play(files % "calendar: {days: 4}")
    assert fleet.plan(3)["hosts"][0]["closed"]["deadline"] == "2026-12-15"
    fleet.play(files % "calendar: {name: none}")
    assert fleet.plan(2)["code"] == "calendar-unknown"


def test_a_reason_goes_on_and_is_recorded(fleet: Fleet) -> None:
    fleet.now("2026-12-15T12:00")
    document = fleet.apply(0, "--override-calendar", "the client does not start")
    assert document["reason"] == "repair; the client does not start"
    shown = fleet._run("runs", document["run"], "--json")
    assert "the client does not start" in json.loads(shown.out)["reason"]
    # Outside of those days it is no reason for anything.
    fleet.now("2026-12-16T12:00")
    assert fleet.apply(0, "--override-calendar", "never mind")["reason"] == "repair"


def test_a_play_may_say_why(fleet: Fleet) -> None:
    fleet.now("2026-12-15T12:00")
    fleet.play(PLAY % "calendar: {override: rehearsed on the lab}")
    assert fleet.apply(0)["reason"] == "rehearsed on the lab"


def test_every_play_of_a_host_must_say_why(fleet: Fleet) -> None:
    fleet.now("2026-12-15T12:00")
    fleet.play(PLAY % "calendar: {override: rehearsed}" + "- hosts: all\n  tasks: []\n")
    assert codes(fleet.apply(4)) == ["calendar-closed"]


def test_a_calendar_of_one_s_own(fleet: Fleet) -> None:
    fleet.play(OWN, "calendars/own.yml")
    fleet.play(PLAY % "calendar: {name: own}")
    fleet.now("2026-12-20T12:00")
    assert codes(fleet.apply(4)) == ["calendar-closed"]
    # The bureau gives more time: the edited file counts at once.
    fleet.play(OWN.replace("12-20", "12-25"), "calendars/own.yml")
    assert statuses(fleet.apply(0)) == {"pc1": "changed"}
    fleet.play(PLAY % "calendar: {name: nobodys}")
    error = errors_in(fleet.plan(2))[0]
    assert (error["code"], error["place"]["line"]) == ("calendar-unknown", 2)
    assert fleet.guiwei("check", "calendars/own.yml").code == 0
    fleet.play(OWN + "more: 1\n", "calendars/own.yml")
    assert codes(fleet.json(2, "check", "calendars/own.yml")) == ["calendar-invalid"]


def test_a_play_may_want_more_or_fewer_days(fleet: Fleet) -> None:
    fleet.now("2026-12-13T12:00")
    fleet.play(PLAY % "calendar: {days: 2}")
    assert statuses(fleet.apply(0)) == {"pc1": "changed"}
    fleet.play(PLAY % "calendar: {days: 28}")
    (fleet.bench.root / "etc" / "ran").unlink()
    assert codes(fleet.apply(4)) == ["calendar-closed"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("calendar: filing", "word-not-mapping"),
        ("calendar: {day: 3}", "word-unknown-below"),
        ("calendar: {days: 0}", "calendar-days"),
        ("calendar: {days: soon}", "calendar-days"),
        ("busy: {agreed: clerk}", "word-not-flag"),
        ("busy: {windows: night}", "word-unknown-below"),
        ("busy: {window: {from: '20:00'}}", "window-time"),
        ("busy: {window: {from: '8pm', until: '06:00'}}", "window-time"),
    ],
)
def test_wrong_words_are_said_before_anything(fleet: Fleet, words: str, code: str) -> None:
    fleet.play(PLAY % words)
    error = errors_in(fleet.json(2, "check", "play.yml"))[0]
    assert (error["code"], error["place"]["line"]) == (code, 2)


def test_people_see_it_before_they_apply(fleet: Fleet) -> None:
    fleet.now("2026-12-14T09:00")
    shown = fleet.guiwei("plan", "play.yml").out
    assert "Filing deadline 2026-12-15: in its last 5 days risky steps are refused" in shown
    assert "申报截止日 2026-12-15" in fleet.guiwei("plan", "play.yml", lang="zh").out
    refused = fleet.guiwei("apply", "play.yml", "--yes", lang="zh")
    assert "申报截止日为 2026-12-15" in refused.out
    assert "--override-calendar" in refused.out
    assert "Filing deadline 2026-12-15" in fleet.guiwei("plan", "play.yml", "--at", "2026-12-11").out
    assert "Filing deadline" not in fleet.guiwei("plan", "play.yml", "--at", "2026-12-16").out


def test_a_saved_plan_waits_as_well(fleet: Fleet) -> None:
    fleet.now("2026-12-10T12:00")
    assert fleet.guiwei("plan", "play.yml", "-o", "saved.json").code == 3
    fleet.now("2026-12-11T12:00")
    assert codes(applied(fleet, 4)) == ["calendar-closed"]
    fleet.now("2026-12-16T12:00")
    assert statuses(applied(fleet, 0)) == {"pc1": "changed"}


def applied(fleet: Fleet, code: int) -> Any:
    done = fleet._run("apply", "saved.json", "--yes", "--json")
    assert done.code == code, (done.out, done.err)
    return json.loads(done.out)


def test_an_upgrade_waits_and_a_parameter_does_not(bench: Bench, run: Run) -> None:
    shop = open_shop(bench, run)
    bench.environ.setattr(_clock, "instant", lambda: read_instant("2026-12-15"))
    before = shop.snapshot()
    shop.play({"software": {"version": "3.0.0"}})
    assert codes(shop.apply(code=4)) == ["calendar-closed"]
    assert shop.snapshot() == before
    assert not shop.backups()
    shop.play({"parameters": {"timeout": 77}})
    shop.apply()
    assert shop.settings("超时") == "77"
    # A backup is what one wants just then.
    found, document = shop.json("backup", "play.yml")
    assert (found, len(shop.backups())) == (0, 1), document
