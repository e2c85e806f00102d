"""A day with the client: start, log in, issue, take back, upload, file, clear, stop."""

from __future__ import annotations

import datetime
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.lantai import branch, build, faults, upload_server
from lab.lantai.disks import make_disk, plugged

Make = Callable[..., branch.Branch]
PAPER = ("issue", "--kind", "007", "--buyer", "云岭科技有限公司", "--line", "*办公用品*打印纸:2:100.50:13%")


def _disk(pc: branch.Branch) -> dict[str, object]:
    return plugged(pc.root)[pc.disk_number]


def _change_disk(pc: branch.Branch, **values: object) -> None:
    disk = branch.unplug(pc.root)
    branch.plug(pc.root, {**disk, **values})


@pytest.mark.parametrize("version", build.VERSIONS)
def test_a_day_with_the_client(make: Make, server: upload_server.UploadServer, version: str) -> None:
    pc = make(version, server.url).at_work()
    before = pc.run("summary").data
    first = pc.run(*PAPER, "--buyer-tax", pc.instance[:18], "--remark", "备注")
    assert (first.code, first.data["amount"], first.data["tax"]) == (0, "201.00", "26.13")
    second = pc.run(*PAPER)
    assert int(second.data["number"]) == int(first.data["number"]) + 1
    assert pc.run("void", "--number", first.data["number"]).code == 0
    red = pc.run("red", "--number", second.data["number"])
    assert (red.data["amount"], red.data["tax"]) == ("-201.00", "-26.13")
    after = pc.run("summary").data
    assert (after["count"], after["amount"], after["tax"]) == (
        before["count"] + 3,
        before["amount"],
        before["tax"],
    )
    assert after["unsent"] == before["unsent"] + 3

    assert pc.run("clear").code == 2, "not filed yet"
    assert pc.run("upload").data["uploaded"] == after["unsent"]
    assert server.invoices[first.data["number"]]["status"] == "void"
    assert server.invoices[red.data["number"]]["red_of"] == second.data["number"]
    assert pc.run("summary").data["unsent"] == 0
    assert pc.run("file", "--kind", "004").data["filing"] == "open"
    assert pc.run("clear").data["unfiled"] == ["007", "026", "028"]
    assert pc.run("file").data["filing"] == "filed"
    assert len(server.filings) == 2
    due = str(_disk(pc)["periods"]["026"]["next_report"])  # type: ignore[index]
    assert pc.run("clear").code == 0
    period = _disk(pc)["periods"]["026"]  # type: ignore[index]
    assert period["last_report"] == due < period["next_report"] < period["locked"] == _disk(pc)["lock_date"]
    assert pc.run("logout").code == 0
    assert pc.run("upload").code == 17
    assert pc.run("stop").data == {"was_running": True}


def test_run_files_are_there_only_while_it_runs(pc: branch.Branch) -> None:
    run = Path(pc.root, "run", "lantai")
    lock = Path(pc.folder, "Data", "lantai.lock")
    assert pc.run("stop").data == {"was_running": False}
    started = pc.run("start")
    assert started.code == 0, started
    pid = int((run / f"{pc.instance}.pid").read_text())
    about = json.loads((run / f"{pc.instance}.json").read_text())
    assert (about["port"], about["version"], pid) == (pc.port, "3.1.0", started.data["pid"])
    assert lock.exists()
    assert "服务启动" in pc.run("status").data["last_log"]
    again = pc.run("start")
    assert (again.code, again.data["pid"]) == (0, pid), "a second start finds the first"
    assert pc.run("serve").code == 22
    assert pc.run("reset-mode").code == 22
    status = pc.run("status").data
    assert (status["running"], status["answering"], status["logged_in"], status["schema"]) == (
        True,
        True,
        False,
        "3.1",
    )
    assert (status["registered"], status["needs_activation"], status["disk"]["state"]) == (True, False, "ok")
    assert "pin_hash" not in status["disk"]
    assert pc.run("stop").code == 0
    assert not lock.exists()
    assert list(run.iterdir()) == []
    status = pc.run("status").data
    assert (status["running"], status["pid"], status["version"]) == (False, None, "3.1.0")
    assert pc.run("issue", *PAPER[1:]).code == 10


