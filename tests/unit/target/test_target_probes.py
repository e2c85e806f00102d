"""What the laws do not tell of the probes: tcp, http, usb_device."""

from __future__ import annotations

import http.server
import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from target_pc import Pc

from guiwei.errors import ResourceError
from guiwei.modules.http import Http
from guiwei.modules.tcp import Tcp
from guiwei.modules.usb_device import UsbDevice
from guiwei.target.system import System


def _code(call: Any, *arguments: Any) -> str:
    with pytest.raises(ResourceError) as caught:
        call(*arguments)
    return caught.value.code


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
    assert found["loss"] == 0.0
    free = _free_port()
    assert Tcp("127.0.0.1", free, tries=2).read(pc.reader()) == {"open": False, "loss": 1.0}
    # As clients keep their servers.
    for url in (f"http://127.0.0.1:{port}/upload", f" http://127.0.0.1:{port}\r\n"):
        told = Tcp(url, tries=3).read(pc.reader())
        assert told is not None
        assert told["open"] is True
    assert Tcp(f"http://127.0.0.1:{port}/", free).read(pc.reader()) == {"open": False, "loss": 1.0}
    assert Tcp("https://a/")._address() == ("a", 443)
    for wrong in ("", "http://", "a/b", "http://[::1"):
        assert _code(Tcp(wrong, 1).read, pc.reader()) == "address-invalid"
    for wrong in ("http://a:99999/", "ftp://a/"):
        assert _code(Tcp(wrong).read, pc.reader()) in ("address-invalid", "port-invalid")
    assert _code(Tcp("a").read, pc.reader()) == "port-invalid"


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
