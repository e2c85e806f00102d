"""Handlers: run once, at the end, when something notified them, and never forgotten because a run broke off."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lantai_support import steps_of
from scenario_bench import INVENTORY, Bench
from scenario_cases import APPLY, Run

PLAYBOOK = """\
- hosts: all
  tasks:
    - file: {path: /etc/app.conf, content: "@CONTENT@"}
      notify: reload
    - file: {path: /etc/more.conf, content: "@MORE@"}
      notify: [reload, report]
    - command: {argv: [/bin/sh, -c, "@COMMAND@"], creates: /etc/worked}
  handlers:
    - name: report
      command: {argv: [/bin/sh, -c, "echo report >> @ROOT@/etc/ran"]}
    - name: reload
      command: {argv: [/bin/sh, -c, "echo reload >> @ROOT@/etc/ran; @RELOAD@"]}
"""
PLAN = ("plan", *APPLY[1:4])


class Handlers:
    """A PC whose two files notify two handlers, and a step after them that can fail."""

    def __init__(self, bench: Bench, run: Run) -> None:
        self.bench = bench
        self._run = run
        self.known = {"CONTENT": "a", "MORE": "b", "COMMAND": "touch @ROOT@/etc/worked", "RELOAD": "exit 0"}

    def call(self, code: int, *argv: str, **known: str) -> Any:
        """Run one command with the playbook as it is now and return its document."""
        self.known.update(known)
        text = PLAYBOOK
        for name, value in self.known.items():
            text = text.replace(f"@{name}@", value)
        self.bench.write({"inventory.yml": INVENTORY, "playbook.yml": text})
        result = self._run(*argv, "--json")
        assert result.code == code, result
        return json.loads(result.out)

    @property
    def ran(self) -> list[str]:
        """The handlers that have run, in order."""
        path = self.bench.root / "etc" / "ran"
        return path.read_text().split() if path.exists() else []

    def planned(self) -> list[str]:
        """The handlers that a plan names."""
        document = json.loads(self._run(*PLAN, "--json").out)
        return [step["handler"] for step in steps_of(document) if step["handler"]]


@pytest.fixture
def handlers(bench: Bench, run: Run) -> Handlers:
    return Handlers(bench, run)


def test_each_runs_once_in_the_order_of_the_play(handlers: Handlers) -> None:
    handlers.call(0, *APPLY)
    assert handlers.ran == ["report", "reload"]
    handlers.call(0, *PLAN)
    handlers.call(0, *APPLY)
    assert handlers.ran == ["report", "reload"]


def test_only_what_was_notified_runs(handlers: Handlers) -> None:
    handlers.call(0, *APPLY)
    handlers.call(0, *APPLY, CONTENT="c")
    assert handlers.ran == ["report", "reload", "reload"]


def test_a_plan_says_what_may_run_and_why(handlers: Handlers) -> None:
    steps = steps_of(handlers.call(3, *PLAN))
    ids = [step["id"] for step in steps if step["notify"]]
    found = {step["handler"]: step["when_changed"] for step in steps if step["handler"]}
    assert found == {"reload": ids, "report": ids[1:]}


def test_it_outlives_a_run_that_failed(handlers: Handlers) -> None:
    handlers.call(5, *APPLY, COMMAND="exit 3")
    assert handlers.ran == []
    assert (handlers.bench.state / "handlers").read_text().split() == ["reload", "report"]
    # Nothing but the broken step differs now, and yet the plan names them: they do not depend on any step any more.
    steps = {step["handler"]: step for step in steps_of(handlers.call(3, *PLAN)) if step["handler"]}
    assert {name: step["when_changed"] for name, step in steps.items()} == {"reload": None, "report": None}
    assert handlers.ran == []
    handlers.call(5, *APPLY)
    assert handlers.ran == []
    document = handlers.call(0, *APPLY, COMMAND="touch @ROOT@/etc/worked")
    assert handlers.ran == ["report", "reload"]
    assert [step["status"] for step in steps_of(document)] == ["changed"] * 3
    assert handlers.planned() == []
    handlers.call(0, *PLAN)


def test_it_runs_though_nothing_else_changes(handlers: Handlers) -> None:
    handlers.call(5, *APPLY, COMMAND="touch @ROOT@/etc/worked; exit 3")
    assert (handlers.bench.root / "etc" / "worked").exists()
    document = handlers.call(0, *APPLY)
    assert [step["name"] for step in steps_of(document)] == ["report", "reload"]
    assert handlers.ran == ["report", "reload"]
    handlers.call(0, *PLAN)


def test_one_that_looks_for_itself_looks_when_it_is_its_turn(handlers: Handlers) -> None:
    """Its file is as it should be when the run is planned, and no longer when its turn comes."""
    text = PLAYBOOK.replace('command: {argv: [/bin/sh, -c, "echo report >> @ROOT@/etc/ran"]}',
                            "file: {path: /etc/reported, content: once}")  # fmt: skip
    (handlers.bench.root / "etc" / "reported").write_text("once")
    handlers.bench.environ.setattr("test_handlers.PLAYBOOK", text)
    handlers.call(0, *APPLY, COMMAND="rm @ROOT@/etc/reported; touch @ROOT@/etc/worked")
    assert (handlers.bench.root / "etc" / "reported").read_text() == "once"


def test_one_that_fails_is_made_up_for(handlers: Handlers) -> None:
    handlers.call(5, *APPLY, RELOAD="exit 7")
    assert handlers.ran == ["report", "reload"]
    assert handlers.planned() == ["reload"]
    handlers.call(0, *APPLY, RELOAD="exit 0")
    assert handlers.ran == ["report", "reload", "reload"]
    handlers.call(0, *PLAN)


def test_one_with_nothing_to_do_is_done(handlers: Handlers) -> None:
    """A handler that is already as it should be must not wait on the PC for a later day."""
    text = PLAYBOOK.replace('command: {argv: [/bin/sh, -c, "echo report >> @ROOT@/etc/ran"]}',
                            "file: {path: /etc/reported, content: once}")  # fmt: skip
    (handlers.bench.root / "etc" / "reported").write_text("once")
    handlers.bench.environ.setattr("test_handlers.PLAYBOOK", text)
    handlers.call(0, *APPLY)
    (handlers.bench.root / "etc" / "reported").write_text("by hand")
    assert handlers.planned() == []
    handlers.call(0, *PLAN)


def test_what_is_owed_is_made_up_for_whatever_the_next_run_is_about(handlers: Handlers) -> None:
    handlers.call(5, *APPLY, COMMAND="exit 3")
    handlers.call(0, *APPLY, "--tags", "nothing-has-this")
    assert handlers.ran == ["report", "reload"]
    assert handlers.planned() == []
