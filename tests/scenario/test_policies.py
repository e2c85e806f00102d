"""Policies: on their day and not before, everywhere they are for, and never against each other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lantai_support import codes, errors_in, statuses, steps_of, valid
from scenario_bench import Bench
from scenario_cases import Run
from timely import Fleet

from guiwei.invoicing.policies import read_instant

PLAY = """\
- hosts: all
  vars: {address: old, rate: 3%, folder: /etc}
  policies:
    - name: the server moves
      reason: Notice 12
      effective_from: 2027-01-01T08:00
      vars: {address: new}
    - name: reduced rate
      reason: Notice 20
      effective_from: 2026-12-01
      effective_until: 2026-12-31
      vars: {rate: 1%}
  tasks:
    - file: {path: /etc/client.txt, content: "{{ address }} {{ rate }}\\n"}
    - file: {path: /etc/other.txt, content: "always\\n"}
"""


def content(plan: Any, host: str = "pc1") -> str | None:
    """What a plan wants of the file, None if it is as it should be."""
    steps = [step for step in steps_of(plan, host) if "client.txt" in step["id"]]
    return str(steps[0]["state"]["content"]) if steps else None


@pytest.fixture
def fleet(bench: Bench, run: Run) -> Fleet:
    made = Fleet(bench, run, "pc1", "pc2")
    made.play(PLAY)
    made.now("2026-11-30T10:00")
    return made


@pytest.mark.parametrize(
    ("at", "wanted"),
    [
        ("2026-11-30", "old 3%\n"),
        ("2026-11-30T23:59", "old 3%\n"),
        ("2026-12-01", "old 1%\n"),
        ("2026-12-31T23:59:59", "old 1%\n"),
        ("2027-01-01", "old 3%\n"),
        ("2027-01-01T07:59", "old 3%\n"),
        ("2027-01-01T08:00", "new 3%\n"),
        ("2027-01-01T00:00Z", "new 3%\n"),
        ("2026-12-31T23:59Z", "old 3%\n"),
        ("2030-01-01", "new 3%\n"),
    ],
)
def test_the_fleet_as_it_must_be_then(fleet: Fleet, at: str, wanted: str) -> None:
    plan = valid("plan", fleet.plan(3, "--at", at))
    assert (content(plan), content(plan, "pc2")) == (wanted, wanted)
    assert fleet.read("etc/client.txt") is None


@pytest.mark.parametrize(
    ("now", "wanted"), [("2027-01-01T07:59", "old 3%\n"), ("2027-01-01T08:00", "new 3%\n")]
)  # fmt: skip
def test_without_at_the_controllers_clock_decides(fleet: Fleet, now: str, wanted: str) -> None:
    fleet.now(now)
    fleet.apply()
    assert (fleet.read("etc/client.txt"), fleet.read("etc/client.txt", "pc2")) == (wanted, wanted)
    fleet.plan(0)


def test_the_change_happens_on_the_day_and_a_host_that_was_off_gets_it_when_it_is_back(fleet: Fleet) -> None:
    fleet.apply()
    fleet.now("2026-12-31T23:59")
    fleet.apply()
    assert (fleet.read("etc/client.txt"), fleet.read("etc/client.txt", "pc2")) == ("old 1%\n", "old 1%\n")
    # The minute before: nothing to do. On the day one PC is off.
    fleet.plan(0)
    fleet.off("pc2")
    fleet.now("2027-01-01T08:00")
    done = fleet.apply(5)
    assert statuses(done) == {"pc1": "changed", "pc2": "unreachable"}
    assert (fleet.read("etc/client.txt"), fleet.read("etc/client.txt", "pc2")) == ("new 3%\n", "old 1%\n")
    # Weeks later it is on again: its next run brings both changes, the other PC needs nothing.
    fleet.now("2027-02-20T09:00")
    fleet.on("pc2")
    assert statuses(fleet.apply()) == {"pc1": "unchanged", "pc2": "changed"}
    assert fleet.read("etc/client.txt", "pc2") == "new 3%\n"
    fleet.plan(0)


def test_a_host_that_was_off_over_a_whole_policy_never_has_it(fleet: Fleet) -> None:
    """The reduced rate came and went while the PC was off: it gets what holds when it is back, not each step."""
    fleet.apply()
    fleet.off("pc2")
    fleet.now("2026-12-15T09:00")
    assert statuses(fleet.apply(5)) == {"pc1": "changed", "pc2": "unreachable"}
    fleet.on("pc2")
    fleet.now("2027-01-01T07:00")
    assert statuses(fleet.apply()) == {"pc1": "changed", "pc2": "unchanged"}
    assert (fleet.read("etc/client.txt"), fleet.read("etc/client.txt", "pc2")) == ("old 3%\n", "old 3%\n")


@pytest.mark.parametrize(
    ("at", "status", "code"), [("2027-01-01T07:59", "unchanged", 0), ("2027-01-01T08:00", "refused", 4)]
)
def test_verify_looks_ahead_too(fleet: Fleet, at: str, status: str, code: int) -> None:
    """The server of 2027 does not answer yet."""
    reached = "    - name: its server\n      tcp: {host: 127.0.0.1, port: 9, open: '{{ address == \"new\" }}'}\n"
    fleet.play(PLAY + reached)
    document = valid("run", fleet.json(code, "verify", "play.yml", "--at", at))
    assert statuses(document) == {"pc1": status, "pc2": status}
    assert codes(document) == ([] if code == 0 else ["probe-unmet"])


def test_nothing_is_applied_ahead(fleet: Fleet) -> None:
    done = fleet.guiwei("apply", "play.yml", "--yes", "--at", "2027-01-01T08:00", "--json")
    assert (done.code, codes(json.loads(done.out))) == (4, ["at-not-now"])
    assert fleet.read("etc/client.txt") is None
    # Nor from a saved plan, until the day has come; then it is what holds.
    saved = fleet.guiwei("plan", "play.yml", "--at", "2027-01-01T08:00", "-o", "ahead.json")
    assert saved.code == 3
    assert codes(apply_saved(fleet, 4)) == ["at-not-now"]
    assert fleet.read("etc/client.txt") is None
    fleet.now("2027-01-01T08:00")
    apply_saved(fleet, 0)
    assert fleet.read("etc/client.txt") == "new 3%\n"


def apply_saved(fleet: Fleet, code: int) -> Any:
    done = fleet._run("apply", "ahead.json", "--yes", "--json")
    assert done.code == code, (done.out, done.err)
    return json.loads(done.out)


def test_a_plan_of_yesterday_is_stale_today(fleet: Fleet) -> None:
    """What was planned before a policy's day is not applied after it."""
    fleet.now("2027-01-01T07:59")
    assert fleet.guiwei("plan", "play.yml", "-o", "ahead.json").code == 3
    fleet.now("2027-01-01T08:00")
    assert codes(apply_saved(fleet, 4)) == ["plan-inputs-changed"]
    assert fleet.read("etc/client.txt") is None


