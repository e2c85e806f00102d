"""The Windows PC itself: its code page, its devices, and that nothing of it is left."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.asking import observe
from windows_bench import Branch

from guiwei.lab.windows import parts, usb
from guiwei.lab.windows.wine import WinePc

REPOSITORY = Path(__file__).resolve().parents[2]
DISK = "101d:0003"


def test_ci_installs_what_the_pc_is_made_of() -> None:
    words = (REPOSITORY / ".ci" / "run").read_text("utf-8").split()
    assert set(parts.PACKAGES) <= set(words)


def test_without_root_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "WINE", Path("/nowhere/wine64"))
    monkeypatch.setattr(parts.os, "geteuid", lambda: 1000)
    with pytest.raises(parts.Unavailable, match=r"apt-get install wine64 wine .*locales"):
        parts.install_packages()


def test_the_code_page_is_gbk(wine: WinePc) -> None:
    done = wine.run(["cmd.exe", "/c", "echo 开票（北京）"])
    assert done.stdout.strip() == "开票（北京）".encode("gbk")


def test_no_heap_is_put_where_windows_has_its_shared_data(wine: WinePc) -> None:
    """Of two programs, one started by the other: the page 0x7ffe0000 is free, because nothing is placed at random."""
    if len(parts.loader()) == 1:
        pytest.skip("address randomisation cannot be switched off here")
    wait = "print(1, flush=True); import sys; sys.stdin.read()"
    again = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {wait!r}])"
    running = wine.open(["C:\\Python\\python.exe", "-c", again])
    assert running.stdout is not None
    assert running.stdout.readline().strip() == b"1"
    try:
        behind = [_heap_is_behind_the_loader(path) for path in _of(wine) if b"python.exe" in _bytes(path / "cmdline")]
        assert behind == [True, True]
    finally:
        running.communicate(b"", timeout=30)


def test_a_program_that_fails_says_with_what(wine: WinePc) -> None:
    with pytest.raises(RuntimeError, match=r"(?s)ended with 7.*不行"):
        wine.run_python("import sys; print('不行', file=sys.stderr); sys.exit(7)")


def test_a_pc_that_is_stopped_leaves_nothing(wine: WinePc) -> None:
    pc = WinePc(wine.folder / "another")
    sleep = ["C:\\Python\\python.exe", "-c", "print(1, flush=True); import time; time.sleep(600)"]
    with pc:
        running = pc.open(sleep)
        assert running.stdout is not None
        assert running.stdout.readline().strip() == b"1"
        # One that is only starting would start a server of its own where it finds none.
        starting = [pc.open(sleep) for _ in range(3)]
    for process in [running, *starting]:
        process.communicate(timeout=30)
    assert _of(pc) == []


def _of(pc: WinePc) -> list[Path]:
    """Return the folders below /proc of everything that runs on the PC."""
    mark = f"WINEPREFIX={pc.prefix}".encode()
    return [path for path in Path("/proc").glob("[0-9]*") if mark in _bytes(path / "environ").split(b"\0")]


def _heap_is_behind_the_loader(process: Path) -> bool:
    places = [line.split() for line in (process / "maps").read_text().splitlines()]
    (heap,) = [place[0].split("-")[0] for place in places if place[-1] == "[heap]"]
    return heap == [place[0].split("-")[1] for place in places if place[-1] == str(parts.WINE)][-1]


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_usb_devices(branch: Branch) -> None:
    devices = [(DISK, "00000001", "USB Flash Disk"), (DISK, "00000002", "SWUKey"), ("1432:07dc", "5&2a&0&1", "")]
    for device in devices:
        usb.plug(branch.pc, *device)
    # An interface of a composite device, and a hub.
    usb.plug(branch.pc, "1432:07dc&mi_00", "5&2a&0&0", "NISEC")
    usb.plug(branch.pc, "1d6b:0002", "5&1", "Hub", hub=True)
    disk = {"vendor": "101D", "product_id": "0003"}
    try:
        with branch.connect() as session:
            answer = session.ask(
                observe(
                    ("usb_device", disk),
                    ("usb_device", {**disk, "product_string": "Flash"}),
                    ("usb_device", {**disk, "product_string": "(?i)u-?key"}),
                    ("usb_device", {"vendor": "163c", "product_id": "5480"}),
                    ("usb_device", {"vendor": "1432", "product_id": "07dc", "product_string": "NISEC"}),
                    ("usb_device", {**disk, "manufacturer_string": "Aisino"}),
                )
            )
    finally:
        for id, serial, _ in devices:
            usb.unplug(branch.pc, id, serial)
        usb.unplug(branch.pc, "1432:07dc&mi_00", "5&2a&0&0")
        usb.unplug(branch.pc, "1d6b:0002", "5&1")
    assert answer["facts"]["usb"] == [
        {"id": DISK, "manufacturer": "", "product": "USB Flash Disk", "serial": "00000001"},
        {"id": DISK, "manufacturer": "", "product": "SWUKey", "serial": "00000002"},
        {"id": "1432:07dc", "manufacturer": "", "product": "", "serial": ""},
    ]
    states = answer["states"]
    assert states["r1"]["count"] == 2
    assert states["r2"] == {"present": True, "count": 1, "product": "USB Flash Disk", "serial": "00000001"}
    assert states["r3"]["serial"] == "00000002"
    assert states["r4"] == {"present": False, "count": 0}
    # What Windows cannot tell is not guessed at.
    assert {read: error["code"] for read, error in answer["errors"].items()} == {
        "r5": "usb-strings",
        "r6": "usb-strings",
    }
