"""What files and processes are on Windows, where that is not what `os` says.

Nothing here is loaded on another system. Facts: https://learn.microsoft.com/windows/win32/fileio/creating-and-opening-files
(sharing), …/fileio/file-attribute-constants, …/secauthz/security-information, …/toolhelp/.
"""

from __future__ import annotations

import base64
import errno
import importlib
import os
import time
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, TypeVar

__all__ = ["busy", "descendants", "dress", "marks", "patiently"]

T = TypeVar("T")

#: Sharing violation, lock violation, a file with a mapped section.
_HELD = (32, 33, 1224)
_ACCESS_DENIED = 5
#: Virus scanners and indexers hold a new file for a moment: wait that long, then it is somebody's.
_PAUSES = (0.02, 0.05, 0.1, 0.2, 0.4)
_DACL = 4
#: Hidden, system, archive, not content indexed: what a replaced file hands on. Read-only is the mode's.
_ATTRIBUTES = 0x2 | 0x4 | 0x20 | 0x2000
_READ_ONLY = 0x1


def _ctypes() -> Any:
    return importlib.import_module("ctypes")


def _kernel() -> Any:
    ctypes = _ctypes()
    kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    kernel.CreateFileW.restype = ctypes.c_void_p
    kernel.CreateFileW.argtypes = [ctypes.c_wchar_p, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_ulong,
                                   ctypes.c_ulong, ctypes.c_void_p]  # fmt: skip
    kernel.CloseHandle.argtypes = [ctypes.c_void_p]
    kernel.LockFile.argtypes = kernel.UnlockFile.argtypes = [ctypes.c_void_p] + [ctypes.c_ulong] * 4
    return kernel


# Files


def patiently(call: Callable[..., T], *arguments: Any) -> T:
    """Call, and again after a moment where another program may just be looking at the file."""
    for pause in _PAUSES:
        try:
            return call(*arguments)
        except PermissionError as error:
            if getattr(error, "winerror", None) not in (_ACCESS_DENIED, *_HELD):
                raise
        time.sleep(pause)
    return call(*arguments)


def busy(error: OSError, real: str) -> OSError:
    """Return what an error on a path is about: EBUSY with the path that is held, where a program holds it.

    Windows says "access denied" of a file that cannot be replaced because it is open, and of a folder in which
    something is open; the C runtime says it of every file that it cannot open.
    """
    if getattr(error, "winerror", None) in _HELD:
        return OSError(errno.EBUSY, error.strerror or "", real)
    if error.errno not in (errno.EACCES, errno.EPERM):
        return error
    for path in _files(real):
        if held(path):
            return OSError(errno.EBUSY, error.strerror or "", path)
    return error


def _files(real: str) -> Iterator[str]:
    if not os.path.isdir(real):
        yield real
    for folder, _, names in os.walk(real):
        for name in names:
            yield os.path.join(folder, name)


def held(real: str) -> bool:
    """Tell whether another program has a file open in a way that keeps us from it, or runs it."""
    ctypes, kernel = _ctypes(), _kernel()
    # Generic read and write, and delete: a program that runs can be read, but not opened for writing.
    access = 0x80000000 | 0x00010000 | (0 if _attributes(real) & _READ_ONLY else 0x40000000)
    handle = kernel.CreateFileW(real, access, 0, None, 3, 0, None)
    if handle in (None, ctypes.c_void_p(-1).value):
        return ctypes.get_last_error() in _HELD
    kernel.CloseHandle(handle)
    return False


def _attributes(real: str) -> int:
    try:
        return int(getattr(os.lstat(real), "st_file_attributes", 0))
    except OSError:
        return 0


def replace(source: str, target: str) -> None:
    """Rename a file over another, which may be read-only; the new one is dressed as the old one was."""
    there = marks(target)
    if there is not None:
        dress(source, there)
    _writable(target, lambda: patiently(os.replace, source, target))


def unlink(real: str) -> None:
    """Remove a file, which may be read-only."""
    _writable(real, lambda: patiently(os.unlink, real))


def _writable(real: str, call: Callable[[], None]) -> None:
    """Windows removes no file that is read-only; it stays so if the call fails."""
    locked = _attributes(real) & _READ_ONLY
    if locked:
        os.chmod(real, 0o666)
    try:
        call()
    except OSError:
        if locked:
            os.chmod(real, 0o444)
        raise


def marks(real: str) -> Optional[Dict[str, Any]]:
    """Return a file's attributes and its access list (base64 of the descriptor); None if nothing is there."""
    if not os.path.lexists(real):
        return None
    return {"attributes": _attributes(real) & _ATTRIBUTES, "access": base64.b64encode(_access(real)).decode("ascii")}


def dress(real: str, wanted: Mapping[str, Any]) -> None:
    """Give a file the attributes and the access list that `marks` saw."""
    ctypes = _ctypes()
    descriptor = base64.b64decode(wanted["access"])
    if descriptor and descriptor != _access(real):
        _check(ctypes.windll.advapi32.SetFileSecurityW(ctypes.c_wchar_p(real), _DACL, descriptor), real)
    found = _attributes(real)
    if found & _ATTRIBUTES != wanted["attributes"]:
        other = found & ~_ATTRIBUTES | wanted["attributes"]
        _check(ctypes.windll.kernel32.SetFileAttributesW(ctypes.c_wchar_p(real), other or 0x80), real)


def _access(real: str) -> bytes:
    """Return the security descriptor with the access list alone; nothing where the file system has none (FAT)."""
    ctypes = _ctypes()
    size = ctypes.c_ulong()
    name, needed = ctypes.c_wchar_p(real), ctypes.byref(size)
    ctypes.windll.advapi32.GetFileSecurityW(name, _DACL, None, 0, needed)
    buffer = ctypes.create_string_buffer(max(1, size.value))
    if not ctypes.windll.advapi32.GetFileSecurityW(name, _DACL, buffer, size.value, needed):
        return b""
    return bytes(buffer.raw[: size.value])


def _check(done: int, real: str) -> None:
    if not done:
        error: OSError = _ctypes().WinError()
        error.filename = real
        raise error


# Processes


def descendants(pid: int) -> List[int]:
    """Return a process and all that come from it, parents before their children."""
    ctypes, kernel = _ctypes(), _kernel()

    class Entry(ctypes.Structure):  # type: ignore[misc, name-defined, unused-ignore]
        _fields_ = [
            ("size", ctypes.c_ulong),
            ("usage", ctypes.c_ulong),
            ("pid", ctypes.c_ulong),
            ("heap", ctypes.c_size_t),
            ("module", ctypes.c_ulong),
            ("threads", ctypes.c_ulong),
            ("parent", ctypes.c_ulong),
            ("priority", ctypes.c_long),
            ("flags", ctypes.c_ulong),
            ("name", ctypes.c_wchar * 260),
        ]

    kernel.CreateToolhelp32Snapshot.restype = ctypes.c_void_p
    snapshot = ctypes.c_void_p(kernel.CreateToolhelp32Snapshot(2, 0))
    entry = Entry(size=ctypes.sizeof(Entry))
    children: Dict[int, List[int]] = {}
    there = kernel.Process32FirstW(snapshot, ctypes.byref(entry))
    while there:
        children.setdefault(entry.parent, []).append(entry.pid)
        there = kernel.Process32NextW(snapshot, ctypes.byref(entry))
    kernel.CloseHandle(snapshot)
    found = [pid]
    for one in found:
        # The parent of a process may have ended and its number gone to another: never follow a circle.
        found.extend(child for child in children.get(one, ()) if child not in found)
    return found
