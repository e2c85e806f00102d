"""The agent on a real Windows CPython: it looks, writes, proves and takes back, as on Linux."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.asking import apply, command, eventually, file, observe
from windows_bench import Branch

from guiwei.errors import GateError, GuiweiError, UnknownOutcomeError
from guiwei.target.journal import journal_entries

RUN = "20260105T013000Z-a1b2"
SETTINGS = "[单位]\r\n税号 = 91110108MA01A2B3C4\r\n名称=兰台（北京）\r\n\r\n[网络]\r\n超时=30\r\n"


def contents(folder: Path) -> dict[str, Any]:
    """Return every path below a folder: bytes, or None for a folder."""
    found = {}
    for path in sorted(folder.rglob("*")):
        found[str(path.relative_to(folder))] = path.read_bytes() if path.is_file() else None
    return found


def asked(branch: Branch, request: dict[str, Any], **more: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Ask once; return the answer and the results."""
    results: list[dict[str, Any]] = []
    with branch.connect(**more) as session:
        return session.ask(request, results.append), results


def test_facts(branch: Branch) -> None:
    facts = asked(branch, observe())[0]["facts"]
    assert facts["system"] == "windows"
    assert facts["distribution"]["id"] == "windows"
    assert facts["architecture"] == "amd64"
    assert facts["interpreter"].lower() == "c:\\python\\python.exe"
    assert facts["state_dir"].lower() == branch.pc.windows_path(branch.state).lower()
    guid = branch.registry("list", "SOFTWARE\\Microsoft\\Cryptography", 64)["MachineGuid"][1]
    assert facts["machine_id"] == guid
    assert facts["hostname"]


def test_looking_changes_nothing(branch: Branch) -> None:
    (branch.folder / "设置.ini").write_bytes(SETTINGS.encode("gbk"))
    before = contents(branch.folder)
    ini = {"path": f"{branch.home}\\设置.ini", "section": "单位", "encoding": "gbk"}
    key = {"path": f"HKLM\\{branch.key}", "name": "Version"}
    answer, _ = asked(
        branch,
        observe(
            ("ini", {**ini, "option": "税号"}),
            ("ini", {**ini, "path": f"{branch.home}/设置.ini", "option": "名称"}),
            ("registry", key),
            ("file", {"path": "设置.ini"}),
            ("file", {"path": "/设置.ini"}),
        ),
    )
    states, errors = answer["states"], answer["errors"]
    assert states["r1"] == {"value": "91110108MA01A2B3C4"}
    assert states["r2"] == {"value": "兰台（北京）"}
    assert states["r3"] is None
    # Neither is a place on this PC: the one hangs on the working folder, the other on the working drive.
    assert [errors[read]["code"] for read in ("r4", "r5")] == ["path-not-absolute"] * 2
    assert contents(branch.folder) == before
    assert branch.registry("list", branch.key, 64) is None


@pytest.fixture
def office(branch: Branch) -> Branch:
    """A branch with files as a client leaves them, and what is wanted of it differs in everything."""
    (branch.folder / "Bin").mkdir()
    (branch.folder / "设置.ini").write_bytes(SETTINGS.encode("gbk"))
    (branch.folder / "Bin" / "AQJRDZ.txt").write_bytes("https://旧.example.cn:8443\r\n".encode("gbk"))
    with closing(sqlite3.connect(branch.folder / "client.db")) as database, database:
        database.execute("CREATE TABLE 设置 (name TEXT PRIMARY KEY, value TEXT)")
        database.executemany("INSERT INTO 设置 VALUES (?, ?)", [("周期", "7"), ("别的", "1")])
    branch.registry("fill", branch.key, 32, [["Version", "REG_SZ", "2.4"], ["DataBaseVersion", "REG_DWORD", 24]])
    return branch


def wanted(branch: Branch) -> list[dict[str, Any]]:
    """Return steps that change something of every kind."""
    home, key = branch.home, f"HKLM\\{branch.key}"
    ini = {"path": f"{home}\\设置.ini", "encoding": "gbk"}
    return [
        {"module": "directory", "with": {"path": f"{home}\\数据 备份\\2026"}, "state": {}},
        file(f"{home}\\数据 备份\\说明.txt", content="开票数据\r\n", mode="0600", owner="root"),
        {"module": "ini", "with": {**ini, "section": "网络", "option": "超时"}, "state": {"value": "60"}},
        {
            "module": "line",
            "with": {"path": f"{home}\\Bin\\AQJRDZ.txt", "encoding": "gbk"},
            "state": {"value": "https://新.example.cn:8443"},
        },
        {
            "module": "sqlite",
            "with": {"path": f"{home}\\client.db", "table": "设置", "key": {"name": "周期"}},
            "state": {"row": {"value": "1"}},
        },
        {"module": "registry", "with": {"path": key, "name": "version", "view": 32}, "state": {"data": "3.1.0"}},
        {
            "module": "registry",
            "with": {"path": f"{key}\\91110108MA01A2B3C4.0\\路径", "name": "", "view": 64},
            "state": {"type": "REG_EXPAND_SZ", "data": "%ProgramFiles%\\开票软件"},
        },
        {"module": "registry", "with": {"path": key, "name": "DataBaseVersion", "view": 32}, "state": None},
    ]