def test_sigterm_is_a_graceful_stop(pc: branch.Branch) -> None:
    pid = pc.run("start").data["pid"]
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 10
    while pc.run("status").data["running"] and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(pc.root, "run", "lantai", f"{pc.instance}.pid").exists()
    assert "服务停止" in pc.run("status").data["last_log"]


def test_the_running_client_holds_nothing_of_its_caller(pc: branch.Branch) -> None:
    reader, writer = os.pipe()
    script = os.path.join(branch.program(pc.root, pc.instance), "bin", "lantai")
    subprocess.run([sys.executable, script, "--root", pc.root, "start"], pass_fds=(writer,), check=True)
    os.close(writer)
    assert select.select([reader], [], [], 10)[0], "the pipe is still held open"
    assert os.read(reader, 1) == b""
    os.close(reader)
    assert pc.run("status").data["answering"] is True


def test_the_database_is_closed_between_commands(pc: branch.Branch) -> None:
    pid = pc.at_work().run("status").data["pid"]
    assert pc.run(*PAPER).code == 0
    opened = [os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()]
    assert any(path.endswith("lantai.lock") for path in opened)
    assert not [path for path in opened if path.endswith("lantai.db")]


def test_a_client_in_use_is_not_stopped_unless_forced(pc: branch.Branch) -> None:
    assert pc.run("start").code == 0
    assert pc.run("draft", "open").code == 17
    assert pc.run("login", "--password-stdin", stdin=pc.password).code == 0
    assert pc.run("draft", "open").data == {"editing": True}
    assert pc.run("status").data["editing"] is True
    refused = pc.run("stop")
    assert (refused.code, pc.run("status").data["running"]) == (22, True)
    assert pc.run("stop", "--force").code == 0


def test_a_taken_port_is_named(pc: branch.Branch) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", pc.port))
        other.listen()
        refused = pc.run("start")
    assert refused.code == 10
    assert str(pc.port) in refused.message
    assert not Path(pc.folder, "Data", "lantai.lock").exists()
    assert pc.run("start").code == 0


def test_two_instances_on_one_pc_and_one_port(pc: branch.Branch, packages: str) -> None:
    taxpayer = branch.usccs(5, 1)[0]
    second = branch.make_branch(
        pc.root,
        "3.1.0",
        taxpayer,
        "1",
        "990200",
        "北渡物流有限公司",
        pc.port,
        "http://127.0.0.1:9/",
        "000000000042",
        "12345678",
        "另一个口令",
        packages=packages,
        invoices=5,
    )
    assert pc.run("start").code == 11, "the other company's disk is plugged in"
    second.at_work()
    assert pc.run("issue", *PAPER[1:]).code == 10, "the first must not issue on the second's service"
    assert second.run(*PAPER).code == 0


def test_passwords_are_counted_and_lock(pc: branch.Branch) -> None:
    assert pc.run("start").code == 0
    left = [pc.run("login", "--password-stdin", stdin="wrong").data["tries_left"] for _ in range(2)]
    assert left == [4, 3]
    assert pc.run("login", "--password-stdin", stdin=pc.password).code == 0
    codes = [pc.run("login", "--password-stdin", stdin="wrong").code for _ in range(5)]
    assert codes == [14] * 5
    assert pc.run("login", "--password-stdin", stdin=pc.password).code == 15


