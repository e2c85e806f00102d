"""What the laws do not tell of programs: service, package, backup, restore."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from target_pc import Pc

from guiwei.errors import ResourceError
from guiwei.modules.backup import Backup
from guiwei.modules.package import Package
from guiwei.modules.restore import Restore
from guiwei.modules.service import Service
from guiwei.target.processes import alive
from guiwei.target.system import System


def _code(call: Any, *arguments: Any) -> str:
    with pytest.raises(ResourceError) as caught:
        call(*arguments)
    return caught.value.code


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


# service


START = 'echo x >> "$0.starts"; setsid sleep 300 </dev/null >/dev/null 2>&1 & echo $! > "$0"'


@pytest.fixture
def pid_file(pc: Pc) -> Iterator[Path]:
    path = pc.put("/run/c.pid", "")
    yield path
    text = path.read_text().strip() if path.exists() else ""
    if text and alive(int(text)):
        os.kill(int(text), 9)


def _service(pid_file: Path, **more: Any) -> Service:
    return Service("c", start=["/bin/sh", "-c", START, str(pid_file)], pid_file="/run/c.pid", timeout=10.0, **more)


def test_a_restart_is_a_stop_and_a_start(pc: Pc, pid_file: Path) -> None:
    service = _service(pid_file)
    service.write(pc.writer(), {"restarted": True})
    first = int(pid_file.read_text())
    service.write(pc.writer(), {"running": True, "restarted": True})
    second = int(pid_file.read_text())
    assert first != second
    assert not alive(first)
    assert service.read(pc.reader()) == {"running": True, "restarted": False}
    service.write(pc.writer(), {"restarted": False})
    assert int(pid_file.read_text()) == second
    service.write(pc.writer(), {"running": False})
    assert not alive(second)


def test_a_stale_pid_file_is_not_a_running_service(pc: Pc, pid_file: Path) -> None:
    process = subprocess.Popen(["/bin/true"])
    process.wait()
    for text in (str(process.pid), "", "nonsense"):
        pid_file.write_text(text)
        assert (_service(pid_file).read(pc.reader()) or {})["running"] is False
    pid_file.unlink()
    assert (_service(pid_file).read(pc.reader()) or {})["running"] is False


def test_up_means_ready(pc: Pc, pid_file: Path) -> None:
    service = Service(
        "c",
        start=["/bin/sh", "-c", START, str(pid_file)],
        pid_file="/run/c.pid",
        timeout=0.3,
        ready={"tcp": _free_port()},
    )
    with pytest.raises(ResourceError) as caught:
        service.write(pc.writer(), {"running": True})
    assert caught.value.code == "service-not-started"
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        ready = {"tcp": one.getsockname()[1], "file": "/run/c.pid"}
        _service(pid_file, ready=ready).write(pc.writer(), {"restarted": True})


def test_a_start_that_starts_nothing_is_told_with_what_it_said(pc: Pc, pid_file: Path) -> None:
    service = Service("c", start=["/bin/echo", "端口被占用"], pid_file="/run/c.pid", timeout=0.1)
    with pytest.raises(ResourceError) as caught:
        service.write(pc.writer(), {"running": True})
    assert (caught.value.code, caught.value.arguments["output"]) == ("service-not-started", "端口被占用")


def test_a_hung_process_is_ended_only_where_that_is_allowed(pc: Pc, pid_file: Path) -> None:
    _service(pid_file).write(pc.writer(), {"running": True})
    pid = int(pid_file.read_text())
    os.kill(pid, 19)
    stop = ["/bin/sh", "-c", "sleep 100"]
    hung: dict[str, Any] = {"stop": stop, "pid_file": "/run/c.pid", "timeout": 0.3}
    assert _code(Service("c", **hung).write, pc.writer(), {"running": False}) == "command-timeout"
    assert alive(pid)
    Service("c", force=True, **hung).write(pc.writer(), {"running": False})
    assert not alive(pid)


def test_rollback_of_a_service_is_its_state_before(pc: Pc, pid_file: Path) -> None:
    arguments = {name: item for name, item in vars(_service(pid_file)).items() if item is not None}
    (result,) = pc.apply({"module": "service", "with": arguments, "state": {"running": True}})
    assert result["status"] == "changed"
    pid = int(pid_file.read_text())
    assert pc.roll_back()[0]
    assert not alive(pid)


SYSTEMCTL = """#!/bin/sh
# A stand-in for systemctl: a folder holds what is active and enabled.
d="$(dirname "$0")/units"; mkdir -p "$d"
case "$1" in
  is-active) test -e "$d/$2.active" ;;
  is-enabled) test -e "$d/$2.enabled" ;;
  start) : > "$d/$2.active" ;;
  stop) rm -f "$d/$2.active" ;;
  enable) : > "$d/$2.enabled" ;;
  disable) rm -f "$d/$2.enabled" ;;
