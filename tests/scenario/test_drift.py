"""Who moved: every difference is labelled by what the last apply left, what the playbook wants and what is there."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from lantai_support import steps_of, valid
from scenario_bench import INVENTORY, Bench
from scenario_cases import APPLY, Run

FILE = 'file: {path: /etc/app.conf, content: "%s", mode: "%s"}'
INI = "ini: {path: /etc/client.ini, section: 网络, option: 超时, value: '%s', encoding: gbk}"
PLAN = ("plan", *APPLY[1:4], "--json")


class PC:
    """One PC, and the labels that a plan gives for a playbook of some tasks."""

    def __init__(self, bench: Bench, run: Run) -> None:
        self.etc = bench.root / "etc"
        self._bench = bench
        self._run = run

    def playbook(self, *tasks: str) -> None:
        text = "- hosts: all\n  tasks:\n" + "".join(f"    - {task}\n" for task in tasks)
        self._bench.write({"inventory.yml": INVENTORY, "playbook.yml": text})

    def apply(self, *tasks: str, code: int = 0) -> Any:
        """Write the playbook, if one is given, and apply it."""
        if tasks:
            self.playbook(*tasks)
        result = self._run(*APPLY, "--json")
        assert result.code == code, result
        return json.loads(result.out)

    def causes(self, *tasks: str) -> dict[str, str]:
        """Return field → cause of what a plan for this playbook would change."""
        if tasks:
            self.playbook(*tasks)
        result = self._run(*PLAN)
        assert result.code in (0, 3), result
        steps = steps_of(valid("plan", json.loads(result.out)))
        return {change["field"]: change["cause"] for step in steps for change in step["changes"]}

    def guiwei(self, *argv: str) -> None:
        result = self._run(*argv)
        assert result.code == 0, result


@pytest.fixture
def pc(bench: Bench, run: Run) -> PC:
    return PC(bench, run)


def test_what_was_never_applied_is_new(pc: PC) -> None:
    (pc.etc / "app.conf").write_text("by hand")
    os.chmod(pc.etc / "app.conf", 0o600)
    assert pc.causes(FILE % ("a", "0644")) == {"content": "new", "mode": "new"}


def test_the_pc_moved(pc: PC) -> None:
    pc.apply(FILE % ("a", "0644"), INI % "30")
    assert pc.causes() == {}
    (pc.etc / "app.conf").write_text("by hand")
    assert pc.causes() == {"content": "drift"}
    os.chmod(pc.etc / "app.conf", 0o600)
    assert pc.causes() == {"content": "drift", "mode": "drift"}
    text = (pc.etc / "client.ini").read_bytes()
    (pc.etc / "client.ini").write_bytes(text.replace(b"=30", b"=45"))
    assert pc.causes() == {"content": "drift", "mode": "drift", "value": "drift"}


def test_the_playbook_moved(pc: PC) -> None:
    pc.apply(FILE % ("a", "0644"), INI % "30")
    assert pc.causes(FILE % ("b", "0600"), INI % "60") == {
        "content": "intended",
        "mode": "intended",
        "value": "intended",
    }


def test_both_moved(pc: PC) -> None:
    pc.apply(FILE % ("a", "0644"), INI % "30")
    (pc.etc / "app.conf").write_text("by hand")
    assert pc.causes(FILE % ("b", "0600"), INI % "30") == {"content": "both", "mode": "intended"}


def test_labels_follow_every_apply_whether_it_had_anything_to_do_or_not(pc: PC) -> None:
    pc.apply(FILE % ("a", "0644"))
    pc.apply(FILE % ("b", "0644"))
    assert pc.causes(FILE % ("a", "0644")) == {"content": "intended"}
    (pc.etc / "app.conf").write_text("c")
    # The PC has by hand what the playbook says now: nothing to do, and that is what is applied from then on.
    pc.apply(FILE % ("c", "0644"))
    assert pc.causes(FILE % ("d", "0644")) == {"content": "intended"}
    (pc.etc / "app.conf").write_text("e")
    assert pc.causes(FILE % ("c", "0644")) == {"content": "drift"}


def test_line_ends_are_no_move(pc: PC) -> None:
    """What is remembered is what was written, not how the playbook spelled it."""
    task = 'file: {path: /etc/app.conf, content: "%s\\n", newline: crlf}'
    pc.apply(task % "a")
    assert (pc.etc / "app.conf").read_bytes() == b"a\r\n"
    assert pc.causes(task % "b") == {"content": "intended"}
    (pc.etc / "app.conf").write_text("by hand\r\n", newline="")
    assert pc.causes(task % "a") == {"content": "drift"}


def test_a_thing_that_somebody_removed_has_drifted(pc: PC) -> None:
    pc.apply(FILE % ("a", "0644"), INI % "30")
    (pc.etc / "app.conf").unlink()
    assert pc.causes() == {"state": "drift", "content": "drift", "mode": "drift"}


def test_a_thing_that_somebody_brought_back_has_drifted(pc: PC) -> None:
    task = "file: {path: /etc/motd, state: absent}"
    assert pc.causes(task) == {"state": "new"}
    pc.apply(task)
    (pc.etc / "motd").write_text("again")
    assert pc.causes() == {"state": "drift"}


def test_a_thing_that_the_playbook_no_longer_wants_is_intended(pc: PC) -> None:
    pc.apply("file: {path: /etc/motd, content: new}")
    assert pc.causes("file: {path: /etc/motd, state: absent}") == {"state": "intended"}
    pc.apply()
    assert pc.causes("file: {path: /etc/motd, content: new}")["state"] == "intended"


def test_each_field_has_its_own_story(pc: PC) -> None:
    """A field that is named for the first time is new, whatever became of the others."""
    pc.apply("file: {path: /etc/app.conf, content: a}")
    os.chmod(pc.etc / "app.conf", 0o600)
    (pc.etc / "app.conf").write_text("b")
    assert pc.causes(FILE % ("a", "0644")) == {"content": "drift", "mode": "new"}


def test_a_run_that_failed_has_applied_nothing(pc: PC) -> None:
    broken = "command: {argv: [/bin/false], creates: /etc/never}"
    pc.apply(FILE % ("a", "0644"), broken, code=5)
    (pc.etc / "app.conf").write_text("by hand")
    assert pc.causes(FILE % ("a", "0644")) == {"content": "new"}


def test_what_was_taken_back_is_new_again(pc: PC) -> None:
    run = pc.apply(FILE % ("a", "0644"))["run"]
    pc.guiwei("rollback", run, "-i", "inventory.yml")
    assert not (pc.etc / "app.conf").exists()
    assert set(pc.causes().values()) == {"new"}


def test_what_a_person_reads_names_it_too(pc: PC, run: Run) -> None:
    pc.apply(FILE % ("a", "0644"))
    (pc.etc / "app.conf").write_text("by hand")
    pc.playbook(FILE % ("a", "0600"))
    for lang, words in (("en", ("drift", "intended")), ("zh", ("漂移", "剧本已改"))):
        out = run(*PLAN[:-1], lang=lang).out
        assert all(word in out for word in words), out