def registry_of(branch: Branch) -> dict[str, Any]:
    keys = (branch.key, f"{branch.key}\\91110108MA01A2B3C4.0", f"{branch.key}\\91110108MA01A2B3C4.0\\路径")
    return {f"{view} {key}": branch.registry("list", key, view) for view in (64, 32) for key in keys}


def test_apply_again_and_back(office: Branch) -> None:
    before, values = contents(office.folder), registry_of(office)
    _, results = asked(office, apply(RUN, *wanted(office)))
    assert [(result["status"], result.get("error")) for result in results] == [("changed", None)] * 8
    folder = office.folder
    assert (folder / "设置.ini").read_bytes() == SETTINGS.replace("超时=30", "超时=60").encode("gbk")
    assert (folder / "Bin" / "AQJRDZ.txt").read_bytes() == "https://新.example.cn:8443\r\n".encode("gbk")
    assert (folder / "数据 备份" / "说明.txt").read_bytes() == "开票数据\r\n".encode()
    assert (folder / "数据 备份" / "2026").is_dir()
    with closing(sqlite3.connect(folder / "client.db")) as database:
        assert dict(database.execute("SELECT * FROM 设置")) == {"周期": "1", "别的": "1"}
    now = registry_of(office)
    # The name stays as the client wrote it, and the kind of a value that is not asked for stays too.
    assert now[f"32 {office.key}"] == {"Version": [1, "3.1.0"]}
    assert now[f"64 {office.key}\\91110108MA01A2B3C4.0\\路径"] == {"": [2, "%ProgramFiles%\\开票软件"]}
    # The other view has nothing of it, and a 64-bit program finds the 32-bit one below WOW6432Node.
    assert now[f"64 {office.key}"] == {}
    redirected = office.key.replace("SOFTWARE\\", "SOFTWARE\\WOW6432Node\\")
    assert office.registry("list", redirected, 64) == {"Version": [1, "3.1.0"]}

    after = contents(folder)
    _, results = asked(office, apply(f"{RUN}-2", *wanted(office)))
    assert [result["status"] for result in results] == ["unchanged"] * 8
    assert contents(folder) == after

    answer, results = asked(office, {"op": "rollback", "run": RUN})
    assert answer["whole"], results
    assert {result["status"] for result in results} == {"restored"}
    changed = {name for name, data in contents(folder).items() if before.get(name, b"") != data}
    # SQLite counts its changes in the file itself.
    assert changed == {"client.db"}
    with closing(sqlite3.connect(folder / "client.db")) as database:
        assert dict(database.execute("SELECT * FROM 设置")) == {"周期": "7", "别的": "1"}
    assert set(contents(folder)) == set(before)
    assert registry_of(office) == values


def test_rollback_leaves_what_somebody_changed_since(office: Branch) -> None:
    asked(office, apply(RUN, *wanted(office)))
    office.registry("fill", office.key, 32, [["Version", "REG_SZ", "3.2"]])
    office.registry("fill", f"{office.key}\\91110108MA01A2B3C4.0", 64, [["Path", "REG_SZ", "C:\\x"]])
    answer, results = asked(office, {"op": "rollback", "run": RUN})
    assert not answer["whole"]
    conflicts = {
        (result["kind"], result["path"].rpartition("\\")[2]) for result in results if result["status"] == "conflict"
    }
    # The value is somebody's now, and so is the key that the run had made.
    name = office.key.rpartition("\\")[2]
    assert conflicts == {("registry", name), ("registry-key", "91110108MA01A2B3C4.0"), ("registry-key", name)}
    assert office.registry("list", office.key, 32) == {"Version": [1, "3.2"], "DataBaseVersion": [4, 24]}


