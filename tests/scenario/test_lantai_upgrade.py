"""The whole upgrade of the lab's three PCs over SSH, judged by the clients, their databases and the files."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from lantai_support import Rows, Run, codes, rows_of, snapshot, statuses, steps_of, valid
from scenario_bench import Bench

from guiwei.cli.lab import trust_fleet
from lab.fleet import PC, PCS, Fleet
from lab.lantai import branch

PLAYBOOK = str(Path(__file__).resolve().parents[2] / "playbooks" / "version-upgrade.yml")


@pytest.fixture
def fleet(bench: Bench, tmp_path: Path) -> Iterator[Fleet]:
    """Yield the lab's PCs, reachable over SSH, in the bench's inventory `hosts.yml`."""
    made = Fleet(tmp_path / "lab")
    made.build()
    inventory: dict[str, Any] = made.inventory()
    for name, values in made.secrets().items():
        inventory["all"]["children"]["branches"]["hosts"][name].update(values)
    bench.write({"hosts.yml": yaml.safe_dump(inventory, allow_unicode=True)})
    trust_fleet(made.folder, tmp_path / "known_hosts")
    with made:
        yield made


def summary(fleet: Fleet, pc: PC) -> Rows:
    """Ask the client itself for its figures."""
    answer = branch.lantai(str(fleet.root(pc)), "summary", instance=pc.instance)
    assert answer.code == 0, answer
    return {
        (row["kind"], row["month"]): (row["count"], Decimal(row["amount"]), Decimal(row["tax"]))
        for row in answer.data["rows"]
    }


def database(fleet: Fleet, pc: PC) -> Path:
    return fleet.root(pc) / "var/lib/兰台开票" / pc.instance / "Data/lantai.db"


def test_the_whole_upgrade(fleet: Fleet, bench: Bench, run: Run) -> None:
    before = {pc.name: summary(fleet, pc) for pc in PCS}
    assert before == {pc.name: rows_of(database(fleet, pc)) for pc in PCS}, "client and database agree"
    roots = {pc.name: snapshot(fleet.root(pc)) for pc in PCS}

    planned = run("plan", PLAYBOOK, "-i", "hosts.yml", "--json")
    assert planned.code == 3
    assert statuses(valid("plan", json.loads(planned.out)))["pc01"] == "differs"
    assert {pc.name: snapshot(fleet.root(pc)) for pc in PCS} == roots, "a plan changes nothing"
    assert not [str(root) for pc in PCS for root in fleet.root(pc).glob("var/lib/guiwei/runs/*")]

    applied = run("apply", PLAYBOOK, "-i", "hosts.yml", "--yes", "--issue", "--json")
    done = valid("run", json.loads(applied.out))
    assert (applied.code, set(statuses(done).values()), codes(done)) == (0, {"changed"}, [])

    _figures_add_up(fleet, done, before)
    _history_knows_what_was_issued(bench, done)
    _clients_are_what_was_wanted(fleet)
    _backups_are_whole(fleet, run, done)

    again = run("plan", PLAYBOOK, "-i", "hosts.yml")
    assert again.code == 0, again.out
    settled = {pc.name: snapshot(fleet.root(pc)) for pc in PCS}
    second = run("apply", PLAYBOOK, "-i", "hosts.yml", "--yes", "--json")
    told = json.loads(second.out)
    assert (second.code, set(statuses(told).values())) == (0, {"unchanged"})
    assert [steps_of(told, pc.name) for pc in PCS] == [[], [], []]
    assert {pc.name: snapshot(fleet.root(pc)) for pc in PCS} == settled
    assert not [str(path) for pc in PCS for path in fleet.root(pc).rglob(".guiwei-*")]


def _figures_add_up(fleet: Fleet, done: Any, before: dict[str, Rows]) -> None:
    """After = before + one void test invoice: a number used, no money."""
    for pc in PCS:
        (instance,) = next(host["instances"] for host in done["hosts"] if host["host"] == pc.name)
        assert instance["reconciled"] is True
        (invoice,) = instance["invoices"]
        assert (invoice["kind"], invoice["status"], invoice["amount"], invoice["tax"]) == (
            "007",
            "void",
            "1.00",
            "0.06",
        )
        expected = dict(before[pc.name])
        count, amount, tax = expected.get(("007", invoice["month"]), (0, Decimal(0), Decimal(0)))
        expected["007", invoice["month"]] = (count + 1, amount, tax)
        assert summary(fleet, pc) == expected
        assert rows_of(database(fleet, pc)) == expected
        with closing(sqlite3.connect(database(fleet, pc))) as connection:
            row = connection.execute("SELECT status FROM invoice WHERE number = ?", (invoice["number"],)).fetchone()
            assert row == ("void",)
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert connection.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone() == ("3.1",)


def _history_knows_what_was_issued(bench: Bench, done: Any) -> None:
    issued = {
        (host["host"], instance["id"], invoice["number"], invoice["kind"], invoice["month"], invoice["amount"],
         invoice["tax"], invoice["status"])
        for host in done["hosts"] for instance in host["instances"] for invoice in instance["invoices"]
    }  # fmt: skip
    assert len(issued) == len(PCS)
    with closing(sqlite3.connect(bench.folder / "home" / "guiwei" / "history.db")) as history:
        rows = history.execute(
            "SELECT host, instance, number, kind, month, amount, tax, status FROM invoice WHERE run = ?", (done["run"],)
        )
        assert set(rows) == issued


def _clients_are_what_was_wanted(fleet: Fleet) -> None:
    for pc in PCS:
        status = branch.lantai(str(fleet.root(pc)), "status", instance=pc.instance).data
        told = {name: status[name] for name in ("version", "database_version", "answering", "registered", "limit")}
        assert told == {
            "version": "3.1.0", "database_version": "3.1.0", "answering": True, "registered": True, "limit": "99999.99",
        }  # fmt: skip
        assert status["kinds"] == ["004", "007", "026", "028"]
        assert status["needs_activation"] is False


def _backups_are_whole(fleet: Fleet, run: Run, done: Any) -> None:
    listed = json.loads(run("backups", "-i", "hosts.yml", "--json").out)["backups"]
    made = [step["receipt"]["backup"] for pc in PCS for step in steps_of(done, pc.name) if step["name"] == "backup"]
    assert sorted(made) == sorted(receipt["backup"] for receipt in listed)
    assert len(made) == 2 * len(PCS), "one before each step of the way"
    backup = steps_of(done, "pc02")[0]["receipt"] or steps_of(done, "pc02")[1]["receipt"]
    words = ("backups", "--check", backup["backup"], "-i", "hosts.yml", "-l", "pc02")
    assert run(*words).code == 0
    (data,) = fleet.root(PCS[1]).glob(f"var/lib/guiwei/backups/{backup['backup']}/data/0/Data/lantai.db")
    whole = data.read_bytes()
    data.write_bytes(whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:])
    flipped = run(*words, "--json")
    assert (flipped.code, codes(json.loads(flipped.out))) == (5, ["backup-damaged"])
    data.write_bytes(whole)
    assert run(*words).code == 0


def test_2_4_to_3_1_never_goes_directly(fleet: Fleet, run: Run) -> None:
    """Nothing but the way over 3.0 is ever planned, and the client itself would refuse another."""
    plan = json.loads(run("plan", PLAYBOOK, "-i", "hosts.yml", "--json").out)
    for host in plan["hosts"]:
        assert [stage["versions"] for stage in host["stages"]] == [["2.4.0", "3.0.0"], ["3.0.0", "3.1.0"]]
    pc = PCS[0]
    branch.install(str(fleet.root(pc)), pc.instance, "3.1.0", str(fleet.artifacts))
    assert branch.lantai(str(fleet.root(pc)), "start", instance=pc.instance).code == 21
