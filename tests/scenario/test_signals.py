"""Ctrl-C: the PC's step ends as it would have, everything is on record, and the next run goes on."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from lantai_support import open_shop
from scenario_bench import INVENTORY, Bench
from scenario_cases import Run

from guiwei.model.inventory import Host
from guiwei.report.output_schemas import output_schemas
from guiwei.target.journal import journal_entries
from guiwei.transport.connect import connect
from guiwei.transport.settings import Settings

#: A step before, one that takes its time, two after.
PLAYBOOK = """\
- hosts: all
  tasks:
    - file: {path: /etc/first, content: first}
    - command:
        argv: [/bin/sh, -c, "touch @ROOT@/etc/begun; sleep SECONDS; touch @ROOT@/etc/ended"]
        creates: /etc/ended
    - file: {path: /etc/second, content: second}
    - file: {path: /etc/third, content: third}
"""
APPLY = ("apply", "playbook.yml", "-i", "inventory.yml", "--yes")


class Started:
    """guiwei in a process of its own, as a terminal starts it: Ctrl-C goes to its whole process group."""

    def __init__(self, *argv: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "guiwei", *argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        os.killpg(self._process.pid, signal.SIGINT)

    def kill(self) -> None:
        """End it as a power cut does: nothing of it gets to tidy up."""
        self._process.kill()

    def end(self) -> tuple[int, str, str]:
        """Return exit code, standard output and standard error."""
        out, err = self._process.communicate(timeout=60)
        return self._process.returncode, out, err


def wait_for(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.01)


def begin(bench: Bench, seconds: float, *argv: str) -> Started:
    """Start guiwei and return once the slow step has begun."""
    bench.write({"inventory.yml": INVENTORY, "playbook.yml": PLAYBOOK.replace("SECONDS", str(seconds))})
    started = Started(*argv)
    wait_for((bench.root / "etc" / "begun").exists)
    return started


def results(bench: Bench) -> list[str]:
    """Return the statuses of the steps in the PC's only journal."""
    (run,) = bench.journals()
    return [str(entry["status"]) for entry in journal_entries(str(bench.state), run) if entry["op"] == "result"]


def names(bench: Bench) -> set[str]:
    return {path.name for path in (bench.root / "etc").iterdir()} - {"motd", "client.ini"}


def test_the_step_ends_and_the_next_run_goes_on(bench: Bench, run: Run) -> None:
    started = begin(bench, 1, *APPLY)
    started.interrupt()
    code, out, err = started.end()
    assert code == 130
    assert "Traceback" not in out + err
    assert "Ctrl-C" in err
    # It had begun, so it was finished; what came after it, at most one step of it, too.
    assert {"first", "begun", "ended"} <= names(bench)
    assert "third" not in names(bench)
    assert results(bench)[:2] == ["changed", "changed"]
    assert "unknown" in out
    (past,) = json.loads(run("runs", "--json").out)["runs"]
    assert past["finished"]
    assert past["statuses"] == {"unknown": 1}
    result = run(*APPLY)
    assert result.code == 0, result
    assert names(bench) == {"first", "begun", "ended", "second", "third"}


def test_an_interrupted_run_can_be_rolled_back(bench: Bench, run: Run) -> None:
    started = begin(bench, 1, *APPLY)
    started.interrupt()
    assert started.end()[0] == 130
    (past,) = json.loads(run("runs", "--json").out)["runs"]
    wait_for(lambda: "first" in names(bench))
    result = run("rollback", past["id"], "-i", "inventory.yml")
    assert result.code == 0, result
    # A program's effects are not guiwei's to take back, and the plan said so.
    assert names(bench) == {"begun", "ended"}


def test_pressed_twice_it_leaves_at_once(bench: Bench, run: Run) -> None:
    started = begin(bench, 4, *APPLY)
    started.interrupt()
    time.sleep(0.3)
    started.interrupt()
    code, out, err = started.end()
    assert code == 130
    assert "Traceback" not in out + err
    # Nobody waited for the step, and it goes on to its end by itself.
    assert "ended" not in names(bench)
    wait_for(lambda: "ended" in names(bench))
    wait_for(lambda: len(results(bench)) >= 2)
    assert "third" not in names(bench)
    wait_for(lambda: run(*APPLY).code == 0)
    assert {"second", "third"} <= names(bench)


