"""The Windows registry: values byte for byte with their kinds, in both views; writes are journalled by value.

`winreg` gives text and numbers where the registry holds bytes: a text without its NUL or a number of three bytes would
not come back as it was. So values go through the API itself, and only keys through `winreg`.

Facts on views and limits: https://learn.microsoft.com/windows/win32/winprog64/accessing-an-alternate-registry-view
"""

from __future__ import annotations

import importlib
import json
import os
from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from guiwei.errors import ResourceError
from guiwei.target.hashing import digest
from guiwei.target.journal import Journal
from guiwei.target.wire import decode, encode

__all__ = ["HIVES", "Raw", "Registry", "place_of", "text_of"]

#: Hives by the short name that a path begins with.
HIVES = {
    "HKLM": "HKEY_LOCAL_MACHINE",
    "HKCU": "HKEY_CURRENT_USER",
    "HKCR": "HKEY_CLASSES_ROOT",
    "HKU": "HKEY_USERS",
    "HKCC": "HKEY_CURRENT_CONFIG",
}

#: KEY_WOW64_64KEY and KEY_WOW64_32KEY: what a 64-bit and what a 32-bit program sees. 32-bit Windows passes them over.
_VIEWS = {64: 0x0100, 32: 0x0200}
#: KEY_QUERY_VALUE; with KEY_ENUMERATE_SUB_KEYS; with KEY_SET_VALUE and KEY_CREATE_SUB_KEY.
_READ, _LIST, _WRITE = 0x0001, 0x0009, 0x0007
_GONE = (2, 3, 1018)  # no such file, no such path, a key marked for deletion
_MORE = 234


class Raw(NamedTuple):
    """A value as the registry holds it: the number of its kind (1 is REG_SZ) and its bytes."""

    kind: int
    data: bytes


class Registry:
    """Read and write values of this PC's registry.

    Args:
        root: of the PC's files; below another root than "/" all keys lie below one key of their own (`place_of`), so
            that simulated PCs on one machine do not see each other.
        journal: where intents and before-images go; None makes every write a bug.
    """

    def __init__(self, root: str, journal: Optional[Journal] = None) -> None:
        self._root = root
        self._journal = journal

    def get(self, path: str, name: str, view: int) -> Optional[Raw]:
        """Return a value, None if it or its key is not there.

        Args:
            path: `HKLM\\SOFTWARE\\…`.
            name: of the value; empty for the key's default value.
            view: 64 or 32.

        Raises:
            ResourceError: this is no Windows (`registry-windows-only`), or the account may not read it.
        """
        return _get(place_of(path, self._root), name, view)

    def put(self, path: str, name: str, view: int, wanted: Raw) -> None:
        """Set a value and make the keys above it that are missing; what is there already stays untouched."""
        place = place_of(path, self._root)
        before = _get(place, name, view)
        if before == wanted:
            return
        for key in _missing(place, view, _base(self._root)):
            number = self._writer().append({"op": "registry-key", "path": key, "view": view})
            with _reported(key):
                _create(key, view)
            self._writer().done(number)
        number = self._intend(place, name, view, before, wanted)
        _set(place, name, view, wanted)
        self._writer().done(number)

    def remove(self, path: str, name: str, view: int) -> None:
        """Remove a value; its key stays, for others may have values there."""
        place = place_of(path, self._root)
        before = _get(place, name, view)
        if before is None:
            return
        number = self._intend(place, _as_stored(place, name, view), view, before, None)
        _delete(place, name, view)
        self._writer().done(number)

    def undo(self, entry: Dict[str, Any], image: Optional[bytes]) -> str:
        """Put a value back, or remove a key that was made for it.

        Returns:
            `restored`, or `conflict` if what is there is not what the run left.
        """
        if image is None:
            return _undo_key(entry["path"], entry["view"])
        kept = decode(json.loads(image.decode("utf-8")))
        place, name, view = kept["path"], kept["name"], kept["view"]
        before, after = _raw(kept["before"]), _raw(kept["after"])
        found = _get(place, name, view)
        if found == before:
            return "restored"
        if found != after:
            return "conflict"
        if before is None:
            _delete(place, name, view)
        else:
            _set(place, name, view, before)
        return "restored"

    def _intend(self, place: str, name: str, view: int, before: Optional[Raw], after: Optional[Raw]) -> int:
        kept = {"path": place, "name": name, "view": view, "before": before, "after": after}
        journal = self._writer()
        image = journal.keep(json.dumps(encode(kept), ensure_ascii=True).encode("ascii"))
        return journal.append({"op": "registry", "path": place, "view": view, "image": image})

    def _writer(self) -> Journal:
        if self._journal is None:
            raise RuntimeError("a write while reading: check mode is read alone")
        return self._journal


def place_of(path: str, root: str = "/") -> str:
    """Return where a key of a PC lies in this machine's registry.

    Raises:
        ResourceError: the path has no hive, or an empty part (`registry-path`).
    """
    parts = path.split("\\")
    if parts[0] not in HIVES or len(parts) < 2 or not all(parts):
        raise ResourceError("registry-path", path=path)
    if root in ("/", ""):
        return path
    return "%s\\%s" % (_base(root), path)


