"""Each fault has its symptom, and the healthy PC has not."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.lantai import branch, faults, upload_server

Make = Callable[..., branch.Branch]


def test_does_not_start(pc: branch.Branch) -> None:
    assert pc.run("repair").code == 0
    faults.does_not_start(pc.root, pc.instance)
    broken = pc.run("start")
    assert (broken.code, pc.run("status").data["running"]) == (10, False)
    assert pc.run("serve").code == 10
    found = pc.run("repair")
    assert (found.code, found.data["damaged"]) == (20, ["lib/lantai/server.py"])


@pytest.mark.parametrize(
    ("values", "label"),
    [
        ({"taxpayer": branch.usccs(8, 1)[0]}, "税号"),
        ({"orgcode": "990111"}, "地区编号"),
        ({"machine": "3"}, "开票机号"),
    ],
)
def test_wrong_identity_names_both_values(pc: branch.Branch, values: dict[str, str], label: str) -> None:
    right = {"taxpayer": pc.instance[:18], "orgcode": "990100", "machine": "0"}
    faults.wrong_parameters(pc.root, pc.instance, **values)
    refused = pc.run("start")
    name, wrong = next(iter(values.items()))
    assert (refused.code, refused.data) == (11, {"parameter": label, "client": wrong, "device": right[name]})
    assert wrong in refused.message
    assert right[name] in refused.message
    faults.wrong_parameters(pc.root, pc.instance, **{name: right[name]})
    record = Path(pc.root, "etc", "lantai", "record.ini")
    record.write_bytes(record.read_bytes().replace(b"=" + right[name].encode() + b"\n", b"=777777\n", 1))
    assert pc.run("start").data["client"] == "777777", "the record's value counts as well"


def test_wrong_limit_and_kinds(pc: branch.Branch) -> None:
    invoice = ("issue", "--kind", "026", "--buyer", "某", "--line", "a:1:20000:0.13")
    pc.at_work()
    assert pc.run(*invoice).code == 0
    faults.wrong_parameters(pc.root, pc.instance, limit="9999.99")
    assert pc.run(*invoice).code == 18
    faults.wrong_parameters(pc.root, pc.instance, limit="99999.99", kinds="004,007")
    assert pc.run(*invoice).code == 18
    with pytest.raises(KeyError):
        faults.wrong_parameters(pc.root, pc.instance, colour="red")


def test_disk_unregistered(pc: branch.Branch) -> None:
    faults.disk_unregistered(pc.root, pc.instance)
    assert pc.at_work().run("issue", "--kind", "026", "--buyer", "某", "--line", "a:1:2:0.13").code == 13
    assert pc.run("status").data["registered"] is False


def test_disk_of_another(pc: branch.Branch) -> None:
    number = faults.disk_of_another(pc.root)
    status = pc.run("status").data
    assert (status["disk"]["number"], status["registered"]) == (number, False)
    assert pc.run("start").code == 11
    assert pc.run("register", "--disk", number, "--pin-stdin", stdin="00000000").code == 11


def test_disk_pulled_out_while_at_work(pc: branch.Branch) -> None:
    pc.at_work()
    faults.disk_of_another(pc.root)
    assert pc.run("issue", "--kind", "026", "--buyer", "某", "--line", "a:1:2:0.13").code == 11
    branch.unplug(pc.root)
    assert pc.run("disk").data == {"state": "missing"}
    assert pc.run("disk").code == 12
    assert not list(Path(pc.root, "sys", "bus", "usb", "devices").iterdir())


def test_more_than_one_disk(pc: branch.Branch) -> None:
    faults.more_than_one_disk(pc.root)
    refused = pc.run("start")
    assert (refused.code, refused.data["state"]) == (12, "multiple")
    serials = {
        (entry.name, (entry / "serial").read_text().strip())
        for entry in Path(pc.root, "sys", "bus", "usb", "devices").iterdir()
    }
    assert serials == {("1-1", pc.disk_number), ("1-2", "000000000078")}


def test_driver_outdated(pc: branch.Branch) -> None:
    faults.driver_outdated(pc.root)
    refused = pc.run("start")
    assert (refused.code, refused.data) == (12, {"state": "driver", "driver": "1.0.0", "min_driver": "2.0.0"})
    faults.driver_outdated(pc.root, "2.0.0")
    assert pc.run("start").code == 0


def test_database_damaged(pc: branch.Branch) -> None:
    faults.database_damaged(pc.root, pc.instance)
    assert pc.run("start").code == 20
    assert pc.run("summary").code == 20
    assert "损坏" in pc.run("status").data["database"]


def test_endpoint_unreachable(make: Make, server: upload_server.UploadServer) -> None:
    pc = make("3.1.0", server.url).at_work()
    assert pc.run("network").code == 0
    address = faults.endpoint_unreachable(pc.root, pc.instance)
    refused = pc.run("network")
    assert (refused.code, refused.data["reachable"], refused.data["loss"]) == (19, False, 1.0)
    assert address in refused.message
    assert pc.run("upload").code == 19
    assert pc.run("file").code == 19


def test_process_stuck(pc: branch.Branch) -> None:
    pc.at_work()
    pid = faults.process_stuck(pc.root, pc.instance)
    try:
        status = pc.run("status").data
        assert (status["running"], status["answering"], status["pid"]) == (True, False, pid)
        assert pc.run("stop", "--timeout", "0.5").code == 10
        assert pc.run("start").code == 22
    finally:
        os.kill(pid, signal.SIGCONT)
    assert pc.run("stop", "--force").code == 0


def test_process_killed(pc: branch.Branch) -> None:
    pid = pc.at_work().run("status").data["pid"]
    assert faults.process_killed(pc.root, pc.instance) == pid
    assert Path(pc.root, "run", "lantai", f"{pc.instance}.pid").exists(), "a crash leaves its run files"
    assert pc.run("status").data["running"] is False
    assert pc.run("upload").code == 10
    assert pc.run("start").data["pid"] != pid


def test_unfinished_migration(make: Make, packages: str) -> None:
    pc = make("2.4.0")
    faults.unfinished_migration(pc.root, pc.instance, packages)
    status = pc.run("status").data
    assert (status["version"], status["database_version"], status["schema"]) == ("3.0.0", "2.4.0", "2")
    assert status["migration_due"] is True
    with pytest.raises(RuntimeError):
        faults.unfinished_migration(pc.root, pc.instance, packages, "2.4.0")


def test_record_behind_database(pc: branch.Branch) -> None:
    faults.record_behind_database(pc.root, pc.instance, "3.0.0")
    status = pc.run("status").data
    assert (status["database_version"], status["schema"]) == ("3.0.0", "3.1")
    assert pc.run("start").code == 0
    assert pc.run("status").data["database_version"] == "3.1.0"
