"""What the laws do not tell of single modules."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from target_pc import Pc

from guiwei.errors import ResourceError
from guiwei.modules.backup import Backup
from guiwei.modules.command import Command
from guiwei.modules.file import CONTENT_LIMIT, File
from guiwei.modules.http import Http
from guiwei.modules.ini import IniOption
from guiwei.modules.inquiry import Inquiry
from guiwei.modules.line import Line
from guiwei.modules.package import Package
from guiwei.modules.query import Query
from guiwei.modules.restore import Restore
from guiwei.modules.service import Service
from guiwei.modules.sqlite import SqliteRow
from guiwei.modules.tcp import Tcp
from guiwei.modules.usb_device import UsbDevice
from guiwei.target import ini_text
from guiwei.target.processes import alive
from guiwei.target.secret import MASK, Secret
from guiwei.target.system import System


def _code(call: Any, *arguments: Any) -> str:
    with pytest.raises(ResourceError) as caught:
        call(*arguments)
    return caught.value.code


# ini, line, file


def test_many_options_of_one_file_are_one_parse(pc: Pc, monkeypatch: pytest.MonkeyPatch) -> None:
    pc.put("/a.ini", ("[单位]\r\n" + "".join(f"选项{n}={n}\r\n" for n in range(30))).encode("gbk"))
    parsed: list[object] = []
    original = ini_text.parse
    monkeypatch.setattr(ini_text, "parse", lambda *args: (parsed.append(args), original(*args))[1])
    system = pc.reader()
    found = [IniOption("/a.ini", "单位", f"选项{n}", encoding="gbk").read(system) for n in range(30)]
    assert found == [{"value": str(n)} for n in range(30)]
    assert len(parsed) == 1


def test_a_missing_ini_file_is_made_only_if_it_may_be(pc: Pc) -> None:
    wanted = {"value": "v"}
    assert _code(IniOption("/a.ini", "s", "x", create=False).write, pc.writer(), wanted) == "path-missing"
    IniOption("/a.ini", "s", "x", encoding="utf-16", newline="crlf").write(pc.writer(), wanted)
    assert pc.tree()["a.ini"] == "[s]\r\nx=v\r\n".encode("utf-16")
    assert IniOption("/b.ini", "s", "x").write(pc.writer(), None) is None
    assert "b.ini" not in pc.tree()


def test_what_cannot_be_read_back_is_not_written(pc: Pc) -> None:
    pc.put("/a.ini", "[s]\nx=税\n".encode())
    before = pc.tree()
    for name, text in (("x", "a\nb"), ("x=y", "v"), ("x\nz", "v"), (";x", "v"), ("x", "é")):
        assert _code(IniOption("/a.ini", "s", name).write, pc.writer(), {"value": text}) == "text-ambiguous", (
            name,
            text,
        )
    assert _code(Line("/a.ini").write, pc.writer(), {"value": "a\nb"}) == "text-ambiguous"
    assert pc.tree() == before
    # Told the encoding, nothing is ambiguous.
    IniOption("/a.ini", "s", "x", encoding="utf-8").write(pc.writer(), {"value": "é"})
    assert pc.tree()["a.ini"] == "[s]\nx=é\n".encode()


def test_gbk_stays_gbk(pc: Pc) -> None:
    # 税 is CB B0 and 隆 is C2 A1: both are UTF-8 too.
    pc.put("/a.ini", "[s]\nx=税\n".encode("gbk"))
    option = IniOption("/a.ini", "s", "x")
    assert option.read(pc.reader()) == {"value": "税"}
    option.write(pc.writer(), {"value": "隆"})
    assert pc.tree()["a.ini"] == "[s]\nx=隆\n".encode("gbk")
    before = pc.tree()
    assert _code(option.write, pc.writer(), {"value": Secret("😀")}) == "text-unencodable"
    assert pc.tree() == before


def test_a_content_that_is_too_long_to_compare_is_said_so() -> None:
    assert _code(File("/x").normal, {"content": "税" * (CONTENT_LIMIT // 3 + 1)}) == "file-content-large"
    assert File("/x", newline="crlf").normal({"content": Secret("a\nb")}) == {"content": Secret("a\r\nb")}
    assert File.check_arguments({"content": "", "source": "x"}) is not None


# command


def test_a_secret_is_given_and_never_told(pc: Pc) -> None:
    script = 'read pin; echo "got $pin"; echo "err $pin" >&2'
    receipt = Command(["/bin/sh", "-c", script]).write(pc.writer(), {"done": True, "given": Secret("8812\nx")})
    assert receipt == {"code": 0, "output": f"got {MASK}\nerr {MASK}"}
    with pytest.raises(ResourceError) as caught:
        Command(["/bin/sh", "-c", script + "; exit 14"]).write(pc.writer(), {"done": True, "given": Secret("8812")})
    assert (caught.value.code, caught.value.arguments["exit_code"]) == ("command-failed", 14)
    assert "8812" not in str(caught.value)
    assert MASK in caught.value.arguments["output"]


def test_the_secret_of_a_step_stays_out_of_journal_and_report(pc: Pc) -> None:
    step: dict[str, Any] = {"module": "command", "with": {"argv": ["/bin/cat"]}}
    (result,) = pc.apply({**step, "state": {"done": True, "given": Secret("8812")}})
    assert (result["status"], result["changes"]) == ("changed", [["done", False, True]])
    assert "8812" not in json.dumps(result)
    assert not [path for path in pc.state.rglob("*") if path.is_file() and b"8812" in path.read_bytes()]


def test_output_is_cut_and_codes_are_chosen(pc: Pc) -> None:
    long = ["/bin/sh", "-c", "i=0; while [ $i -lt 400 ]; do echo 税号税号税号; i=$((i+1)); done; exit 3"]
    receipt = Command(long, success=[0, 3]).write(pc.writer(), {"done": True})
    assert receipt is not None
    assert receipt["code"] == 3
    assert 2000 < len(receipt["output"].encode()) <= 2048


def test_an_exit_code_proves_nothing(pc: Pc) -> None:
    assert _code(Command(["/bin/true"], creates="/x").write, pc.writer(), {"done": True}) == "command-no-effect"
    assert (
        _code(Command(["/bin/true"], unless=["/bin/false"]).write, pc.writer(), {"done": True}) == "command-no-effect"
    )
    assert Command(["/bin/true"], unless=["/bin/true"]).read(pc.reader()) == {"done": True}
    assert Command(["/bin/true"]).read(pc.reader()) == {"done": False}
    assert Command(["/bin/false"]).write(pc.writer(), {"done": False}) is None


def test_folder_and_environment(pc: Pc) -> None:
    pc.put("/work dir/x", "")
    command = Command(["/bin/sh", "-c", 'pwd; echo "$A"'], folder="/work dir", environment={"A": "税"})
    assert (command.write(pc.writer(), {"done": True}) or {})["output"] == f"{pc.root}/work dir\n税"


# inquiry, query


def test_an_answer_that_is_no_json_object_is_an_error(pc: Pc) -> None:
    for text in ("[]", "nonsense", ""):
        assert _code(Inquiry(["/bin/echo", text]).read, pc.reader()) == "inquiry-answer"
    assert Inquiry(["/none/client", "status"]).read(pc.reader()) is None
    assert Inquiry(["/bin/echo", '{"a": {"b": 1}}']).read(pc.reader()) == {"code": 0, "answer": {"a": {"b": 1}}}


def test_a_query_goes_by_the_schema(pc: Pc) -> None:
    import sqlite3

    with sqlite3.connect(pc.put("/d.db", b"")) as connection:
        connection.execute("CREATE TABLE meta (key, value)")
        connection.execute("INSERT INTO meta VALUES ('schema', '3.1')")
    version = "SELECT value FROM meta WHERE key = 'schema'"
    by_version: Any = {3.1: "SELECT 31 AS n", "2": "SELECT 2 AS n"}
    assert Query("/d.db", by_version=by_version, version_sql=version).read(pc.reader()) == {"rows": [{"n": 31}]}
    with pytest.raises(ResourceError) as caught:
        Query("/d.db", by_version={"2": "SELECT 2"}, version_sql=version).read(pc.reader())
    assert (caught.value.code, caught.value.arguments["version"]) == ("query-version", "3.1")
    assert Query("/none.db", sql="SELECT 1").read(pc.reader()) is None
    assert Query.check_arguments({"sql": "a", "by_version": {"1": "b"}}) is not None
    assert Query.check_arguments({}) is not None
    assert Query.check_arguments({"sql": "a"}) is None


def test_sqlite_arguments() -> None:
    check = SqliteRow.check_arguments
    assert check({"path": "/d", "table": "t", "key": {"a": 1}, "row": {"b": 1}}) is None
    assert check({"path": "/d", "schema_version": 3}) is None
    bad: list[dict[str, Any]] = [
        {"table": "t"}, {"key": {"a": 1}}, {"row": {"b": 1}}, {"table": "t", "key": {"a": 1}, "schema_version": 1},
        {"table": "t", "key": {"a": 1}, "row": {"a": 2}},
    ]  # fmt: skip
    assert [check(one) is None for one in bad] == [False] * 5


def test_a_database_is_not_removed(pc: Pc) -> None:
    pc.put("/d.db", b"")
    assert _code(SqliteRow("/d.db").write, pc.writer(), None) == "sqlite-absent"


# tcp, http


class _Handler(http.server.BaseHTTPRequestHandler):
    codes: list[int] = []
    seen: list[str] = []

    def do_GET(self) -> None:
        self.seen.append(f"{self.command} {self.path}")
        code = self.codes.pop(0) if self.codes else 200
        if code == 0:
            self.close_connection = True
            return
        self.send_response(code)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    do_HEAD = do_GET

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    _Handler.codes, _Handler.seen = [], []
    server = http.server.HTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_http_says_how_steadily(pc: Pc, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    system = pc.reader()
    found = Http(address + "/上传 x?a=1", tries=3).read(system)
    assert found is not None
    assert (found["ok"], found["status"], found["loss"]) == (True, 200, 0.0)
    assert found["milliseconds"] > 0
    assert _Handler.seen == ["GET /%E4%B8%8A%E4%BC%A0%20x?a=1"] * 3
    _Handler.codes = [200, 0, 500, 302]
    found = Http(address, tries=4, method="HEAD").read(system)
    assert found is not None
    assert (found["ok"], found["status"], found["loss"], found["reason"]) == (False, 302, 0.5, "HTTP 500")
    _Handler.codes = [200, 0]
    assert (Http(address, tries=2, max_loss=0.5).read(system) or {})["ok"] is True
    _Handler.codes = [404]
    assert (Http(address, expect=[404]).read(system) or {})["ok"] is True
    assert (Http(address, expect=[204]).read(system) or {})["reason"] == "HTTP 200"


def test_http_nobody_there(pc: Pc) -> None:
    found = Http(f"http://127.0.0.1:{_free_port()}/", timeout=1.0).read(pc.reader())
    assert found is not None
    assert (found["ok"], found["loss"], "status" in found) == (False, 1.0, False)
    assert "refused" in found["reason"]
    for url in ("ftp://x/", "http:///x", "http://[::1", "http://x:99999/"):
        assert _code(Http(url).read, pc.reader()) == "http-url"


def test_tcp(pc: Pc, address: str) -> None:
    port = int(address.rpartition(":")[2])
    found = Tcp("127.0.0.1", port).read(pc.reader())
    assert found is not None
    assert found["open"] is True
    assert Tcp("127.0.0.1", _free_port()).read(pc.reader()) == {"open": False}


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


# usb_device


def _plug(pc: Pc, name: str, **strings: str) -> None:
    for part, text in strings.items():
        pc.put(f"/sys/bus/usb/devices/{name}/{part}", text + "\n")


def test_disks_of_one_id_are_told_apart_by_their_strings(pc: Pc) -> None:
    ids = {"idVendor": "101d", "idProduct": "0003"}
    disk = UsbDevice("101D", "0003", product_string="Flash Disk")
    assert disk.read(pc.reader()) == {"present": False, "count": 0}
    _plug(pc, "1-1", **ids, product="SWUKey", manufacturer="ChinaTax")
    _plug(pc, "1-1:1.0", **ids, product="USB Flash Disk")
    assert disk.read(pc.reader()) == {"present": False, "count": 0}
    _plug(pc, "1-2", **ids, product="USB Flash Disk", manufacturer="Aisino", serial="001", busnum="1", devnum="7")
    assert disk.read(pc.reader()) == {
        "present": True, "count": 1, "manufacturer": "Aisino", "product": "USB Flash Disk", "serial": "001",
    }  # fmt: skip
    assert (UsbDevice("101d", "0003").read(pc.reader()) or {})["count"] == 2


def test_a_simulated_pc_never_asks_the_real_bus(pc: Pc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UsbDevice, "_in_libusb", lambda self: [(1, 1)])
    assert UsbDevice("101d", "0003").read(pc.reader()) == {"present": False, "count": 0}
    real = System("/", str(pc.state))
    assert UsbDevice("dead", "beef").read(real) == {"present": True, "count": 1}
    # libusb alone knows no strings: that is said, not guessed.
    assert _code(UsbDevice("dead", "beef", product_string="x").read, real) == "usb-strings"


UMOCKDEV = """P: /devices/pci0000:00/0000:00:14.0/usb1/1-3
N: bus/usb/001/007={descriptors}
E: DEVNAME=/dev/bus/usb/001/007
E: DEVTYPE=usb_device
E: PRODUCT=101d/3/100
E: BUSNUM=001
E: DEVNUM=007
E: SUBSYSTEM=usb
A: idVendor=101d\\n
A: idProduct=0003\\n
A: manufacturer=Aisino\\n
A: product=USB Flash Disk\\n
A: serial=000000000017\\n
A: busnum=1\\n
A: devnum=7\\n
A: bConfigurationValue=1\\n
A: speed=480\\n
H: descriptors={descriptors}