def test_a_value_names_the_policy_that_decides_it(fleet: Fleet) -> None:
    plan = fleet.plan(3, "--at", "2027-01-01T08:00")
    first, second = steps_of(plan)
    (change,) = [each for each in first["changes"] if each["field"] == "content"]
    assert (change["origin"], change["policy"]) == ("policy", "the server moves")
    assert (Path(change["place"]["file"]).name, change["place"]["line"]) == ("play.yml", 7)
    assert {each["policy"] for each in second["changes"]} == {None}
    told = {each["name"]: (each["in_force"], each["from"], each["until"]) for each in plan["policies"]}
    assert told == {"the server moves": (True, "2027-01-01 08:00", None)}
    assert plan["at"] == "2027-01-01 08:00"
    shown = fleet.guiwei("plan", "play.yml", "--at", "2026-12-31").out
    assert "policy reduced rate play.yml:12" in shown
    assert "Policy: reduced rate, since 2026-12-01, until 2026-12-31" in shown
    assert "Policy to come: the server moves, from 2027-01-01 08:00" in shown
    assert "Notice 20" in shown
    assert "Notice 12" not in shown
    assert "策略 reduced rate" in fleet.guiwei("plan", "play.yml", "--at", "2026-12-31", lang="zh").out


def test_e_wins_and_then_no_policy_decides(fleet: Fleet) -> None:
    plan = fleet.plan(3, "--at", "2027-01-01T08:00", "-e", "address=mine")
    assert content(plan) == "mine 3%\n"
    assert {each["policy"] for each in steps_of(plan)[0]["changes"]} == {None}


