"""An Aisino client (航信开票软件，金税盘版) as public facts say that it lies on a PC: registry, folders, GBK files.

It is laid out, not installed: the real client is closed, and nothing here runs. docs/domain.md names the facts.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from guiwei.lab.windows.wine import WinePc

__all__ = ["Client", "Legacy"]

APP_PATHS = "SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\App Paths\\fwkp.exe"
UNINSTALL = "SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall\\开票软件"
LEGACY = "SOFTWARE\\航天信息\\防伪开票"
PROGRAMS = "C:\\Program Files\\开票软件"


class Client:
    """One taxpayer's instance; the last one laid out is the active one, which the parent key mirrors.

    Args:
        version: of the program.
        data_version: of the database; older than the program's, the upgrade is not finished.

    Attributes:
        id: names the registry key and the folder, `<税号>.<机号>`.
        folder: where its files lie on this machine; `path` is what Windows calls that.
    """

    def __init__(self, pc: WinePc, taxpayer: str, machine: str, version: str, data_version: str) -> None:
        self.pc = pc
        self.id = f"{taxpayer}.{machine}"
        self.path = f"{PROGRAMS}\\{self.id}"
        self.folder = pc.drive.joinpath(*self.path.split("\\")[1:])
        self.key = f"{APP_PATHS}\\{self.id}"
        files = {
            "Bin/fwkp.exe": b"MZ" + bytes(200),
            "Bin/cc3268.dll": _unreadable(self.id),
            "Bin/AQJRDZ.txt": "https://旧地址.example.cn:7008\r\n".encode("gbk"),
            "Bin/开票 (1).ini": "[打印]\r\n边距=3\r\n".encode("gbk"),
            "Log/Log.log": "2026-01-05 09:30 登录成功\r\n".encode("gbk"),
        }
        for name, data in files.items():
            place = self.folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        values = {
            "": f"{self.path}\\Bin\\fwkp.exe",
            "Version": version,
            "Path": self.path,
            "code": taxpayer,
            "orgcode": "990100",
            "machine": machine,
            "DataBaseVersion": data_version,
        }
        # A 32-bit program: it is below WOW6432Node for the others (App Paths since Windows 7 also where they look).
        installed = {"DisplayName": "开票软件", "DisplayVersion": version}
        _registry(pc, "fill", {APP_PATHS: values, self.key: values, UNINSTALL: installed})

    def set(self, **values: str) -> None:
        """Write values of its key, as the client or a clerk would."""
        _registry(self.pc, "fill", {self.key: values})

    def remove(self) -> None:
        """Take it away with all of its keys."""
        shutil.rmtree(self.folder.parent)
        _registry(self.pc, "remove", [APP_PATHS, UNINSTALL])

    def seen(self) -> dict[str, object]:
        """Return every file with its bytes, and every value of its keys."""
        found: dict[str, object] = {
            str(path.relative_to(self.folder)): path.read_bytes() for path in self.folder.rglob("*") if path.is_file()
        }
        return {**found, **_registry(self.pc, "list", [APP_PATHS, UNINSTALL])}


class Legacy:
    """The older client (防伪开票): two keys with default values, and its folder."""

    def __init__(self, pc: WinePc, folder: Path, version: str) -> None:
        self._pc = pc
        self._folder = folder
        folder.mkdir()
        values = {f"{LEGACY}\\版本号": {"": version}, f"{LEGACY}\\路径": {"": pc.windows_path(folder)}}
        _registry(pc, "fill", values)

    def remove(self) -> None:
        """Take it away with its keys."""
        shutil.rmtree(self._folder)
        _registry(self._pc, "remove", [LEGACY, LEGACY.rpartition("\\")[0]])


def _unreadable(seed: str) -> bytes:
    """Return what a database under a password looks like to others: SQLite's page size, and no SQLite."""
    block = hashlib.sha256(seed.encode()).digest()
    return b"".join(hashlib.sha256(block + bytes([n])).digest() for n in range(256)) * 8


def _registry(pc: WinePc, what: str, keys: Any) -> Any:
    return json.loads(pc.run_python(_PROGRAM, what, json.dumps(keys)))


#: As a 32-bit program sees the registry.
_PROGRAM = r"""
import json, sys, winreg
what, keys = sys.argv[1], json.loads(sys.argv[2])
view, machine = winreg.KEY_WOW64_32KEY, winreg.HKEY_LOCAL_MACHINE
def below(path):
    with winreg.OpenKeyEx(machine, path, 0, winreg.KEY_READ | view) as key:
        subkeys, count, _ = winreg.QueryInfoKey(key)
        yield path, [winreg.EnumValue(key, number) for number in range(count)]
        names = [winreg.EnumKey(key, number) for number in range(subkeys)]
    for name in names:
        yield from below(path + "\\" + name)
found = {}
for path in keys:
    if what == "fill":
        with winreg.CreateKeyEx(machine, path, 0, winreg.KEY_ALL_ACCESS | view) as key:
            for name, text in keys[path].items():
                winreg.SetValueEx(key, name, 0, winreg.REG_SZ, text)
    elif what == "remove":
        for each, _ in reversed([*below(path)]):
            winreg.DeleteKeyEx(machine, each, view, 0)
    else:
        for each, values in below(path):
            found.update({each + " = " + name: [kind, data] for name, data, kind in values})
print(json.dumps(found))
"""
