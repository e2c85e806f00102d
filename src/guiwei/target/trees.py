"""Whole folders: copy with owners, make durable, move; used for programs, data and their before-images."""

from __future__ import annotations

import errno
import os
import shutil
from typing import Callable, Iterator, Optional

from guiwei.target.files import own, stat_real
from guiwei.target.journal import fsync_folder
from guiwei.target.moves import WINDOWS, busy, rename, unlink

__all__ = ["copy_file", "copy_tree", "move_tree", "remove_tree", "sync_tree", "walk_tree"]


def copy_file(source: str, target: str) -> str:
    """Copy a file with its mode, times and owner, durably; a link stays a link."""
    shutil.copy2(source, target, follow_symlinks=False)
    if not os.path.islink(target):
        own_like(source, target)
        sync_file(target)
    return target


def copy_tree(source: str, target: str, leave_out: Optional[Callable[[str], bool]] = None) -> None:
    """Copy a folder with modes, times, owners and links, durably.

    Args:
        leave_out: tells by a name whether it is left out.
    """
    ignore = None
    if leave_out is not None:
        chosen = leave_out

        def ignore(_folder: str, names: "list[str]") -> "list[str]":
            return [name for name in names if chosen(name)]

    shutil.copytree(source, target, symlinks=True, ignore=ignore, copy_function=copy_file)
    for folder, _, _ in os.walk(target):
        own_like(os.path.join(source, os.path.relpath(folder, target)), folder)
        fsync_folder(folder)


def own_like(source: str, target: str) -> None:
    """Give a path the owner, the group and, since chown clears the set-id bits, the mode of another."""
    found = stat_real(os.path.normpath(source))
    if found is not None and found.kind in ("file", "directory"):
        own(target, found.owner, found.group)
        os.chmod(target, int(found.mode, 8))


def move_tree(source: str, target: str) -> None:
    """Rename a file or folder; where the target is on another file system, copy it whole before it is removed."""
    try:
        rename(source, target)
        return
    except OSError as error:
        # Anything else (a program holds a file of it open, on Windows) must not become half a move.
        if error.errno != errno.EXDEV:
            raise busy(error, source) from None
    partial = target + ".partial"
    remove_tree(partial)
    if os.path.isdir(source):
        copy_tree(source, partial)
    else:
        copy_file(source, partial)
    rename(partial, target)
    fsync_folder(os.path.dirname(target))
    # Only now are there two of it; a cut from here on leaves the target whole.
    remove_tree(source)


def remove_tree(real: str) -> None:
    """Remove whatever is at a path, if anything is."""
    if os.path.isdir(real) and not os.path.islink(real):
        shutil.rmtree(real, onerror=_unlock if WINDOWS else None)
    elif os.path.lexists(real):
        unlink(real)


def _unlock(call: Callable[..., object], path: str, _: object) -> None:
    """Windows removes nothing that is read-only."""
    os.chmod(path, 0o666)
    call(path)


def walk_tree(real: str) -> Iterator[str]:
    """Yield the path of a folder and of everything in it, folders before their contents."""
    yield real
    for folder, folders, names in os.walk(real):
        folders.sort()
        for name in sorted(folders + names):
            yield os.path.join(folder, name)


def sync_tree(real: str) -> None:
    """Make every file and folder of a tree durable."""
    for path in walk_tree(real):
        if os.path.islink(path):
            continue
        if os.path.isdir(path):
            fsync_folder(path)
        else:
            sync_file(path)


def sync_file(real: str) -> None:
    """Make a file's content durable; Windows wants it open for writing."""
    try:
        handle = os.open(real, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    except OSError:
        if os.name == "nt":
            return
        raise
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
