"""Symbolic links that are state themselves, such as the one that enables a systemd unit; `Files` follows links."""

from __future__ import annotations

import os
from typing import Any, Dict, Optional

from guiwei.errors import ResourceError
from guiwei.target.files import Files, stat_real
from guiwei.target.journal import fsync_folder

__all__ = ["read_link", "set_link", "undo_link"]


def read_link(files: Files, path: str) -> Optional[str]:
    """Return where the link at `path` leads, as it is written; None if nothing is there.

    Raises:
        ResourceError: something else is there (`path-kind`).
    """
    return _target(_real(files, path), path)


def set_link(files: Files, path: str, target: Optional[str]) -> None:
    """Make the link lead to `target`, in one step; None takes it away.

    Raises:
        ResourceError: something else is there (`path-kind`).
    """
    real = _real(files, path)
    before = _target(real, path)
    if before == target:
        return
    temporary = os.path.join(os.path.dirname(real), ".guiwei-%d-%s" % (os.getpid(), os.path.basename(real)[:40]))
    number = files.intend({"op": "link", "path": real, "temporary": temporary, "before": before, "after": target})
    _put(real, temporary, target)
    files.done(number)


def undo_link(entry: Dict[str, Any]) -> str:
    """Put back what was at the path, unless something else has come there since: `restored` or `conflict`."""
    real, before = entry["path"], entry["before"]
    found = os.readlink(real) if os.path.islink(real) else None
    if found is None and os.path.lexists(real):
        return "conflict"
    if found == before:
        return "restored"
    if found != entry["after"]:
        return "conflict"
    _put(real, entry["temporary"], before)
    return "restored"


def _put(real: str, temporary: str, target: Optional[str]) -> None:
    if target is None:
        os.unlink(real)
    else:
        if os.path.lexists(temporary):
            os.unlink(temporary)
        os.symlink(target, temporary)
        os.replace(temporary, real)
    fsync_folder(os.path.dirname(real))


def _real(files: Files, path: str) -> str:
    """Only what is above it is followed."""
    folder, name = os.path.split(path)
    return os.path.join(files.real(folder), name)


def _target(real: str, path: str) -> Optional[str]:
    found = stat_real(real)
    if found is None:
        return None
    if found.kind != "link":
        raise ResourceError("path-kind", path=path, found=found.kind, wanted="link")
    return os.readlink(real)