def test_the_reason_is_recorded(fleet: Fleet) -> None:
    fleet.now("2026-12-10T10:00")
    done = fleet.apply()
    assert done["reason"] == "Notice 20"
    shown = fleet._run("runs", done["run"], "--json")
    assert json.loads(shown.out)["reason"] == "Notice 20"


TWO = """\
- hosts: all
  vars: {address: old}
  policies:
    - name: first
      effective_from: %s
      effective_until: %s
      %s
    - name: second
      effective_from: %s
      %s
  tasks:
    - file: {path: /etc/client.txt, content: "{{ address }}\\n"}
"""


@pytest.mark.parametrize("command", [("check", "play.yml"), ("plan", "play.yml"), ("apply", "play.yml", "--yes")])
def test_a_contradiction_of_next_year_is_an_error_today(fleet: Fleet, command: tuple[str, ...]) -> None:
    fleet.play(TWO % ("2027-01-01", "2027-06-30", "vars: {address: a}", "2027-06-30", "vars: {address: b}"))
    error = errors_in(fleet.json(2, *command))[0]
    assert error["code"] == "policy-contradiction"
    assert error["args"]["leaf"] == "vars.address"
    assert error["args"]["begins"] == "2027-06-30"
    assert (error["place"]["line"], error["args"]["first"].rsplit(":", 2)[1]) == (10, "7")
    assert fleet.read("etc/client.txt") is None


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [
        # One ends on the day before the other begins.
        (("2027-01-01", "2027-06-29", "vars: {address: a}"), ("2027-06-30", "vars: {address: b}"), 3),
        # They say the same.
        (("2027-01-01", "2027-12-31", "vars: {address: a}"), ("2027-06-30", "vars: {address: a}"), 3),
        # They are for other hosts, or under conditions that no host meets together.
        (("2027-01-01", "2027-12-31", "hosts: pc1\n      vars: {address: a}"),
         ("2027-06-30", "hosts: pc2\n      vars: {address: b}"), 3),
        (("2027-01-01", "2027-12-31", "when: inventory_hostname == 'pc1'\n      vars: {address: a}"),
         ("2027-06-30", "when: inventory_hostname != 'pc1'\n      vars: {address: b}"), 3),
        # A pattern and a condition meet on one host.
        (("2027-01-01", "2027-12-31", "hosts: pc1\n      vars: {address: a}"),
         ("2027-06-30", "when: inventory_hostname == 'pc1'\n      vars: {address: b}"), 2),
    ],
    ids=["one-after-the-other", "the-same", "other-hosts", "other-conditions", "one-host"],
)  # fmt: skip
def test_two_policies(fleet: Fleet, first: tuple[str, ...], second: tuple[str, ...], code: int) -> None:
    fleet.play(TWO % (*first, *second))
    document = fleet.plan(code)
    assert codes(document) == (["policy-contradiction"] if code == 2 else [])


def test_each_host_has_the_policies_that_are_for_it(fleet: Fleet) -> None:
    fleet.groups = {"zhejiang": ["pc1"], "jiangsu": ["pc2"]}
    fleet.hosts["pc1"]["city"] = "hangzhou"
    fleet.hosts["pc2"]["city"] = "suzhou"
    fleet.play(
        TWO % ("2027-01-01", "2027-12-31", "hosts: zhejiang\n      vars: {address: a}",
               "2027-01-01", "when: city == 'suzhou'\n      vars: {address: b}")
    )  # fmt: skip
    plan = fleet.plan(3, "--at", "2027-01-01")
    assert (content(plan), content(plan, "pc2")) == ("a\n", "b\n")


def test_policies_of_a_file(fleet: Fleet) -> None:
    text = "policies:\n  - name: from a file\n    effective_from: 2027-01-01\n    vars: {address: file}\n"
    fleet.play(text, "policies/2027.yml")
    more = PLAY.replace("  tasks:\n", "  policy_files: [policies/2027.yml]\n  tasks:\n")
    fleet.play(more)
    assert codes(fleet.plan(2)) == ["policy-contradiction"]
    fleet.play(more.replace("address: new", "unused: 1"))
    plan = fleet.plan(3, "--at", "2027-01-01")
    assert content(plan) == "file 3%\n"
    place = steps_of(plan)[0]["changes"][-1]["place"]
    assert (Path(place["file"]).name, place["line"]) == ("2027.yml", 4)
    assert fleet.guiwei("check", "policies/2027.yml").code == 0
    fleet.play(text.replace("vars:", "vasr:"), "policies/2027.yml")
    document = fleet.json(2, "check", "policies/2027.yml")
    assert codes(document) == ["policy-changes-nothing", "policy-unknown-word"]