def test_hosts_that_were_not_begun_are_skipped(bench: Bench, run: Run) -> None:
    second = INVENTORY.split("hosts:\n")[1].replace("pc1", "pc2")
    for name in ("@ROOT@", "@STATE@"):
        second = second.replace(name, name + "2")
    Path(f"{bench.root}2", "etc").mkdir(parents=True)
    bench.write({"inventory.yml": INVENTORY + second, "playbook.yml": PLAYBOOK.replace("SECONDS", "1")})
    started = Started(*APPLY, "--forks", "1", "--json")
    wait_for((bench.root / "etc" / "begun").exists)
    started.interrupt()
    code, out, err = started.end()
    assert code == 130
    assert "Traceback" not in err
    document = json.loads(out)
    jsonschema.validate(document, output_schemas()["run"])
    assert {host["host"]: host["status"] for host in document["hosts"]} == {"pc1": "unknown", "pc2": "skipped"}
    assert list(Path(f"{bench.root}2", "etc").iterdir()) == []


def test_a_controller_that_was_killed_leaves_a_run_that_can_be_rolled_back(bench: Bench, run: Run) -> None:
    started = begin(bench, 1, *APPLY)
    started.kill()
    assert started.end()[0] == -signal.SIGKILL
    wait_for(lambda: len(results(bench)) >= 2)
    (past,) = json.loads(run("runs", "--json").out)["runs"]
    assert past["finished"] is None
    assert past["statuses"] == {}
    wait_for(lambda: run("rollback", past["id"], "-i", "inventory.yml").code == 0)
    assert names(bench) == {"begun", "ended"}


BACKUP = """\
- hosts: all
  tasks:
    - backup: {label: client, paths: [/etc], note: {ledger: [{kind: "007", month: 2026-11, count: 1}]}}
"""


def test_the_pc_tells_the_backups_of_one_run(bench: Bench, run: Run) -> None:
    """What a rollback asks where the history has no result: the ledger from before the run's first change."""
    bench.write({"inventory.yml": INVENTORY, "playbook.yml": BACKUP})
    for _ in range(2):
        assert run(*APPLY).code == 0
    runs = [each["id"] for each in json.loads(run("runs", "--json").out)["runs"]]
    host = Host("pc1", {"ansible_connection": "local", "guiwei_root": str(bench.root),
                        "guiwei_state_dir": str(bench.state)})  # fmt: skip
    with contextlib.closing(connect(host, Settings())) as session:
        told = {one: session.ask({"op": "backups", "run": one})["backups"] for one in [*runs, "none"]}
        everything = session.ask({"op": "backups"})["backups"]
    assert [len(receipts) for receipts in told.values()] == [1, 1, 0]
    assert {told[one][0]["backup"] for one in runs} == {receipt["backup"] for receipt in everything}
    assert told[runs[0]][0]["note"]["ledger"] == [{"kind": "007", "month": "2026-11", "count": 1}]


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_looking_is_broken_off(bench: Bench, run: Run, command: str) -> None:
    bench.write(
        {
            "inventory.yml": INVENTORY,
            "playbook.yml": "- hosts: all\n  tasks:\n    - command:\n        argv: [/bin/touch, '@ROOT@/etc/new']\n"
            "        unless: [/bin/sh, -c, 'touch @ROOT@/etc/begun; sleep 2; exit 1']\n",
        }
    )
    started = Started(command, *(APPLY[1:] if command == "apply" else APPLY[1:4]))
    wait_for((bench.root / "etc" / "begun").exists)
    started.interrupt()
    code, out, err = started.end()
    assert code == 130
    assert "Traceback" not in out + err
    assert "new" not in names(bench)
    assert bench.journals() == []


@pytest.mark.parametrize("moved", [False, True], ids=["untouched", "an invoice since"])
def test_old_data_never_goes_over_new_invoices_even_if_nobody_noted_the_ledger(
    bench: Bench, run: Run, moved: bool
) -> None:
    """The controller was killed in an upgrade: the backup on the PC says what the ledger was."""
    shop = open_shop(bench, run, running=True)
    shop.play()
    document = shop.apply()
    with contextlib.closing(sqlite3.connect(bench.folder / "home" / "guiwei" / "history.db")) as history, history:
        # What a killed controller leaves: that the run began.
        history.execute("DELETE FROM host_result")
        history.execute("UPDATE run SET finished = NULL")
    if moved:
        shop.log_in()
        shop.issue()
    code, told = shop.json("rollback", document["run"])
    assert code == (4 if moved else 0), told
    assert shop.versions == (("3.1.0", "3.1.0") if moved else ("2.4.0", "2.4.0"))
    if moved:
        assert told["hosts"][0]["error"]["code"] == "data-moved"