def test_pins_are_counted_on_the_device_and_lock_it_for_good(pc: branch.Branch) -> None:
    def register(pin: str, disk: str = pc.disk_number) -> branch.Answer:
        return pc.run("register", "--disk", disk, "--pin-stdin", stdin=pin)

    assert pc.run("unregister").data == {"removed": True}
    assert pc.run("disk").data["pin_tries_left"] == 5
    assert (register("1").data, register("2").data) == ({"tries_left": 4}, {"tries_left": 3})
    assert register(pc.pin, "009912345679").code == 12
    assert _disk(pc)["pin_tries_left"] == 3, "a PIN meant for another disk is not tried"
    assert register(pc.pin).code == 0
    assert _disk(pc)["pin_tries_left"] == 5
    assert [register("0").code for _ in range(5)] == [14] * 5
    branch.plug(pc.root, branch.unplug(pc.root))
    assert register(pc.pin).code == 15
    assert pc.run("disk").data["locked"] is True


def test_what_may_be_issued(pc: branch.Branch) -> None:
    pc.at_work()
    count = pc.run("summary").data["count"]
    for kind, lines, code in (
        ("025", ["a:1:1:0.13"], 18),
        ("026", ["a:1:99999.99:0.13"], 0),
        ("026", ["a:1:100000:0.13"], 18),
        ("026", ["a:1:60000:0.13", "b:1:40000:0.13"], 18),
        ("026", ["a:b:c:1:10:1%"], 0),
        ("026", ["a:1:0.13"], 2),
        ("026", ["a:-1:5:0.13"], 2),
        ("026", ["a:1:nan:0.13"], 2),
    ):
        flags = [part for line in lines for part in ("--line", line)]
        answer = pc.run("issue", "--kind", kind, "--buyer", "某", *flags)
        assert answer.code == code, (kind, lines, answer)
        count += code == 0
    assert pc.run("summary").data["count"] == count


def test_the_device_decides_even_when_the_copy_says_more(pc: branch.Branch) -> None:
    faults.wrong_parameters(pc.root, pc.instance, limit="9999999.99", kinds="004,007,026,028,025")
    pc.at_work()
    assert "税控设备" in pc.run("issue", "--kind", "026", "--buyer", "某", "--line", "a:1:100000:0.13").message
    assert pc.run("issue", "--kind", "025", "--buyer", "某", "--line", "a:1:1:0.13").code == 18


def test_conditions_of_issuing(pc: branch.Branch) -> None:
    assert pc.run("start").code == 0
    assert pc.run(*PAPER).code == 17
    assert pc.run("login", "--password-stdin", stdin=pc.password).code == 0
    assert pc.run("unregister").code == 0
    assert pc.run(*PAPER).code == 13
    assert pc.run("register", "--disk", pc.disk_number, "--pin-stdin", stdin=pc.pin).code == 0
    disk = branch.unplug(pc.root)
    assert pc.run(*PAPER).code == 12
    yesterday = (datetime.date.today() - datetime.timedelta(days=1)).isoformat()
    branch.plug(pc.root, {**disk, "lock_date": yesterday})
    locked = pc.run(*PAPER)
    assert (locked.code, locked.data["lock_date"]) == (15, yesterday)
    _change_disk(pc, lock_date=datetime.date.today().isoformat())
    assert pc.run(*PAPER).code == 0, "the lock date itself is the last day"


@pytest.mark.parametrize("offline", [{"count": 3}, {"amount": "1.00"}])
def test_offline_limits_stop_issuing_until_upload(
    make: Make, server: upload_server.UploadServer, offline: dict[str, object]
) -> None:
    pc = make("3.1.0", server.url)
    _change_disk(pc, offline={"hours": 72, "count": 100, "amount": "1000000.00", **offline})
    pc.at_work()
    assert pc.run("summary").data["unsent"] == 3
    assert pc.run(*PAPER).code == 18
    assert pc.run("upload").data == {"uploaded": 3}
    assert pc.run(*PAPER).code == (0 if "count" in offline else 18)


def test_electronic_invoices_are_red_flagged_never_voided(pc: branch.Branch) -> None:
    pc.at_work()
    number = pc.run("issue", "--kind", "026", "--buyer", "某", "--line", "a:3:7.77:6%").data["number"]
    assert pc.run("void", "--number", number).code == 18
    red = pc.run("red", "--number", number)
    assert red.code == 0
    assert pc.run("red", "--number", number).code == 2, "only once"
    assert pc.run("red", "--number", red.data["number"]).code == 2
    assert pc.run("red", "--number", "99999999").code == 2


