"""The gates: each refuses exactly what it is for, and names it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guiwei.engine.planfile import load_plan, save_plan
from guiwei.errors import Place
from guiwei.model.plan import HostPlan, InstancePlan, Mismatch, Plan, Stage, Step
from guiwei.safety.gates import missing_backup, staleness, wrong_identity
from guiwei.target.secret import Secret

KEY = "a1" * 32
PLACE = Place("play.yml", 9, 3)


def step(name: str, module: str = "file", **more: Any) -> Step:
    more.setdefault("state", {"content": "new"})
    more.setdefault("guards", {"content": "old"})
    return Step(name, name.split("@", maxsplit=1)[0], module, name, {"path": "/a"}, place=PLACE, **more)


def host(*stages: tuple[Step, ...], desired: tuple[str, ...] = ()) -> HostPlan:
    numbered = tuple(Stage(number, "converge", steps) for number, steps in enumerate(stages, 1))
    return HostPlan("pc1", "differs", numbered, desired={name: {} for name in desired})


# Identity


def test_the_device_and_the_playbook_agree() -> None:
    assert wrong_identity(HostPlan("pc1", "differs", instances=(InstancePlan("a", "differs"),))) is None


@pytest.mark.parametrize("kind", ["device", "asserted"])
def test_a_mismatch_names_both_sides(kind: str) -> None:
    wrong = Mismatch("parameters.limit", "99999.99", "9999.99", kind, PLACE)
    plan = HostPlan(
        "pc1", "refused", instances=(InstancePlan("a", "unchanged"), InstancePlan("b", "refused", mismatches=(wrong,)))
    )
    refusal = wrong_identity(plan)
    assert refusal is not None
    assert (refusal.code, refusal.place, refusal.exit_code) == ("identity-mismatch", PLACE, 4)
    told = {"instance": "b", "field": "parameters.limit", "wanted": "99999.99", "found": "9999.99"}
    assert refusal.arguments == told


# Backup


@given(st.lists(st.lists(st.sampled_from(["backup", "package", "free", "file"]), max_size=4), max_size=3), st.data())
def test_no_program_is_replaced_without_the_backup_of_its_stage(kinds: list[list[str]], data: st.DataObject) -> None:
    stages, expected = [], False
    for number, names in enumerate(kinds):
        steps: list[Step] = []
        for place, kind in enumerate(names):
            before = [each.id for each in steps if each.module == "backup"]
            if kind == "package":
                needed = data.draw(st.sampled_from([None, "elsewhere", *before]))
                expected = expected or needed not in before
                steps.append(step(f"{kind}{number}.{place}", "package", risk="data", requires=needed))
            elif kind == "free":
                # A package that a task installs holds no data of a client.
                steps.append(step(f"{kind}{number}.{place}", "package"))
            else:
                steps.append(step(f"{kind}{number}.{place}", kind))
        stages.append(tuple(steps))
    refusal = missing_backup(host(*stages))
    assert (refusal is not None) == expected
    if refusal is not None:
        assert (refusal.code, refusal.exit_code) == ("backup-not-planned", 4)


# Saved plans

VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=4)
ITEMS = VALUES | st.lists(VALUES, max_size=2) | st.builds(Secret, st.text(min_size=1))
STATES = st.dictionaries(st.sampled_from("abcd"), ITEMS, min_size=1)


@given(STATES, STATES)
def test_only_the_same_wish_is_applied(tmp_path_factory: pytest.TempPathFactory, one: Any, other: Any) -> None:
    path = tmp_path_factory.mktemp("plan") / "plan.json"
    save_plan(Plan("run", "play.yml", "now", (host((step("x", state=one),)),), KEY), path)
    saved = load_plan(path).hosts[0]
    assert staleness(saved, host((step("x", state=one),)), KEY) is None
    refusal = staleness(saved, host((step("x", state=other),)), KEY)
    assert (refusal is None) == (one == other)
    if refusal is not None:
        assert (refusal.code, refusal.place, refusal.exit_code) == ("plan-inputs-changed", PLACE, 4)


@given(STATES, STATES)
def test_only_guards_make_a_plan_stale(tmp_path_factory: pytest.TempPathFactory, seen: Any, found: Any) -> None:
    path = tmp_path_factory.mktemp("plan") / "plan.json"
    save_plan(Plan("run", "play.yml", "now", (host((step("x", guards=seen),)),), KEY), path)
    saved = load_plan(path).hosts[0]
    refusal = staleness(saved, host((step("x", guards=found), step("y"))), KEY)
    assert (refusal is None) == (seen == found)
    if refusal is not None:
        assert (refusal.code, refusal.arguments["fields"]) == ("plan-stale", sorted(seen))


def test_another_key_opens_nothing(tmp_path: Any) -> None:
    save_plan(Plan("run", "play.yml", "now", (host((step("x", state={"a": Secret("s")}),)),), KEY), tmp_path / "p")
    saved = load_plan(tmp_path / "p").hosts[0]
    assert staleness(saved, host((step("x", state={"a": Secret("s")}),)), "b2" * 32) is not None


def test_a_step_that_is_no_longer_needed_is_fine() -> None:
    saved = host((step("x"),))
    assert staleness(saved, host(desired=("x",)), KEY) is None
    refusal = staleness(saved, host(), KEY)
    assert refusal is not None
    assert refusal.code == "plan-inputs-changed"


def test_what_only_follows_from_another_step_may_go_with_it() -> None:
    saved = host((step("backup@1", "backup", origin="guiwei"), step("activation@1!", origin="product", known_after=1)))
    assert staleness(saved, host(), KEY) is None


def test_a_client_that_has_been_started_since_is_not_worked_on_as_if_it_stood_still() -> None:
    """The saved plan has no step that stops it: backup and program would be changed under the clerk's hands."""
    work = (step("backup@1", "backup", origin="guiwei", guards=None), step("package@1", "package"))
    stop = step("service@stop@1", "service", origin="guiwei", state={"running": False})
    refusal = staleness(host(work), host((stop, *work)), KEY)
    assert refusal is not None
    assert (refusal.code, refusal.exit_code) == ("plan-stale", 4)
    # The other way round there is merely nothing to stop.
    assert staleness(host((stop, *work)), host(work), KEY) is None


def test_a_restart_that_another_change_would_need_is_not_missed() -> None:
    restart = step("service@restart@1", "service", origin="guiwei", guards=None, when_changed=("y",))
    assert staleness(host((step("x"),)), host((step("x"), step("y"), restart)), KEY) is None


def test_a_host_that_needs_nothing_any_more_is_never_stale() -> None:
    saved = host((step("x"), step("stop", "service", origin="guiwei")))
    assert staleness(saved, replace(host(desired=("x",)), status="unchanged"), KEY) is None


def test_the_data_live_on_until_they_are_backed_up() -> None:
    """A backup's note has the ledger of the moment: invoices that are issued meanwhile do not undo an approval."""
    one, other = (
        replace(
            step("backup@1", "backup", origin="guiwei"),
            reading={"label": "a", "paths": ["/d"], "note": {"ledger": rows}},
        )
        for rows in ([1], [2])
    )
    assert staleness(host((one,)), host((other,)), KEY) is None
    elsewhere = replace(other, reading={**other.reading, "paths": ["/e"]})
    assert staleness(host((one,)), host((elsewhere,)), KEY) is not None