@pytest.mark.parametrize(
    ("policy", "code", "line"),
    [
        ("{effective_from: 2027-01-01, vars: {a: 1}}", "policy-no-name", 3),
        ("{name: a, vars: {a: 1}}", "policy-no-start", 3),
        ("{name: a, effective_from: soon, vars: {a: 1}}", "instant", 3),
        ("{name: a, effective_from: 2027-01-02, effective_until: 2027-01-01, vars: {a: 1}}", "policy-ends-before", 3),
        ("{name: a, effective_from: 2027-01-01}", "policy-changes-nothing", 3),
        ("{name: a, effective_from: 2027-01-01, state: {disk: {}}}", "state-without-product", 3),
        ("{name: a, effective_from: 2027-01-01, tasks: []}", "policy-unknown-word", 3),
        ("{name: a, effective_from: 2027-01-01, vars: {facts: 1}}", "variable-reserved", 3),
        ("{name: a, effective_from: 2027-01-01, vars: {a: '{{ b'}}", "template-syntax", 3),
        ("{name: a, effective_from: 2027-01-01, when: '{{ a }}', vars: {a: 1}}", "when-braces", 3),
        ("{name: a, effective_from: 2027-01-01, when: facts.system == 'linux', vars: {a: 1}}", "policy-when-late", 3),
        ("{name: a, effective_from: 2027-01-01, when: nothing, vars: {a: 1}}", "template-undefined", 3),
        ("{name: a, effective_from: 2027-01-01, hosts: nowhere, vars: {a: 1}}", "pattern-no-host", 3),
        ("a", "policy-not-mapping", 3),
    ],
)  # fmt: skip
def test_a_wrong_policy_is_named_with_its_place(fleet: Fleet, policy: str, code: str, line: int) -> None:
    fleet.play(f"- hosts: all\n  policies:\n    - {policy}\n  tasks: []\n")
    errors = errors_in(fleet.json(2, "check", "play.yml"))
    assert code in [error["code"] for error in errors]
    assert {error["place"]["line"] for error in errors} == {line}


def test_a_wrong_instant_on_the_command_line(fleet: Fleet) -> None:
    assert codes(fleet.plan(2, "--at", "tomorrow")) == ["instant"]


# Whatever policies there are


DAYS = st.integers(1, 28)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xy"), DAYS, st.none() | DAYS), max_size=4),
    DAYS,
    st.sampled_from(["T00:00", "T00:01", "T23:59"]),
)
def test_any_policies_hold_exactly_on_their_days(
    fleet: Fleet, rules: list[tuple[str, str, int, int | None]], day: int, time: str
) -> None:
    """The plan of an instant is what a look at each day by itself says, or a contradiction that such a look finds."""
    rules = [(name, value, start, end) for name, value, start, end in rules if end is None or end >= start]
    policies = [
        {"name": f"{n}", "effective_from": f"2027-01-{start:02}", "vars": {name: value},
         **({} if end is None else {"effective_until": f"2027-01-{end:02}"})}
        for n, (name, value, start, end) in enumerate(rules)
    ]  # fmt: skip
    play = {"hosts": "pc1", "vars": {"a": "-", "b": "-"}, "policies": policies,
            "tasks": [{"file": {"path": "/etc/client.txt", "content": "{{ a }}{{ b }}"}}]}  # fmt: skip
    fleet.play(json.dumps([play]))
    on = {
        each: {(name, value) for name, value, start, end in rules if start <= each <= (end or 31)}
        for each in range(1, 32)
    }
    clash = any(len(found) != len({name for name, _ in found}) for found in on.values())
    document = fleet.plan(2 if clash else 3, "--at", f"2027-01-{day:02}{time}")
    if clash:
        assert codes(document) == ["policy-contradiction"]
        assert read_instant(errors_in(document)[0]["args"]["begins"]) >= read_instant("2027-01-01")
    else:
        held = dict(on[day])
        assert content(document) == held.get("a", "-") + held.get("b", "-")