def test_reset_mode_takes_the_devices_values_and_keeps_the_registration(pc: branch.Branch) -> None:
    ini = Path(pc.folder, "Config", "兰台.ini")
    record = Path(pc.root, "etc", "lantai", "record.ini")
    good, recorded = ini.read_bytes(), record.read_bytes()
    faults.wrong_parameters(
        pc.root,
        pc.instance,
        taxpayer=branch.usccs(9, 1)[0],
        orgcode="990199",
        kinds="004",
        limit="9999.99",
        offline_count="7",
    )
    assert ini.read_bytes() != good
    assert pc.run("reset-mode").code == 0
    assert ini.read_bytes() == good
    assert record.read_bytes() == recorded
    assert pc.run("status").data["registered"] is True
    faults.disk_of_another(pc.root)
    assert pc.run("reset-mode").code == 11
    assert ini.read_bytes() == good


def test_an_unsteady_and_a_slow_server(make: Make, server: upload_server.UploadServer) -> None:
    pc = make("3.1.0", server.url)
    assert pc.run("network").data["loss"] == 0
    server.dropping = 2
    unsteady = pc.run("network", "--tries", "4")
    assert (unsteady.code, unsteady.data["loss"], unsteady.message) == (0, 0.5, "网络不稳定")
    server.dropping, server.failing = 0, True
    assert pc.run("network").code == 19
    pc.at_work()
    assert pc.run("upload").code == 19
    assert pc.run("summary").data["unsent"] == 3
    server.failing, server.refusing = False, set()
    server.delay = 0.3
    assert pc.run("upload").data == {"uploaded": 3}
    assert pc.run("network", "--tries", "1").data["latency_ms"]["min"] >= 300


def test_init_refuses_what_cannot_be(pc: branch.Branch, packages: str) -> None:
    new = branch.usccs(4, 1)[0] + ".0"

    def init(**changed: str) -> int:
        values = {
            "taxpayer": new[:18],
            "machine": "0",
            "orgcode": "990100",
            "name": "新店",
            "port": "7001",
            "upload": "http://127.0.0.1:9/",
            "kinds": "026",
            **changed,
        }
        flags = [part for key, value in values.items() for part in ("--" + key, value)]
        owner = values["taxpayer"] + ".0"
        owner = owner if owner == pc.instance else new
        return branch.lantai(pc.root, "init", *flags, "--cert-password-stdin", instance=owner, stdin="x").code

    branch.install(pc.root, new, "3.1.0", packages)
    before = Path(pc.root, "etc", "lantai", "record.ini").read_bytes()
    assert init(taxpayer=pc.instance[:18]) == 2, "it exists"
    assert init(orgcode="12345") == 2
    assert init(kinds="026,999") == 2
    assert init(name="店\nport=1") == 2
    assert Path(pc.root, "etc", "lantai", "record.ini").read_bytes() == before
    assert init(machine="1") == 10, "the program tree is another instance's"
    assert Path(pc.root, "etc", "lantai", "record.ini").read_bytes() == before
    assert init(name="新店") == 0


def test_secrets_come_by_standard_input_only(pc: branch.Branch) -> None:
    assert pc.run("login").code == 2
    assert pc.run("register", "--disk", pc.disk_number).code == 2


def test_the_script_runs_by_itself_and_leaves_no_files_in_the_program_tree(pc: branch.Branch) -> None:
    program = Path(branch.program(pc.root, pc.instance))
    before = sorted(program.rglob("*"))
    done = subprocess.run(
        [program / "bin" / "lantai", "disk"],
        env={**os.environ, "LANTAI_ROOT": pc.root},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert pc.disk_number in done.stdout
    assert sorted(program.rglob("*")) == before


def test_a_disk_for_a_wrong_number_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="12 digits"):
        make_disk("123", branch.usccs(1, 1)[0], "1")
