"""Put files in their place and take them away, as each system wants it done."""

from __future__ import annotations

import os
import stat
from typing import Any, Dict, Mapping

__all__ = ["WINDOWS", "busy", "dress", "kept_mode", "marks_of", "rename", "replace", "unlink"]

WINDOWS = os.name == "nt"


def kept_mode(mode: str, kind: str = "file") -> str:
    """Return what of permission bits the system keeps: on Windows whether a file is read-only, and nothing else."""
    if not WINDOWS:
        return mode
    writable = int(mode, 8) & stat.S_IWUSR
    if kind == "directory":
        return "0777" if writable else "0555"
    return "0666" if writable else "0444"


def replace(source: str, target: str) -> None:
    """Rename a file over another; on Windows the new one gets the attributes and access list of the old one."""
    if not WINDOWS:
        os.replace(source, target)
        return
    from guiwei.target import windows

    windows.replace(source, target)


def unlink(real: str) -> None:
    """Remove a file."""
    if not WINDOWS:
        os.unlink(real)
        return
    from guiwei.target import windows

    windows.unlink(real)


def rename(source: str, target: str) -> None:
    """Rename a file or folder to a name that nothing has."""
    if not WINDOWS:
        os.rename(source, target)
        return
    from guiwei.target import windows

    windows.patiently(os.rename, source, target)


def marks_of(real: str) -> Dict[str, Any]:
    """Return what a before-image needs beyond bytes, mode and owner: on Windows attributes and access list."""
    if not WINDOWS:
        return {}
    from guiwei.target import windows

    return windows.marks(real) or {}


def dress(real: str, record: Mapping[str, Any]) -> None:
    """Give a file back what `marks_of` saw, if the record has it."""
    if WINDOWS and "attributes" in record:
        from guiwei.target import windows

        windows.dress(real, record)


def busy(error: OSError, real: str) -> OSError:
    """Return an error as what it is about: on Windows, a file that a program holds says "access denied"."""
    if not WINDOWS:
        return error
    from guiwei.target import windows

    return windows.busy(error, real)