esac
"""


def test_units(pc: Pc, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/systemctl").write_text(SYSTEMCTL)
    (tmp_path / "bin/systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    unit = Service("lantai.service", provider="unit", timeout=5.0)
    real = System("/", str(pc.state))
    assert unit.read(real) == {"running": False, "enabled": False, "restarted": False}
    unit.write(real, {"running": True, "enabled": True})
    assert unit.read(real) == {"running": True, "enabled": True, "restarted": False}
    unit.write(real, {"enabled": False})
    assert unit.read(real) == {"running": True, "enabled": False, "restarted": False}
    # Below another root systemd would be somebody else's.
    assert _code(unit.read, pc.reader()) == "service-unit-root"


def test_service_arguments(pc: Pc) -> None:
    check = Service.check_arguments
    assert check({"name": "c", "pid_file": "/x"}) is None
    assert check({"name": "c", "provider": "unit", "enabled": True}) is None
    bad: list[dict[str, Any]] = [
        {"name": "c"}, {"pid_file": "/x", "enabled": True}, {"pid_file": "/x", "running": False, "restarted": True},
    ]  # fmt: skip
    assert [check(one) is None for one in bad] == [False] * 3
    assert _code(Service("c", pid_file="/x").write, pc.writer(), None) == "service-absent"
    assert _code(Service("c", pid_file="/x").write, pc.writer(), {"running": True}) == "service-no-command"
    assert _code(Service("c").read, pc.reader()) == "service-no-status"


# package


def _package(pc: Pc, version: str, **files: str) -> str:
    import io
    import tarfile

    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        for name, text in {"VERSION": version, **files}.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    sha256 = hashlib.sha256(made.getvalue()).hexdigest()
    pc.blobs[sha256] = made.getvalue()
    return sha256


def test_a_package_whose_version_is_another_touches_nothing(pc: Pc) -> None:
    pc.put("/opt/p/VERSION", "2.4.0\n")
    before = pc.tree()
    package = Package("p", "/opt/p")
    state = {"version": "3.1.0", "sha256": _package(pc, "3.0.0")}
    assert _code(package.write, pc.writer(), state) == "package-version"
    assert _code(package.write, pc.writer(), {"version": "3.1.0"}) == "package-no-archive"
    assert _code(package.write, pc.writer(), {"version": "3.1.0", "sha256": "0" * 64}) == "blob-missing"
    assert pc.tree() == before


def test_an_installer_that_exits_with_0_and_does_nothing_is_found_out(pc: Pc) -> None:
    pc.put("/opt/p/VERSION", "2.4.0\n")
    pc.put("/etc/record", "2.4.0\n")
    before = pc.tree()
    arguments: dict[str, Any] = {
        "name": "p", "path": "/opt/p", "record": "/etc/record", "install": ["/bin/echo", "done"],
    }  # fmt: skip
    (result,) = pc.apply(
        {"module": "package", "with": arguments, "state": {"version": "3.0", "sha256": _package(pc, "3.0.0")}}
    )
    assert (result["status"], result["error"]["code"]) == ("failed", "package-not-recorded")
    assert result["error"]["args"]["output"] == "0: done"
    assert pc.roll_back()[0]
    assert pc.tree() == before


def test_a_failed_exit_code_is_not_believed_either(pc: Pc) -> None:
    record = pc.put("/etc/record", "2.4.0\n")
    install = ["/bin/sh", "-c", f"echo 3.0.0 > '{record}'; exit 1"]
    receipt = Package("p", "/opt/p", record="/etc/record", install=install).write(
        pc.writer(), {"version": "3.0", "sha256": _package(pc, "3.0.0")}
    )
    assert receipt is not None
    assert receipt["version"] == "3.0.0"


def test_what_install_touches_is_restored(pc: Pc) -> None:
    driver = pc.put("/etc/driver.ini", "[driver]\nversion=1\n")
    before = pc.tree()
    arguments: dict[str, Any] = {
        "name": "p", "path": "/opt/p", "touches": ["/etc/driver.ini", "/etc/new"],
        "install": ["/bin/sh", "-c", f"echo 2 > '{driver}'; echo 1 > '{driver.parent}/new'"],
    }  # fmt: skip
    (result,) = pc.apply(
        {"module": "package", "with": arguments, "state": {"version": "3.0.0", "sha256": _package(pc, "3.0.0", a="1")}}
    )
    assert result["receipt"]["version"] == "3.0.0"
    assert pc.tree() != before
    assert pc.roll_back()[0]
    assert pc.tree() == before


def test_a_repair_install_replaces_damaged_files(pc: Pc) -> None:
    sha256 = _package(pc, "3.0.0", program="good")
    package = Package("p", "/opt/p")
    package.write(pc.writer(), {"version": "3.0.0", "sha256": sha256})
    pc.put("/opt/p/program", "damaged")
    assert package.write(pc.writer(), {"version": "3.0.0", "sha256": sha256}) is None
    assert pc.tree()["opt/p/program"] == b"damaged"
    package.write(pc.writer(), {"version": "3.0.0", "sha256": sha256, "reinstalled": True})
    assert pc.tree()["opt/p/program"] == b"good"
    assert sorted(pc.tree()) == ["opt", "opt/p", "opt/p/VERSION", "opt/p/program"]


# backup, restore


def test_a_backup_wants_paths(pc: Pc) -> None:
    assert _code(Backup("1.0").write, pc.writer(), {"done": True}) == "backup-empty"
    assert Backup("1.0").write(pc.writer(), {"done": False}) is None


def test_a_restore_of_what_is_there_does_nothing(pc: Pc) -> None:
    pc.put("/data/x", "1")
    receipt = Backup("1.0", paths=["/data"]).write(pc.writer(), {"done": True})
    assert receipt is not None
    restore = Restore(receipt["backup"])
    assert restore.read(pc.reader()) == {"done": True}
    pc.put("/data/x", "2")
    assert restore.read(pc.reader()) == {"done": False}
    assert (restore.write(pc.writer(), {"done": True}) or {})["backup"] == receipt["backup"]
    assert pc.tree()["data/x"] == b"1"
    assert _code(Restore("none").read, pc.reader()) == "backup-missing"