@pytest.mark.parametrize("how", ["open", "alone"])
def test_a_file_in_use(office: Branch, how: str) -> None:
    """Windows says "access denied" of it as well; guiwei says that it is in use, and which file."""
    step = wanted(office)[3]
    path = step["with"]["path"]
    before = contents(office.folder)
    holder = office.holder(path, how)
    try:
        answer, _ = asked(office, observe(("line", step["with"])))
        if how == "open":
            assert answer["states"]["r1"]["value"] == "https://旧.example.cn:8443"
        else:
            assert answer["errors"]["r1"]["code"] == "file-in-use"
        _, (result,) = asked(office, apply(RUN, step))
        assert (result["status"], result["error"]["code"]) == ("failed", "file-in-use")
        assert result["error"]["args"]["path"].lower() == path.lower()
    finally:
        holder.communicate(b"", timeout=30)
    assert contents(office.folder) == before
    _, (result,) = asked(office, apply(RUN, step))
    assert result["status"] == "changed"


HOLD_DATABASE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""


def test_a_database_in_use(office: Branch) -> None:
    with office.connect() as session:
        session.ask(observe())
        holder = office.pc.open(
            ["C:\\Python\\python.exe", "-X", "utf8", "-c", HOLD_DATABASE, f"{office.home}\\client.db"]
        )
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline().strip() == b"held"
            results: list[dict[str, Any]] = []
            session.ask(apply(RUN, wanted(office)[4]), results.append)
        finally:
            holder.communicate(b"", timeout=30)
    assert results[0]["error"]["code"] == "file-in-use"


def test_a_hidden_read_only_file_stays_so(office: Branch) -> None:
    path = f"{office.home}\\Bin\\AQJRDZ.txt"
    set_attributes = (
        "import ctypes, sys; assert ctypes.windll.kernel32.SetFileAttributesW(sys.argv[1], 0x1 | 0x2 | 0x4)"
    )
    look = "import os, sys; print(os.stat(sys.argv[1]).st_file_attributes & 0x7)"
    office.pc.run_python(set_attributes, path)
    assert office.pc.run_python(look, path) == "7\n"
    removal = {"module": "file", "with": {"path": path}, "state": None}
    _, results = asked(office, apply(RUN, wanted(office)[3]))
    assert [result["status"] for result in results] == ["changed"]
    assert office.pc.run_python(look, path) == "7\n"
    _, results = asked(office, apply(RUN, removal))
    assert [result["status"] for result in results] == ["changed"]
    assert not (office.folder / "Bin" / "AQJRDZ.txt").exists()
    assert asked(office, {"op": "rollback", "run": RUN})[0]["whole"]
    assert office.pc.run_python(look, path) == "7\n"
    assert (office.folder / "Bin" / "AQJRDZ.txt").read_bytes() == "https://旧.example.cn:8443\r\n".encode("gbk")


def test_bytes_of_an_artifact(office: Branch, tmp_path: Path) -> None:
    data = os.urandom(300_000) + "开票".encode()
    (tmp_path / "setup.exe").write_bytes(data)
    sha256 = hashlib.sha256(data).hexdigest()
    with office.connect() as session:
        session.offer(sha256, tmp_path / "setup.exe")
        results: list[dict[str, Any]] = []
        session.ask(apply(RUN, file(f"{office.home}\\安装 (1).exe", sha256=sha256)), results.append)
    assert results[0]["status"] == "changed", results
    assert (office.folder / "安装 (1).exe").read_bytes() == data


def test_simulated_pcs_on_one_windows_do_not_meet(office: Branch) -> None:
    """With guiwei_root, paths and keys of each lie below its own."""
    steps = [
        {"module": "directory", "with": {"path": "D:\\开票软件数据备份"}, "state": {}},
        file("D:\\开票软件数据备份\\a.txt", content="甲\n"),
        {"module": "registry", "with": {"path": "HKLM\\SOFTWARE\\x", "name": "n"}, "state": {"data": "甲"}},
    ]
    for number in (1, 2):
        root = f"{office.home}\\pc-{number}"
        _, results = asked(office, apply(f"{RUN}-{number}", *steps), guiwei_root=root)
        assert [result["status"] for result in results] == ["changed"] * 3
        assert (office.folder / f"pc-{number}" / "D" / "开票软件数据备份" / "a.txt").read_bytes() == "甲\n".encode()
        escape = file("C:\\..\\..\\x", content="")
        _, (result,) = asked(office, apply(f"{RUN}-{number}", escape), guiwei_root=root)
        assert result["error"]["code"] == "path-not-absolute"
    assert office.registry("list", "SOFTWARE\\x", 64) is None
    for number in (1, 2):
        assert asked(office, {"op": "rollback", "run": f"{RUN}-{number}"}, guiwei_root=f"{office.home}\\pc-{number}")[
            0
        ]["whole"]