"""

#: A USB 2.0 device descriptor of 101d:0003 and one configuration with one vendor-specific interface.
DESCRIPTORS = "12010002000000401d1003000001010203010902120001010080320904000000ff000000"

PROBE = """
import json
from guiwei.modules.usb_device import UsbDevice
from guiwei.target.system import System
device = UsbDevice("101d", "0003", product_string="Flash Disk", manufacturer_string="^Aisino$")
print(json.dumps([UsbDevice._in_libusb(device), device.read(System("/", "/nowhere"))]))
"""


def test_libusb_and_sysfs_agree_on_a_mocked_bus(tmp_path: Path) -> None:
    """Real libusb and pyusb enumerate the device of a umockdev description."""
    import shutil
    import sys

    if shutil.which("umockdev-run") is None:
        pytest.skip("umockdev is not installed (apt-get install umockdev libusb-1.0-0)")
    (tmp_path / "disk.umockdev").write_text(UMOCKDEV.format(descriptors=DESCRIPTORS.upper()))
    run = subprocess.run(
        ["umockdev-run", "-d", str(tmp_path / "disk.umockdev"), "--", sys.executable, "-c", PROBE],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    enumerated, state = json.loads(run.stdout)
    assert enumerated == [[1, 7]]
    assert state == {
        "present": True, "count": 1, "manufacturer": "Aisino", "product": "USB Flash Disk", "serial": "000000000017",
    }  # fmt: skip


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
