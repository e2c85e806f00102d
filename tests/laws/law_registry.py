"""The registry of a simulated Windows PC, made and looked at by the API alone: nothing of the code under test."""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Iterator
from typing import Any

__all__ = ["VIEWS", "Value", "base", "clear", "fill", "hide", "seen"]

#: View → KEY_WOW64_64KEY, KEY_WOW64_32KEY.
VIEWS = {64: 0x0100, 32: 0x0200}

#: Name, number of the kind, bytes.
Value = tuple[str, int, bytes]


def base(root: str) -> str:
    """Return the key below HKLM in which the keys of a PC with this root lie."""
    return f"SOFTWARE\\guiwei\\roots\\{hashlib.sha256(root.encode()).hexdigest()[:16]}"


def fill(root: str, path: str, view: int, values: list[Value]) -> None:
    """Make a key with values, byte for byte."""
    winreg, ctypes = _modules()
    full = f"{base(root)}\\{path}"
    with winreg.CreateKeyEx(winreg.HKEY_LOCAL_MACHINE, full, 0, winreg.KEY_ALL_ACCESS | VIEWS[view]) as key:
        for name, kind, data in values:
            handle = ctypes.c_void_p(int(key))
            assert not ctypes.windll.advapi32.RegSetValueExW(handle, name, 0, kind, data, len(data))


def seen(root: str) -> dict[str, tuple[str, Any, int]]:
    """Return every key and value of a PC in both views: path → kind of thing, what is in it, when the key changed.

    The key that stands for the PC itself is nothing of it.
    """
    found: dict[str, tuple[str, Any, int]] = {}
    for view in VIEWS:
        for path, key in _keys(base(root), view):
            winreg, _ = _modules()
            modified = winreg.QueryInfoKey(key)[2]
            if path != base(root):
                found[f"registry {view} {path}"] = ("key", None, modified)
            for name, kind, data in _values(key):
                found[f"registry {view} {path} = {name}"] = ("value", (kind, data), modified)
    return found


def clear(root: str) -> None:
    """Remove all keys of a PC."""
    winreg, _ = _modules()
    for view, flag in VIEWS.items():
        for path, _ in reversed([*_keys(base(root), view)]):
            winreg.DeleteKeyEx(winreg.HKEY_LOCAL_MACHINE, path, flag, 0)


def hide(real: str) -> None:
    """Make a file hidden, as programs do with their own."""
    _, ctypes = _modules()
    assert ctypes.windll.kernel32.SetFileAttributesW(real, 2)


def _modules() -> tuple[Any, Any]:
    return importlib.import_module("winreg"), importlib.import_module("ctypes")


def _keys(path: str, view: int) -> Iterator[tuple[str, Any]]:
    """Yield a key and all below it, each open while it is looked at."""
    winreg, _ = _modules()
    try:
        key = winreg.OpenKeyEx(winreg.HKEY_LOCAL_MACHINE, path, 0, winreg.KEY_READ | VIEWS[view])
    except FileNotFoundError:
        return
    with key:
        yield path, key
        for name in [winreg.EnumKey(key, number) for number in range(winreg.QueryInfoKey(key)[0])]:
            yield from _keys(f"{path}\\{name}", view)


def _values(key: Any) -> Iterator[Value]:
    winreg, ctypes = _modules()
    handle = ctypes.c_void_p(int(key))
    for number in range(winreg.QueryInfoKey(key)[1]):
        name = ctypes.create_unicode_buffer(300)
        length, kind, size = ctypes.c_ulong(300), ctypes.c_ulong(), ctypes.c_ulong(1 << 16)
        data = ctypes.create_string_buffer(1 << 16)
        by = ctypes.byref
        assert not ctypes.windll.advapi32.RegEnumValueW(
            handle, number, name, by(length), None, by(kind), data, by(size)
        )
        yield name.value, kind.value, data.raw[: size.value]
