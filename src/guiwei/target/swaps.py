"""Put one whole folder in another's place: after a cut, the one or the other is there whole.

    <path>.guiwei-new     the new folder; once the two are exchanged, the old one
    <path>.guiwei-old     the old folder, where the system cannot exchange two

The old folder goes to its before-image last: that may be on another file system, and a copy takes its time.
"""

from __future__ import annotations

import errno
import os
from typing import Any, Mapping, Optional

from guiwei.errors import ResourceError
from guiwei.target.moves import WINDOWS, rename
from guiwei.target.trees import move_tree, remove_tree

__all__ = ["finish_swap", "identity", "swap"]

_NEW, _OLD = ".guiwei-new", ".guiwei-old"
#: From Linux' fcntl.h and fs.h.
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2
#: What a kernel, a C library or a file system answers that cannot.
_UNABLE = (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EXDEV)


def identity(real: str) -> Optional[int]:
    """Return what a folder is told from others of its file system by, whatever it is called; None without one."""
    try:
        return os.lstat(real).st_ino
    except OSError:
        return None


def swap(entry: Mapping[str, Any], prepared: str) -> None:
    """Put a prepared folder at the path of a journal's entry, and what is there aside; all of it or nothing.

    Args:
        entry: with `path`, `aside`, and the identities `old` and `new` of what is there and of the prepared folder.
        prepared: a real path on the same file system.

    Raises:
        ResourceError: a swap that was cut could not be brought to an end (`swap-left`); nothing was touched.
    """
    real = entry["path"]
    for left in (real + _NEW, real + _OLD):
        if os.path.lexists(left):
            raise ResourceError("swap-left", path=left)
    try:
        rename(prepared, real + _NEW)
        old = real + _NEW
        if not _exchange(real + _NEW, real):
            old = real + _OLD
            move_tree(real, old)
            rename(real + _NEW, real)
        move_tree(old, entry["aside"])
    except BaseException:
        if not os.path.lexists(entry["aside"]):
            _take_back(entry)
        raise


def finish_swap(entry: Mapping[str, Any]) -> None:
    """Bring a swap that was cut to an end: back if the path would be empty, else forward."""
    if entry.get("new") is None:
        return
    real = entry["path"]
    remove_tree(real + _OLD + ".partial")
    there = identity(real)
    if there == entry["new"]:
        _set_aside(real + _NEW, entry["aside"])
    elif identity(real + _NEW) == entry["new"]:
        remove_tree(real + _NEW)
    if os.path.lexists(real + _OLD) and there in (None, entry["old"]):
        _put_back(real)
    # Else the new folder is there, or one that somebody has put there since: that is theirs.
    _set_aside(real + _OLD, entry["aside"])


def _set_aside(old: str, aside: str) -> None:
    if os.path.lexists(aside):
        # Copied whole: the cut was while this one was being removed.
        remove_tree(old)
    elif os.path.lexists(old):
        move_tree(old, aside)


def _put_back(real: str) -> None:
    """Whole is the old folder only where it was put by; what is left at the path is what was not removed yet."""
    remove_tree(real)
    rename(real + _OLD, real)


def _take_back(entry: Mapping[str, Any]) -> None:
    real = entry["path"]
    if os.path.lexists(real + _OLD):
        if identity(real) == entry["new"]:
            rename(real, real + _NEW)
        _put_back(real)
    elif identity(real) == entry["new"]:
        _exchange(real + _NEW, real)
    for copy in (real + _OLD, entry["aside"]):
        remove_tree(copy + ".partial")
    if identity(real + _NEW) == entry["new"]:
        remove_tree(real + _NEW)


def _exchange(one: str, other: str) -> bool:
    """Give each of two paths what the other has, at once; tell whether the system can."""
    if WINDOWS:
        return False
    import ctypes

    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError:
        return False
    if call(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in _UNABLE:
        return False
    raise OSError(code, os.strerror(code), other)