def _base(root: str) -> str:
    if root in ("/", ""):
        return ""
    return "HKLM\\SOFTWARE\\guiwei\\roots\\" + digest(root.encode("utf-8", "surrogatepass"))[:16]


def text_of(path: str, name: str, root: str = "/") -> str:
    """Return a text that Windows keeps for everybody to read, empty if it is not there.

    Cheaper than `Registry.get`, for the facts of every observation: without ctypes.
    """
    winreg = importlib.import_module("winreg")
    hive, _, below = place_of(path, root).partition("\\")
    try:
        with winreg.OpenKeyEx(getattr(winreg, HIVES[hive]), below, 0, _READ | _VIEWS[64]) as key:
            return str(winreg.QueryValueEx(key, name)[0])
    except OSError:
        return ""


def _raw(kept: Optional[List[Any]]) -> Optional[Raw]:
    return None if kept is None else Raw(*kept)


# The API


def _api() -> Tuple[Any, Any]:
    """Return `winreg` and `ctypes`; on another system there is no registry."""
    if os.name != "nt":
        raise ResourceError("registry-windows-only")
    return importlib.import_module("winreg"), importlib.import_module("ctypes")


@contextmanager
def _reported(place: str) -> Iterator[None]:
    """Turn what Windows says into resource errors that name the key."""
    try:
        yield
    except OSError as error:
        code = "path-permission" if getattr(error, "winerror", None) == 5 else "os-error"
        if code == "os-error":
            raise ResourceError(code, path=place, detail=error.strerror or str(error)) from error
        raise ResourceError(code, path=place) from error


@contextmanager
def _opened(place: str, view: int, access: int) -> Iterator[Any]:
    """Open a key; yields None if it is not there."""
    winreg, _ = _api()
    hive, _, below = place.partition("\\")
    key = None
    with _reported(place):
        try:
            key = winreg.OpenKeyEx(getattr(winreg, HIVES[hive]), below, 0, access | _VIEWS[view])
        except OSError as error:
            if getattr(error, "winerror", None) not in _GONE:
                raise
        try:
            yield key
        finally:
            if key is not None:
                key.Close()


def _get(place: str, name: str, view: int) -> Optional[Raw]:
    with _opened(place, view, _READ) as key:
        return None if key is None else _query(key, name)


def _query(key: Any, name: str) -> Optional[Raw]:
    _, ctypes = _api()
    kind, size = ctypes.c_ulong(), ctypes.c_ulong(1024)
    while True:
        buffer = ctypes.create_string_buffer(max(1, size.value))
        code = ctypes.windll.advapi32.RegQueryValueExW(
            ctypes.c_void_p(int(key)), name, None, ctypes.byref(kind), buffer, ctypes.byref(size)
        )
        if code in _GONE:
            return None
        if code != _MORE:
            _check(code)
            return Raw(kind.value, buffer.raw[: size.value])
        # Somebody may make it longer in between.
        size.value += 1024


def _set(place: str, name: str, view: int, wanted: Raw) -> None:
    _, ctypes = _api()
    with _opened(place, view, _WRITE) as key:
        if key is None:
            raise ResourceError("path-missing", path=place)
        api, handle = ctypes.windll.advapi32, ctypes.c_void_p(int(key))
        _check(api.RegSetValueExW(handle, name, 0, wanted.kind, wanted.data, len(wanted.data)))
        _check(api.RegFlushKey(handle))


def _delete(place: str, name: str, view: int) -> None:
    winreg, ctypes = _api()
    with _opened(place, view, _WRITE) as key:
        if key is not None:
            winreg.DeleteValue(key, name)
            _check(ctypes.windll.advapi32.RegFlushKey(ctypes.c_void_p(int(key))))


def _check(code: int) -> None:
    if code:
        _, ctypes = _api()
        raise ctypes.WinError(code)


def _as_stored(place: str, name: str, view: int) -> str:
    """Return a value's name as it is written there: Windows finds it in any case, and undo must not change that."""
    winreg, _ = _api()
    with _opened(place, view, _LIST) as key:
        for number in range(0 if key is None else winreg.QueryInfoKey(key)[1]):
            found = str(winreg.EnumValue(key, number)[0])
            if found.upper() == name.upper():
                return found
    return name


def _missing(place: str, view: int, base: str) -> List[str]:
    """Return the keys of a path that are not there, the uppermost first.

    Args:
        base: what a simulated PC has for its hives: it is nothing of that PC, and others share what is above it.
    """
    found: List[str] = []
    while "\\" in place and place != base:
        with _opened(place, view, _READ) as key:
            if key is not None:
                break
        found.insert(0, place)
        place = place.rpartition("\\")[0]
    return found


def _create(place: str, view: int) -> None:
    winreg, _ = _api()
    hive, _, below = place.partition("\\")
    winreg.CreateKeyEx(getattr(winreg, HIVES[hive]), below, 0, _WRITE | _VIEWS[view]).Close()


def _undo_key(place: str, view: int) -> str:
    winreg, _ = _api()
    with _opened(place, view, _LIST) as key:
        if key is None:
            return "restored"
        keys, values, _ = winreg.QueryInfoKey(key)
        if keys or values:
            return "conflict"
    hive, _, below = place.partition("\\")
    with _reported(place):
        winreg.DeleteKeyEx(getattr(winreg, HIVES[hive]), below, _VIEWS[view], 0)
    return "restored"
