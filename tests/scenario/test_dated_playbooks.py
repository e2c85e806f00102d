"""The ready playbooks that depend on the day, on the lab's three PCs: policies, parameters, month-end."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from lantai_support import codes, errors_in, snapshot, statuses, steps_of, valid
from scenario_bench import Bench
from scenario_cases import Run

from guiwei.cli import _clock
from guiwei.cli.lab import trust_fleet
from guiwei.invoicing.policies import read_instant
from lab.fleet import PC, PCS, Fleet
from lab.lantai import branch

PLAYBOOKS = Path(__file__).resolve().parents[2] / "playbooks"
Guiwei = Callable[..., Any]


@pytest.fixture
def fleet(bench: Bench, tmp_path: Path) -> Iterator[Fleet]:
    """Yield the lab's PCs, reachable over SSH, in the bench's inventory `hosts.yml`."""
    made = Fleet(tmp_path / "lab")
    made.build()
    inventory = made.inventory()
    for name, values in made.secrets().items():
        inventory["all"]["children"]["branches"]["hosts"][name].update(values)
    bench.write({"hosts.yml": yaml.safe_dump(inventory, allow_unicode=True)})
    trust_fleet(made.folder, tmp_path / "known_hosts")
    with made:
        yield made


@pytest.fixture
def guiwei(bench: Bench, run: Run) -> Guiwei:
    """Return `guiwei(code, now, command, playbook, *options)`: its document; the exit code must be `code`."""

    def call(code: int, now: str, command: str, playbook: str, *options: str) -> Any:
        bench.environ.setattr(_clock, "instant", lambda: read_instant(now))
        sure = ("--yes",) if command == "apply" else ()
        done = run(command, str(PLAYBOOKS / playbook), "-i", "hosts.yml", *sure, *options, "--json")
        assert done.code == code, (done.code, done.out[-3000:], done.err[-3000:])
        return valid("plan" if command == "plan" else "run", json.loads(done.out))

    return call


def settings(fleet: Fleet, pc: PC, file: str, option: str = "") -> str:
    """An option of a client's file, or the whole of it."""
    text = (fleet.root(pc) / "var/lib/兰台开票" / pc.instance / "Config" / file).read_bytes().decode("gbk")
    if not option:
        return text.strip()
    (found,) = [line for line in text.splitlines() if line.replace(" ", "").startswith(f"{option}=")]
    return found.partition("=")[2].strip()


def bureau_ends_paper(fleet: Fleet, pc: PC) -> None:
    """The bureau takes the paper kinds off a device."""
    (path,) = (fleet.root(pc) / "dev/taxdisk").glob("*.json")
    disk = json.loads(path.read_text("utf-8"))
    disk["kinds"] = ["026", "028"]
    disk["periods"] = {kind: disk["periods"][kind] for kind in disk["kinds"]}
    path.write_text(json.dumps(disk, ensure_ascii=False), "utf-8")


def all_are(document: Any, *wanted: str) -> bool:
    return set(statuses(document).values()) == set(wanted)


def test_policy_change(fleet: Fleet, guiwei: Guiwei) -> None:
    name, moved = "policy-change.yml", f"{fleet.upload_address}/2027"
    to = ("-e", f"zhejiang_upload={moved}")

    def seen(pc: PC) -> tuple[str, str, str]:
        return (
            settings(fleet, pc, "开票模板.ini", "小规模纳税人"),
            settings(fleet, pc, "兰台.ini", "发票类型"),
            settings(fleet, pc, "安全接入地址.txt"),
        )

    # Today: what is wrong is put right, and the rate that holds today is there.
    guiwei(3, "2026-11-24T09:00", "plan", name, *to)
    assert all_are(guiwei(0, "2026-11-24T09:00", "apply", name, *to), "changed")
    old = ("1%", "004,007,026,028", fleet.upload_address)
    assert {seen(pc) for pc in PCS} == {old}
    assert all_are(guiwei(0, "2026-11-24T09:05", "apply", name, *to), "unchanged")
    assert all_are(guiwei(0, "2026-11-24T09:05", "verify", name, *to), "unchanged")

    # The minute before nothing is to do; the plan of the day says that the devices are not ready yet.
    guiwei(0, "2026-12-31T23:59", "plan", name, *to)
    ahead = guiwei(4, "2026-12-31T23:59", "plan", name, "--at", "2027-01-01", *to)
    mismatch = ahead["hosts"][0]["instances"][0]["mismatches"][0]
    assert (mismatch["wanted"], mismatch["found"]) == ("026,028", "004,007,026,028")
    before = {pc.name: snapshot(fleet.root(pc)) for pc in PCS}
    assert all_are(guiwei(4, "2027-01-01T00:00", "apply", name, *to), "refused")
    assert {pc.name: snapshot(fleet.root(pc)) for pc in PCS} == before

    # The bureau changes two devices in the night; at eight the address moves too.
    for pc in PCS[:2]:
        bureau_ends_paper(fleet, pc)
    document = guiwei(4, "2027-01-01T07:59", "apply", name, *to)
    assert [host["status"] for host in document["hosts"]] == ["changed", "changed", "refused"]
    assert [seen(pc) for pc in PCS] == [("1%", "026,028", fleet.upload_address)] * 2 + [old]
    bureau_ends_paper(fleet, PCS[2])
    plan = guiwei(3, "2027-01-01T08:00", "plan", name, *to)
    changes = [change for step in steps_of(plan, "pc03") for change in step["changes"] if change["policy"]]
    assert {change["policy"] for change in changes} == {"electronic only 仅开电子发票", "Zhejiang upload 浙江上传地址"}
    assert all_are(guiwei(0, "2027-01-01T08:00", "apply", name, *to), "changed")
    assert {seen(pc) for pc in PCS} == {("1%", "026,028", moved)}
    guiwei(0, "2027-12-31T23:59", "plan", name, *to)

    # The reduced rate runs out, by the play's own value.
    guiwei(0, "2028-01-01T00:00", "apply", name, *to)
    assert {seen(pc) for pc in PCS} == {("3%", "026,028", moved)}