def test_another_run_holds_the_pc(office: Branch) -> None:
    slow = command("C:\\Python\\python.exe", "-c", "import time; time.sleep(60)", timeout=3)
    with office.connect() as first, office.connect() as second:
        second.ask(observe())
        heard: list[dict[str, Any]] = []

        def meanwhile(result: dict[str, Any]) -> None:
            if result["id"] != "s1":
                return
            with pytest.raises(GateError) as caught:
                second.ask(apply("other", file(f"{office.home}\\x", content="")))
            heard.append({"code": caught.value.code, "holder": caught.value.arguments["holder"]})

        first.ask(apply(RUN, file(f"{office.home}\\y", content=""), slow), meanwhile)
    assert heard[0] == {"code": "pc-locked", "holder": RUN}
    assert not (office.folder / "x").exists()


def test_a_program_past_its_deadline_ends_with_all_that_it_started(office: Branch) -> None:
    sleep = "import time; time.sleep(600)"
    child = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {sleep!r}]); {sleep}"
    _, (result,) = asked(office, apply(RUN, command("C:\\Python\\python.exe", "-c", child, timeout=3)))
    assert result["error"]["code"] == "command-timeout"
    assert eventually(lambda: not office.pc.programs()), office.pc.programs()


def test_an_agent_that_hangs_is_ended_from_outside(office: Branch) -> None:
    hang = command("C:\\Python\\python.exe", "-c", "import time; time.sleep(600)", timeout=500)
    with office.connect(step_timeout=4) as session, pytest.raises(UnknownOutcomeError):
        session.ask(apply(RUN, hang))
    assert eventually(lambda: not office.pc.programs()), office.pc.programs()


def test_an_agent_that_is_killed_leaves_a_journal_to_go_back_by(office: Branch) -> None:
    steps = wanted(office)[:3]
    hang = command("C:\\Python\\python.exe", "-c", "import time; time.sleep(600)", timeout=500)
    with office.connect() as session:
        killed: list[str] = []

        def kill(result: dict[str, Any]) -> None:
            if result["id"] == "s3":
                killed.append(office.pc.run_python(KILL_OTHERS))

        with pytest.raises(GuiweiError) as caught:
            session.ask(apply(RUN, *steps, hang), kill)
    assert caught.value.code == "outcome-unknown"
    assert killed
    assert eventually(lambda: not office.pc.programs()), office.pc.programs()
    assert [entry["op"] for entry in journal_entries(str(office.state), RUN)].count("result") == 3
    answer, _ = asked(office, {"op": "rollback", "run": RUN})
    assert answer["whole"]
    assert (office.folder / "设置.ini").read_bytes() == SETTINGS.encode("gbk")
    assert not (office.folder / "数据 备份").exists()


#: Ends every other Python of the PC, as the task manager would; also one that is being started meanwhile.
KILL_OTHERS = """
import ctypes, os, time
class Entry(ctypes.Structure):
    _fields_ = [(name, ctypes.c_ulong) for name in ("size", "usage", "pid")] + [("heap", ctypes.c_size_t)] + [
        (name, ctypes.c_ulong) for name in ("module", "threads", "parent", "priority", "flags")
    ] + [("name", ctypes.c_wchar * 260)]
kernel = ctypes.windll.kernel32
kernel.CreateToolhelp32Snapshot.restype = ctypes.c_void_p
def sweep():
    snapshot, entry = ctypes.c_void_p(kernel.CreateToolhelp32Snapshot(2, 0)), Entry(size=ctypes.sizeof(Entry))
    found, ended = kernel.Process32FirstW(snapshot, ctypes.byref(entry)), 0
    while found:
        if entry.name.lower() == "python.exe" and entry.pid != os.getpid():
            os.kill(entry.pid, 9)
            print(entry.pid)
            ended += 1
        found = kernel.Process32NextW(snapshot, ctypes.byref(entry))
    return ended
quiet = 0
while quiet < 5:
    quiet = 0 if sweep() else quiet + 1
    time.sleep(0.2)
"""


def test_the_payload_stays_and_a_damaged_one_is_not_run(office: Branch) -> None:
    asked(office, observe())
    (kept,) = (office.state / "payload").iterdir()
    good = kept.read_bytes()
    kept.write_bytes(good[:-2000] + bytes([good[-2000] ^ 1]) + good[-1999:])
    assert asked(office, observe())[0]["op"] == "observed"
    assert kept.read_bytes() == good
