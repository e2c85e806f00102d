"""The Aisino profiles against a client that lies on Windows as public facts say: read, converged, never opened."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from windows_bench import Branch

from guiwei.cli.main import main
from guiwei.lab.lantai.branch import usccs
from guiwei.lab.windows import usb
from guiwei.lab.windows.aisino import Client, Legacy

#: Fictional, in a region that does not exist.
ONE, OTHER = usccs(2027, 2)
DISK = "101d:0003"
ADDRESS = "https://skfp.example.cn:7008"
OLD_ADDRESS = "https://旧地址.example.cn:7008"


class Office:
    """A branch with the client of two taxpayers, the first one's disk plugged in, and a controller."""

    def __init__(self, branch: Branch, capture: pytest.CaptureFixture[str]) -> None:
        self.branch = branch
        self._capture = capture
        self.other = Client(branch.pc, OTHER, "1", "2.4.20", "2.4.20")
        self.one = Client(branch.pc, ONE, "0", "2.4.20", "2.4.20")
        self.vars = branch.vars(
            instances=[
                {"taxpayer": ONE, "machine": "0", "orgcode": "990100"},
                {"taxpayer": OTHER, "machine": "1", "orgcode": "990100"},
            ]
        )
        self.play(parameters={"upload_address": ADDRESS})

    def play(self, product: str = "aisino-goldtax", **state: Any) -> None:
        made = [{"hosts": "all", "product": product, "state": state}]
        Path("play.yml").write_text(yaml.safe_dump(made, allow_unicode=True), encoding="utf-8")

    def json(self, *words: str, code: int) -> Any:
        """Run one command that must end with this exit code, and return its document."""
        return json.loads(self.text(*words, "--json", code=code))

    def text(self, *words: str, code: int) -> str:
        hosts = {"all": {"hosts": {"branch-1": self.vars}}}
        Path("hosts.yml").write_text(yaml.safe_dump(hosts, allow_unicode=True), encoding="utf-8")
        self._capture.readouterr()
        found = main([*words, "-i", "hosts.yml"])
        out, err = self._capture.readouterr()
        assert found == code, f"{found}\n{out[-4000:]}\n{err[-3000:]}"
        return out


@pytest.fixture
def office(
    branch: Branch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Office]:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GUIWEI_HOME", str(tmp_path / "guiwei"))
    monkeypatch.setenv("GUIWEI_LANG", "en")
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    made = Office(branch, capfd)
    usb.plug(branch.pc, DISK, "00000001", "USB Flash Disk")
    yield made
    usb.unplug(branch.pc, DISK, "00000001")
    made.one.remove()


def instance(document: Any, client: Client) -> Any:
    (host,) = document["hosts"]
    (found,) = [each for each in host["instances"] if each["id"] == client.id]
    return found


def codes(document: Any) -> set[str]:
    """Return the codes of all errors of all instances."""
    (host,) = document["hosts"]
    return {each["error"]["code"] for each in [host, *host["instances"]] if each["error"]}


def test_read_converge_and_take_back(office: Office) -> None:
    one, other = office.one.seen(), office.other.seen()
    plan = office.json("plan", "play.yml", code=3)
    (host,) = plan["hosts"]
    assert {each["id"]: each["status"] for each in host["instances"]} == {
        office.one.id: "differs",
        office.other.id: "differs",
    }
    assert instance(plan, office.one)["facts"] == {
        "version": "2.4.20",
        "data_version": "2.4.20",
        "device": {"kind": "金税盘", "usb": DISK},
    }
    assert office.one.seen() == one

    run = office.json("apply", "play.yml", "--yes", code=0)
    changed = [change for step in run["hosts"][0]["steps"] for change in step["changes"]]
    assert changed == [{"field": "value", "before": OLD_ADDRESS, "after": ADDRESS}] * 2
    # One line of one file: not a byte of the database, and no value of the registry.
    assert office.one.seen() == {**one, "Bin/AQJRDZ.txt": f"{ADDRESS}\r\n".encode("gbk")}
    assert office.other.seen() == {**other, "Bin/AQJRDZ.txt": f"{ADDRESS}\r\n".encode("gbk")}
    assert office.json("plan", "play.yml", code=0)["hosts"][0]["status"] == "unchanged"
    assert office.json("verify", "play.yml", code=0)["hosts"][0]["instances"][0]["checks"][0]["ok"]

    office.json("rollback", run["run"], code=0)
    assert (office.one.seen(), office.other.seen()) == (one, other)