def test_parameter_change(fleet: Fleet, guiwei: Guiwei) -> None:
    name, now = "parameter-change.yml", "2026-11-24T09:00"
    guiwei(3, now, "plan", name)
    document = guiwei(0, now, "apply", name)
    assert all_are(document, "changed")
    # Another company's 税号 is put right after a backup; nobody's data move.
    assert "backup" in [step["name"] for step in steps_of(document, "pc02")]
    assert all(each["reconciled"] for host in document["hosts"] for each in host["instances"])
    for pc in PCS:
        told = [settings(fleet, pc, "兰台.ini", option) for option in ("名称", "税号", "开票限额", "发票类型", "超时")]
        assert told == [pc.company, pc.taxpayer, "99999.99", "004,007,026,028", "30"]
    assert all_are(guiwei(0, now, "apply", name), "unchanged")
    assert all_are(guiwei(0, now, "verify", name), "unchanged")


def test_parameters_in_the_filing_days(fleet: Fleet, guiwei: Guiwei) -> None:
    """An ordinary parameter is set on the last day too; what needs a professional waits: a 税号, a registration."""
    document = guiwei(4, "2026-12-15T09:00", "apply", "parameter-change.yml")
    assert {host["host"]: host["status"] for host in document["hosts"]} == {
        "pc01": "changed", "pc02": "refused", "pc03": "refused"
    }  # fmt: skip
    assert codes(document) == ["calendar-closed"]
    assert {error["args"]["deadline"] for error in errors_in(document)} == {"2026-12-15"}
    done = guiwei(0, "2026-12-15T09:00", "apply", "parameter-change.yml", "--override-calendar", "nothing else helps")
    assert "nothing else helps" in done["reason"]


def test_month_end_check(fleet: Fleet, guiwei: Guiwei, run: Run) -> None:
    name, now = "month-end-check.yml", "2026-11-24T09:00"
    assert all_are(guiwei(0, now, "apply", name), "waiting")
    assert all_are(guiwei(0, now, "plan", name), "waiting", "unchanged")
    waiting = json.loads(run("done", "--json").out)["waiting"]
    assert [(each["host"], each["name"], each["instance"]) for each in waiting] == [
        (pc.name, "filed", pc.instance) for pc in PCS
    ]
    assert run("done", "pc01", "filed").code == 2
    for pc in PCS:
        assert run("done", pc.name, "filed", "--evidence", f"photo of {pc.company}").code == 0
    assert all_are(guiwei(0, now, "apply", name), "unchanged")
    assert all_are(guiwei(0, now, "verify", name), "unchanged")
    past = json.loads(run("done", "--past", "--json").out)["done"]
    assert [(each["host"], each["said"]) for each in past] == [(pc.name, f"photo of {pc.company}") for pc in PCS]
    # guiwei itself filed nothing: what was open is open.
    for pc in PCS:
        assert branch.lantai(str(fleet.root(pc)), "status", instance=pc.instance).data["disk"]["filing"] == "open"
        database = fleet.root(pc) / "var/lib/兰台开票" / pc.instance / "Data/lantai.db"
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    # The month after it is asked anew.
    assert all_are(guiwei(0, "2026-12-01T09:00", "plan", name), "waiting", "unchanged")
