"""The record: what the PC knows of the client apart from its files, as the registry does on Windows."""

from __future__ import annotations

import os
from typing import NamedTuple

from . import errors
from .inifile import IniFile
from .paths import Folder, Layout, program_folder, program_version

__all__ = [
    "Entry",
    "add_instance",
    "choose",
    "entry",
    "instances",
    "set_database_version",
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
    database_version: str
    path: str


def setup(layout: Layout) -> None:
    """Write this program's version and place into the record and keep all else as it is."""
    os.makedirs(os.path.dirname(layout.record), exist_ok=True)
    record = IniFile(layout.record)
    wanted = {"Version": program_version(), "Path": layout.above(program_folder())}
    if all(record.get(_CLIENT, key) == value for key, value in wanted.items()):
        return
    for key, value in wanted.items():
        record.set(_CLIENT, key, value)
    record.save()


def instances(layout: Layout) -> list[str]:
    """Return the names of the instances that the record knows."""
    return [name for name in IniFile(layout.record).sections() if name != _CLIENT]


def choose(layout: Layout, name: str | None) -> Folder:
    """Return the instance that was asked for, or the only one.

    :raises Refusal: USAGE when there is no such instance or the choice is open.
    """
    known = instances(layout)
    if name is None:
        if len(known) != 1:
            raise errors.Refusal(
                errors.USAGE,
                "本机有 {0} 个开票实例，请用 --instance 指定：{1}".format(len(known), " ".join(known)),
            )
        name = known[0]
    if name not in known:
        raise errors.Refusal(errors.USAGE, "没有开票实例 {0}".format(name))
    return Folder(layout, name, entry(layout, name).path)


def entry(layout: Layout, name: str) -> Entry:
    """Return one instance's section; values that are missing are empty."""
    record = IniFile(layout.record)
    code, orgcode, machine, version, path = (
        record.get(name, key) or "" for key in ("code", "orgcode", "machine", "DataBaseVersion", "Path")
    )
    return Entry(name, code, orgcode, machine, version, path or "/var/lib/兰台开票/" + name)


def add_instance(layout: Layout, new: Entry) -> None:
    """Add an instance's section."""
    os.makedirs(os.path.dirname(layout.record), exist_ok=True)
    record = IniFile(layout.record)
    record.set(new.name, "code", new.code)
    record.set(new.name, "orgcode", new.orgcode)
    record.set(new.name, "machine", new.machine)
    record.set(new.name, "DataBaseVersion", new.database_version)
    record.set(new.name, "Path", new.path)
    record.save()


def set_database_version(layout: Layout, name: str, version: str) -> None:
    """Note the version whose first start brought the database to its present form."""
    record = IniFile(layout.record)
    record.set(name, "DataBaseVersion", version)
    record.save()


def set_identity(layout: Layout, name: str, code: str, orgcode: str, machine: str) -> None:
    """Write the three identity values of one instance."""
    record = IniFile(layout.record)
    record.set(name, "code", code)
    record.set(name, "orgcode", orgcode)
    record.set(name, "machine", machine)
    record.save()
