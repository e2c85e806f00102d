"""The record: what the PC knows of the client apart from its files, as the registry does on Windows."""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import Iterator, NamedTuple

from . import errors
from .inifile import IniFile
from .paths import Folder, Layout, program_instance, program_version

__all__ = [
    "Entry",
    "add_instance",
    "choose",
    "entry",
    "instances",
    "note_start",
    "set_identity",
    "setup",
]

_CLIENT = "client"


class Entry(NamedTuple):
    """One instance's section of the record."""

    name: str
    code: str
    orgcode: str
    machine: str
    version: str
    database_version: str
    path: str


def setup(folder: Folder) -> None:
    """Write this program's version into the instance's section and the mirror, and keep all else as it is."""
    os.makedirs(os.path.dirname(folder.layout.record), exist_ok=True)
    with _changing(folder.layout) as record:
        record.set(folder.name, "Version", program_version())
        _mirror(record, folder)


def instances(layout: Layout) -> list[str]:
    """Return the names of the instances that the record knows; one that is set up but not created is not among them."""
    record = IniFile(layout.record)
    return [name for name in record.sections() if name != _CLIENT and record.get(name, "code") is not None]


def choose(layout: Layout, name: str | None) -> Folder:
    """Return the instance that was asked for, or the one that this program belongs to, or the only one.

    :raises Refusal: USAGE when there is no such instance or the choice is open.
    """
    known = instances(layout)
    if name is None:
        mine = program_instance()
        if mine not in known and len(known) != 1:
            raise errors.Refusal(
                errors.USAGE,
                "本机有 {0} 个开票实例，请用 --instance 指定：{1}".format(len(known), " ".join(known)),
            )
        name = mine if mine in known else known[0]
    if name not in known:
        raise errors.Refusal(errors.USAGE, "没有开票实例 {0}".format(name))
    return Folder(layout, name, entry(layout, name).path)


def entry(layout: Layout, name: str) -> Entry:
    """Return one instance's section; values that are missing are empty."""
    record = IniFile(layout.record)
    code, orgcode, machine, version, database_version, path = (
        record.get(name, key) or "" for key in ("code", "orgcode", "machine", "Version", "DataBaseVersion", "Path")
    )
    return Entry(name, code, orgcode, machine, version, database_version, path)


def add_instance(layout: Layout, new: Entry) -> None:
    """Add an instance's section, or fill the one that the set-up began."""
    os.makedirs(os.path.dirname(layout.record), exist_ok=True)
    with _changing(layout) as record:
        record.set(new.name, "code", new.code)
        record.set(new.name, "orgcode", new.orgcode)
        record.set(new.name, "machine", new.machine)
        record.set(new.name, "Version", new.version)
        record.set(new.name, "DataBaseVersion", new.database_version)
        record.set(new.name, "Path", new.path)


def note_start(folder: Folder) -> None:
    """Note the version whose first start brought the database to its present form, and mirror the instance."""
    with _changing(folder.layout) as record:
        record.set(folder.name, "DataBaseVersion", program_version())
        _mirror(record, folder)


def set_identity(layout: Layout, name: str, code: str, orgcode: str, machine: str) -> None:
    """Write the three identity values of one instance."""
    with _changing(layout) as record:
        record.set(name, "code", code)
        record.set(name, "orgcode", orgcode)
        record.set(name, "machine", machine)


def _mirror(record: IniFile, folder: Folder) -> None:
    """Show the instance that was set up or started last in ``[client]``, where other programs look."""
    record.set(_CLIENT, "Version", record.get(folder.name, "Version") or program_version())
    record.set(_CLIENT, "Path", folder.seen_as)


@contextlib.contextmanager
def _changing(layout: Layout) -> Iterator[IniFile]:
    """Hold the record while it changes; write it when something did.

    Two instances may start in the same instant: each reads the whole file and writes it back. The lock file stays,
    because whoever removed it could remove the one that another program has just taken.
    """
    with open(layout.record + ".lock", "ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        record = IniFile(layout.record)
        before = list(record.lines)
        yield record
        if record.lines != before:
            record.save()