def test_what_windows_has_not_is_not_compared_and_the_plan_says_so(office: Office) -> None:
    home = office.branch.home
    tasks = [
        {"directory": {"path": f"{home}\\数据", "mode": "0750"}},
        {"file": {"path": f"{home}\\数据\\a.txt", "content": "甲\n", "mode": "0600", "owner": "root"}},
        {"registry": {"path": f"HKLM\\{office.branch.key}\\设置", "name": "周期", "data": 7}},
    ]
    Path("play.yml").write_text(
        yaml.safe_dump([{"hosts": "all", "tasks": tasks}], allow_unicode=True), encoding="utf-8"
    )
    office.json("apply", "play.yml", "--yes", code=0)
    (host,) = office.json("plan", "play.yml", code=0)["hosts"]
    assert host["not_compared"] == ["directory.mode", "file.mode", "file.owner"]
    assert office.branch.registry("list", f"{office.branch.key}\\设置", 64) == {"周期": [4, 7]}
    assert "not compared: directory.mode, file.mode, file.owner" in office.text("plan", "play.yml", code=0)
    (office.branch.folder / "数据" / "a.txt").write_text("乙\n", encoding="utf-8")
    (step,) = office.json("plan", "play.yml", code=3)["hosts"][0]["stages"][0]["steps"]
    assert [change["field"] for change in step["changes"]] == ["content"]


def test_the_profile_fits(office: Office) -> None:
    found = office.json("product", "test", "aisino-goldtax", code=0)["hosts"]["branch-1"]
    assert set(found) == {office.one.id, office.other.id}
    fits = {each["name"]: (each["fits"], each["found"]) for each in found[office.one.id]}
    assert fits["parameters.taxpayer"] == (True, ONE)
    assert fits["parameters.machine"] == (True, "0")
    assert fits["parameters.upload_address"] == (True, OLD_ADDRESS)
    assert fits["{{ instance.path }}"] == (True, office.one.path)


def test_a_database_that_nobody_may_read(office: Office) -> None:
    """It is copied whole, never opened: held by its client it stops a backup and nothing else."""
    path = f"{office.one.path}\\Bin\\cc3268.dll"
    holder = office.branch.holder(path, "alone")
    try:
        office.json("apply", "play.yml", "--yes", code=0)
        failed = instance(office.json("backup", "play.yml", code=5), office.one)["error"]
        assert (failed["code"], failed["args"]["path"]) == ("file-in-use", path)
    finally:
        holder.communicate(b"", timeout=30)
    database, before = office.one.folder / "Bin" / "cc3268.dll", office.one.seen()
    made = office.json("backup", "play.yml", code=0)["hosts"][0]["steps"]
    (receipt,) = [step["receipt"] for step in made if step["instance"] == office.one.id]
    database.write_bytes(b"lost")
    (office.one.folder / "Bin" / "开票 (1).ini").unlink()
    office.json("restore", receipt["backup"], "play.yml", "--yes", code=0)
    assert office.one.seen() == before


def test_what_the_client_has_of_another_region_is_refused(office: Office) -> None:
    """The client itself would not start; nobody knows how to ask the disk, so nothing is written over it."""
    office.one.set(orgcode="990199")
    before = office.one.seen()
    document = office.json("apply", "play.yml", "--yes", code=4)
    assert codes(document) == {"identity-mismatch"}
    assert office.one.seen() == before


def test_the_version_is_compared_and_an_unfinished_upgrade_is_seen(office: Office) -> None:
    office.play(software={"version": "2.4.20"})
    office.json("plan", "play.yml", code=0)
    office.play(software={"version": "2.4.31"})
    assert codes(office.json("plan", "play.yml", code=4)) == {"software-by-hand"}
    office.one.set(Version="2.4.31")
    found = instance(office.json("plan", "play.yml", code=4), office.one)
    assert found["error"]["code"] == "upgrade-unfinished"
    assert (found["error"]["args"]["version"], found["error"]["args"]["data"]) == ("2.4.31", "2.4.20")


def test_the_disk_is_told_from_a_ukey_with_its_id(office: Office) -> None:
    pc = office.branch.pc
    for each in office.vars["instances"]:
        each["disk"] = "009912345678"
    before = office.one.seen()
    usb.unplug(pc, DISK, "00000001")
    document = office.json("apply", "play.yml", "--yes", code=0)
    assert (instance(document, office.one)["status"], codes(document)) == ("pending", set())
    usb.plug(pc, DISK, "00000001", "SWUKey")
    document = office.json("apply", "play.yml", "--yes", code=0)
    assert instance(document, office.one)["status"] == "pending"
    assert instance(document, office.one)["error"]["args"]["found"] == "税务UKey"
    facts = office.json("facts", code=0)["facts"]["branch-1"]
    assert facts["tax_devices"] == [f"税务UKey {DISK} SWUKey 00000001"]
    assert office.one.seen() == before


def test_the_older_client_tells_its_version(office: Office) -> None:
    pc, folder = office.branch.pc, office.branch.folder / "防伪开票"
    legacy = Legacy(pc, folder, "7.23.10")
    office.play("aisino-legacy", software={"version": "7.23.10"}, parameters={"folder": pc.windows_path(folder)})
    office.vars["instances"] = [{"taxpayer": ONE}]
    try:
        assert office.json("plan", "play.yml", code=0)["hosts"][0]["status"] == "unchanged"
        office.play("aisino-legacy", parameters={"folder": "C:\\elsewhere"})
        (mismatch,) = office.json("plan", "play.yml", code=4)["hosts"][0]["instances"][0]["mismatches"]
        assert (mismatch["kind"], mismatch["found"]) == ("asserted", pc.windows_path(folder))
    finally:
        legacy.remove()
