"""A branch office on the Windows PC: guiwei reaches it, and the tests look at it without guiwei."""

from __future__ import annotations

import json
import shutil
import subprocess
import uuid
from pathlib import Path
from typing import Any

from support.asking import eventually

from guiwei.lab.windows.wine import WinePc
from guiwei.model.inventory import Host
from guiwei.transport.connect import connect
from guiwei.transport.session import Session
from guiwei.transport.settings import Settings

__all__ = ["Branch"]


class Branch:
    """One office's part of the PC.

    Attributes:
        folder: where its files lie on this machine; `home` is what Windows calls that.
        key: a registry key of its own, below HKLM\\SOFTWARE.
        state: guiwei's folder on the PC.
    """

    def __init__(self, pc: WinePc, work: Path) -> None:
        name = f"分店 [{uuid.uuid4().hex[:6]}]"
        self.pc = pc
        self.work = work
        self.folder = pc.drive / name
        self.home = f"C:\\{name}"
        self.state = pc.drive / "ProgramData" / f"guiwei-{name[-7:-1]}"
        self.key = f"SOFTWARE\\{name}"

    def __enter__(self) -> Branch:
        self.folder.mkdir()
        return self

    def __exit__(self, *_: object) -> None:
        ended = eventually(lambda: not self.pc.programs())
        left = self.pc.programs()
        self.pc.end_programs()
        assert ended, left
        shutil.rmtree(self.folder)
        shutil.rmtree(self.state, ignore_errors=True)
        for view in (64, 32):
            self.registry("clear", self.key, view)

    def vars(self, **more: Any) -> dict[str, Any]:
        """Return what an inventory says of the PC."""
        return {
            "ansible_connection": "local",
            "ansible_python_interpreter": str(self.pc.python),
            "guiwei_state_dir": self.pc.windows_path(self.state),
            **more,
        }

    def connect(self, *, step_timeout: float = 60.0, **more: Any) -> Session:
        settings = Settings(known_hosts=self.work / "known_hosts", step_timeout=step_timeout)
        return connect(Host("windows-1", self.vars(**more)), settings)

    # Looking and arranging, from outside

    def registry(self, what: str, path: str, view: int, values: list[Any] | None = None) -> Any:
        """Look at, fill or clear a key below HKLM with `winreg`.

        Args:
            what: `list` (name → [kind, data]; None without the key), `fill` with values (name, kind, data), or `clear`.
        """
        return json.loads(self.pc.run_python(_REGISTRY, what, path, str(view), json.dumps(values or [])))

    def holder(self, path: str, how: str) -> subprocess.Popen[bytes]:
        """Start a program on the PC that holds a file until its input closes; it says when it does.

        Args:
            how: `open` (others may read and write) or `alone` (they may not).
        """
        process = self.pc.open(["C:\\Python\\python.exe", "-X", "utf8", "-c", _HOLDER, path, how])
        assert process.stdout is not None
        assert process.stdout.readline().strip() == b"held", process.stderr and process.stderr.read().decode()
        return process


_REGISTRY = """
import json, sys, winreg
what, path, view, values = sys.argv[1:]
flag = {"64": winreg.KEY_WOW64_64KEY, "32": winreg.KEY_WOW64_32KEY}[view]
def clear(path):
    try:
        with winreg.OpenKeyEx(winreg.HKEY_LOCAL_MACHINE, path, 0, winreg.KEY_READ | flag) as key:
            names = [winreg.EnumKey(key, n) for n in range(winreg.QueryInfoKey(key)[0])]
    except FileNotFoundError:
        return
    for name in names:
        clear(path + "\\\\" + name)
    winreg.DeleteKeyEx(winreg.HKEY_LOCAL_MACHINE, path, flag, 0)
found = None
if what == "clear":
    clear(path)
elif what == "fill":
    with winreg.CreateKeyEx(winreg.HKEY_LOCAL_MACHINE, path, 0, winreg.KEY_ALL_ACCESS | flag) as key:
        for name, kind, data in json.loads(values):
            data = bytes.fromhex(data) if kind == "REG_BINARY" else data
            winreg.SetValueEx(key, name, 0, getattr(winreg, kind), data)
else:
    try:
        with winreg.OpenKeyEx(winreg.HKEY_LOCAL_MACHINE, path, 0, winreg.KEY_READ | flag) as key:
            found = {}
            for number in range(winreg.QueryInfoKey(key)[1]):
                name, data, kind = winreg.EnumValue(key, number)
                found[name] = [kind, data.hex() if isinstance(data, bytes) else data]
    except FileNotFoundError:
        pass
print(json.dumps(found))
"""

_HOLDER = """
import ctypes, sys
path, how = sys.argv[1:]
if how == "alone":
    handle = ctypes.windll.kernel32.CreateFileW(path, 0x80000000, 0, None, 3, 0, None)
    assert handle not in (-1, 0xFFFFFFFF), ctypes.GetLastError()
else:
    file = open(path, "r+b")
print("held", flush=True)
sys.stdin.read()
"""
