"""What must not happen between two steps of an upgrade: the PC itself looks again before it writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lantai_support import Shop, open_shop
from scenario_bench import Bench
from scenario_cases import Run

from guiwei.cli._options import Selection
from guiwei.cli._project import Project
from guiwei.engine.host import HostRun
from guiwei.engine.steps import wire_step
from guiwei.model.plan import HostPlan, Stage, Step
from guiwei.safety.gates import missing_backup
from guiwei.target.journal import Journal
from guiwei.target.steps import apply_steps
from guiwei.target.system import System
from guiwei.transport.connect import connect
from guiwei.transport.settings import Settings

KEY = "6b" * 32
Result = dict[str, Any]


@pytest.fixture
def shop(bench: Bench, run: Run) -> Shop:
    made = open_shop(bench, run)
    made.play()
    # The command writes the inventory; what it says is not needed here.
    made.guiwei("inventory", "--list")
    return made


def planned(shop: Shop) -> HostPlan:
    """The plan as the engine makes it, for a PC that is really there."""
    selection = Selection((Path("hosts.yml"),), None, (), (), (), (), ())
    (work,) = Project(selection, Path("play.yml")).works
    return HostRun(lambda host: connect(host, Settings()), lambda event: None, "plan", KEY).plan(work)


def carried_out(
    shop: Shop, plan: HostPlan, steps: tuple[Step, ...], meanwhile: Callable[[Result], None] = lambda result: None
) -> list[Result]:
    """Let the PC's part of guiwei carry out steps; `meanwhile` happens after each one's result."""
    results: list[Result] = []

    def report(result: Result) -> None:
        results.append(result)
        meanwhile(result)

    def blob(sha256: str, offset: int) -> Any:
        yield Path(plan.artifacts[sha256]).read_bytes()[offset:]

    state = str(shop.bench.state)
    journal = Journal(state, "run1")
    system = System(shop.root, state, journal, blob)
    request = {"steps": [wire_step(step, KEY) for step in steps], "run": "run1", **plan.observing}
    try:
        apply_steps(system, journal, request, report)
    finally:
        system.close()
        journal.close()
    return results


def told(results: list[Result]) -> list[tuple[str, str]]:
    return [(result["status"], result.get("error", {}).get("code", "")) for result in results]


def test_a_log_line_is_no_such_move(shop: Shop) -> None:
    """A client writes its log as long as it lives: that is nothing that a backup has to hold."""
    plan = planned(shop)
    log = Path(shop.one.folder, "Log", "lantai.log")

    def meanwhile(result: Result) -> None:
        with log.open("ab") as file:
            file.write(b"2026-11-24 ...\r\n")

    results = carried_out(shop, plan, plan.stages[0].steps[:3], meanwhile)
    assert told(results) == [("changed", "")] * 3
    assert shop.versions[0] == "3.0.0"


def test_a_program_needs_the_receipt_of_its_own_backup(shop: Shop) -> None:
    plan = planned(shop)
    backup, _, package = plan.stages[0].steps[:3]
    before = shop.snapshot()
    assert told(carried_out(shop, plan, (package,))) == [("refused", "backup-missing")]
    elsewhere = replace(package, requires="another backup")
    assert told(carried_out(shop, plan, (backup, elsewhere))) == [("changed", ""), ("refused", "backup-missing")]
    assert shop.snapshot() == before


def test_a_program_of_another_version_than_the_plan_saw_is_left(shop: Shop) -> None:
    plan = planned(shop)
    backup, _, package = plan.stages[0].steps[:3]
    before = shop.snapshot()
    other = replace(package, guards={"version": "2.3.0"})
    assert told(carried_out(shop, plan, (backup, other))) == [("changed", ""), ("refused", "plan-stale")]
    assert shop.snapshot() == before


def test_no_step_follows_one_that_was_refused(shop: Shop) -> None:
    plan = planned(shop)
    results = carried_out(shop, plan, plan.stages[0].steps[1:])
    assert len(results) == 1
    assert shop.do("status")["running"] is False


def test_the_gate_sees_a_plan_without_its_backup(shop: Shop) -> None:
    plan = planned(shop)
    assert missing_backup(plan) is None
    for place, stage in enumerate(plan.stages):
        bare = Stage(stage.number, stage.title, tuple(step for step in stage.steps if step.module != "backup"))
        stages = (*plan.stages[:place], bare, *plan.stages[place + 1 :])
        refusal = missing_backup(replace(plan, stages=stages))
        assert refusal is not None
        assert refusal.code == "backup-not-planned"


def test_each_edge_is_gone_by_itself(shop: Shop) -> None:
    """2.4 never becomes 3.1 in one step: Lantai would refuse it, and so would any client whose data migrate."""
    plan = planned(shop)
    assert [stage.versions for stage in plan.stages] == [("2.4.0", "3.0.0"), ("3.0.0", "3.1.0")]
    seconds = [step for step in plan.stages[1].steps if step.module in ("backup", "package")]
    before = shop.snapshot()
    results = carried_out(shop, plan, tuple(seconds))
    assert told(results) == [("changed", ""), ("refused", "plan-stale")]
    assert shop.snapshot() == before
