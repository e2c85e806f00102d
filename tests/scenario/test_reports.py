"""After the fact: what has moved, what a run did, and whom to call."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from lantai_support import Shop, open_shop
from scenario_bench import INVENTORY, Bench
from scenario_cases import Run

PLAY = """\
- hosts: all
  tasks:
    - name: greeting
      file: {path: /etc/motd, content: "%s\\n"}
    - name: extra
      file: {path: /etc/extra, content: "%s\\n"}
"""
CALL = "      contact: {name: 王会计, phone: '0571-87654321', note: 三楼}\n"


class Office:
    """One PC with two files, applied once."""

    def __init__(self, bench: Bench, run: Run) -> None:
        self.bench = bench
        self.run = run
        self.write("hello", "one")

    def write(self, greeting: str, extra: str, inventory: str = INVENTORY) -> None:
        self.bench.write({"hosts.yml": inventory, "play.yml": PLAY % (greeting, extra)})

    def drift(self, code: int) -> Any:
        result = self.run("drift", "play.yml", "-i", "hosts.yml", "--json")
        assert result.code == code, result
        return json.loads(result.out)["drift"]

    def apply(self) -> str:
        result = self.run("apply", "play.yml", "-i", "hosts.yml", "--yes", "--json")
        assert result.code == 0, result
        return str(json.loads(result.out)["run"])


@pytest.fixture
def office(bench: Bench, run: Run) -> Office:
    return Office(bench, run)


def test_nothing_has_drifted_that_was_never_applied(office: Office) -> None:
    assert office.drift(0) == []


def test_drift_is_what_moved_on_the_pc_and_nothing_else(office: Office) -> None:
    office.apply()
    assert office.drift(0) == []
    (office.bench.root / "etc/motd").write_text("moved\n")
    # The playbook moves too, in another place: that is a plan's to show.
    office.write("hello", "two")
    (row,) = office.drift(3)
    assert (row["host"], row["what"], row["wanted"], row["found"], row["cause"]) == (
        "pc1", "greeting", "hello\n", "moved\n", "drift",
    )  # fmt: skip
    shown = office.run("drift", "play.yml", "-i", "hosts.yml", lang="zh")
    assert shown.code == 3
    assert "共 1 处漂移" in shown.out
    assert "extra" not in shown.out


def test_a_host_that_cannot_be_looked_at_is_no_host_without_drift(office: Office) -> None:
    office.apply()
    text = INVENTORY + "    pc2:\n      ansible_connection: ssh\n      ansible_host: 127.0.0.1\n      ansible_port: 9\n"
    office.write("hello", "one", text)
    result = office.run("drift", "play.yml", "-i", "hosts.yml", "--json")
    assert result.code == 5
    hosts = {host["host"]: host for host in json.loads(result.out)["hosts"]}
    assert hosts["pc1"]["status"] == "unchanged"
    assert hosts["pc2"]["error"]["code"]


def test_a_run_is_reported_as_it_was_shown(office: Office) -> None:
    shown = office.run("apply", "play.yml", "-i", "hosts.yml", "--yes")
    again = office.run("report")
    assert again.code == 0
    assert again.out == shown.out
    told = office.run("report", json.loads(office.run("runs", "--json").out)["runs"][0]["id"], "--json")
    assert json.loads(told.out)["hosts"][0]["status"] == "changed"


def test_a_run_is_written_as_a_page(office: Office) -> None:
    office.write("<b>'hello'</b>", "one")
    run = office.apply()
    result = office.run("report", run, "--html", "run.html", lang="zh")
    assert result.code == 0
    page = (office.bench.work / "run.html").read_text("utf-8")
    assert "&lt;b&gt;&#39;hello&#39;&lt;/b&gt;" in page
    assert "<b>" not in page
    assert "已变更" in page
    assert office.run("report", run, "--html", "no/such/run.html").code == 2


def test_there_is_nothing_to_report(office: Office) -> None:
    result = office.run("report", "--json")
    assert (result.code, json.loads(result.out)["code"]) == (2, "report-none")
    office.apply()
    assert office.run("report", "20260101T000000-000000").code == 2


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_whom_to_call_stands_where_it_failed(office: Office, lang: str) -> None:
    text = INVENTORY + "    pc2:\n      ansible_connection: ssh\n      ansible_host: 127.0.0.1\n      ansible_port: 9\n"
    office.write("hello", "one", text + CALL)
    told = office.run("apply", "play.yml", "-i", "hosts.yml", "--yes", "--json", lang=lang)
    assert told.code == 5
    hosts = {host["host"]: host["contact"] for host in json.loads(told.out)["hosts"]}
    assert hosts == {"pc1": None, "pc2": {"name": "王会计", "phone": "0571-87654321", "note": "三楼"}}
    shown = office.run("apply", "play.yml", "-i", "hosts.yml", "--yes", lang=lang)
    assert ("请联系 王会计  0571-87654321" if lang == "zh" else "Call 王会计  0571-87654321") in shown.out
    assert shown.out.count("王会计") == 1


def test_a_contact_may_be_shared_and_rendered(office: Office) -> None:
    extra = "      branch: 西湖\n      contact: '{{ branch }}网点 0571-1'\n"
    os.chmod(office.bench.root / "etc", 0o755)
    text = INVENTORY.replace("@ROOT@", "@ROOT@/etc/motd") + extra
    office.write("hello", "one", text)
    told = office.run("apply", "play.yml", "-i", "hosts.yml", "--yes", "--json")
    assert told.code == 5
    assert json.loads(told.out)["hosts"][0]["contact"] == {"name": "西湖网点 0571-1"}


def test_durations_are_learned_from_runs(bench: Bench, run: Run) -> None:
    shop: Shop = open_shop(bench, run, running=True)
    shop.play({"parameters": {"timeout": 77}})
    before = shop.plan()["hosts"][0]["expected_seconds"]
    shop.apply()
    shop.play({"parameters": {"timeout": 78}})
    after = shop.plan()["hosts"][0]["expected_seconds"]
    # A restart of the lab's client takes seconds; what is usual elsewhere is far more.
    assert 0 < after < before


def test_what_a_rollback_takes_teaches_nothing(office: Office) -> None:
    import sqlite3

    run = office.apply()
    database = Path(os.environ["GUIWEI_HOME"]) / "history.db"

    def known() -> list[Any]:
        with sqlite3.connect(database) as history:
            return history.execute("SELECT kind, number FROM duration").fetchall()

    assert known() == [("file", 2)]
    assert office.run("rollback", run, "-i", "hosts.yml").code == 0
    assert known() == [("file", 2)]


def test_a_recovery_that_waits_for_a_person_says_whom_to_call(bench: Bench, run: Run) -> None:
    from lab.lantai import disks

    shop: Shop = open_shop(bench, run, "3.1.0", running=True)
    shop.play({"disk": {"registered": True}})
    shop.vars["contact"] = {"name": "王会计", "phone": "0571-87654321"}
    disks.unplug(shop.root)
    code, told = shop.json("recover", "play.yml", "--yes")
    assert told["hosts"][0]["result"]["contact"] == shop.vars["contact"], (code, told)
    assert "Call 王会计  0571-87654321" in shop.guiwei("recover", "play.yml", "--dry-run").out
