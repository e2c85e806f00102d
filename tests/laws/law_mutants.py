"""Mutants of `system`: each breaks one promise, and a law has to notice.

A mutant counts its bites, the times that it really changed something; one that never bit says nothing of a module.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple
from unittest import mock

from law_bench import INTENTS, ROOT, WINDOWS, Bites
from law_registry_mutants import OTHER_VIEW, registry_patches

from guiwei.target import rows
from guiwei.target.contract import Resource
from guiwei.target.files import Files, stat_real
from guiwei.target.hashing import digest
from guiwei.target.journal import Journal
from guiwei.target.processes import Result
from guiwei.target.rows import Rows
from guiwei.target.system import System

_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


class Mutant(NamedTuple):
    """A broken `system`.

    Attributes:
        laws: those that have to notice it.
        patches: makes the patches, given the bites and the class of the resource.
    """

    name: str
    laws: tuple[str, ...]
    patches: Callable[[Bites, type[Resource]], Iterable[Any]]

    @contextlib.contextmanager
    def applied(self, bites: Bites, cls: type[Resource]) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            for patch in self.patches(bites, cls):
                stack.enter_context(patch)
            yield


def _data_mutant(change: Callable[[bytes], bytes]) -> Callable[[Bites, type[Resource]], Iterable[Any]]:
    original = Files.write_chunks

    def patches(bites: Bites, _: type[Resource]) -> Iterable[Any]:
        def write_chunks(self: Files, path: str, chunks: Any, sha256: str, mode: str | None = None) -> None:
            data = b"".join(chunks())
            other = change(data)
            bites.bite(other != data)
            original(self, path, lambda: [other], digest(other), mode)

        return [mock.patch.object(Files, "write_chunks", write_chunks)]

    return patches


def _without_bom(data: bytes) -> bytes:
    for bom in _BOMS:
        if data.startswith(bom):
            return data[len(bom) :]
    return data


def _other_ends(data: bytes) -> bytes:
    wide = {b"\xff\xfe": ("utf-16-le"), b"\xfe\xff": ("utf-16-be")}.get(data[:2])
    if wide:
        text = data.decode(wide, "surrogatepass")
        other = text.replace("\r\n", "\n") if "\r\n" in text else text.replace("\n", "\r\n")
        return other.encode(wide, "surrogatepass")
    return data.replace(b"\r\n", b"\n") if b"\r\n" in data else data.replace(b"\n", b"\r\n")


def _without_last(data: bytes) -> bytes:
    """Drop the last line; a text of one line loses its end."""
    lines = data.splitlines(keepends=True)
    return b"".join(lines[:-1]) if len(lines) > 1 else data[:-1]


def _drop_write(bites: Bites, _: type[Resource]) -> Iterable[Any]:
    def write_chunks(self: Files, path: str, chunks: Any, sha256: str, mode: str | None = None) -> None:
        real = self.real(path)
        there = open(real, "rb").read() if os.path.isfile(real) else None
        bites.bite(there is None or digest(there) != sha256)

    def swap_tree(self: Files, prepared: str, path: str) -> None:
        bites.bite()
        shutil.rmtree(prepared)

    def make_folder(self: Files, path: str, mode: str = "0755") -> None:
        bites.bite(not os.path.isdir(self.real(path)))

    def put(*_: Any) -> None:
        bites.bite()

    return [
        mock.patch.object(Files, "write_chunks", write_chunks),
        mock.patch.object(Files, "swap_tree", swap_tree),
        mock.patch.object(Files, "make_folder", make_folder),
        mock.patch.object(rows, "_put", put),
        mock.patch.object(rows, "_set_version", put),
        *registry_patches("drop the write", bites),
    ]


def _drop_remove(bites: Bites, _: type[Resource]) -> Iterable[Any]:
    def remove(self: Files, path: str) -> None:
        bites.bite(os.path.lexists(self.real(path)))

    original = rows._put

    def put(connection: Any, table: str, key: Any, before: Any, row: Any) -> None:
        if row is None:
            bites.bite()
        else:
            original(connection, table, key, before, row)

    names = ("remove", "remove_folder", "remove_tree")
    return [
        *(mock.patch.object(Files, name, remove) for name in names),
        mock.patch.object(rows, "_put", put),
        *registry_patches("drop the removal", bites),
    ]


def _drop_last_of_more(bites: Bites, cls: type[Resource]) -> Iterable[Any]:
    """Rows lose a column, folders a file."""
    original_put, original_swap = rows._put, Files.swap_tree

    def put(connection: Any, table: str, key: Any, before: Any, row: Any) -> None:
        fields = [name for name in row or () if name not in key]
        if fields and bites.bite(row[fields[-1]] != (before or {}).get(fields[-1])):
            row = {name: item for name, item in row.items() if name != fields[-1]}
        if row or not fields:
            original_put(connection, table, key, before, row)

    def swap_tree(self: Files, prepared: str, path: str) -> None:
        files = sorted(os.path.join(folder, name) for folder, _, names in os.walk(prepared) for name in names)
        if files:
            bites.bite()
            os.unlink(files[-1])
        original_swap(self, prepared, path)

    patches: list[Any] = list(_data_mutant(_without_last)(bites, cls))
    patches += [mock.patch.object(rows, "_put", put), mock.patch.object(Files, "swap_tree", swap_tree)]
    return patches + registry_patches("drop the last field", bites)


def _spill(bites: Bites, _: type[Resource]) -> Iterable[Any]:
    """An UPDATE or DELETE without its WHERE."""
    original = rows._put

    def put(connection: Any, table: str, key: Any, before: Any, row: Any) -> None:
        original(connection, table, key, before, row)
        quoted = rows._quoted(table)
        others = connection.execute(f"SELECT count(*) FROM {quoted}").fetchone()[0]
        if row is None:
            bites.bite(others > 0)
            connection.execute(f"DELETE FROM {quoted}")
        else:
            bites.bite(others > 1)
            fields = {name: item for name, item in row.items() if name not in key}
            for name, item in fields.items():
                connection.execute(f"UPDATE {quoted} SET {rows._quoted(name)} = ?", (item,))

    return [mock.patch.object(rows, "_put", put), *registry_patches("spill", bites)]


def _drop_mode(bites: Bites, _: type[Resource]) -> Iterable[Any]:
    if WINDOWS:
        # Nothing but "read-only" is left of a mode there, and Wine keeps that in the access list as well.
        return []
    original, swap, make = Files._replace, Files.swap_tree, Files.make_folder

    def replace(self: Files, real: str, temporary: str, chunks: Any, sha256: str, mode: str, before: Any) -> None:
        bites.bite(mode != "0600")
        original(self, real, temporary, chunks, sha256, "0600", before)

    def set_mode(self: Files, path: str, mode: str) -> None:
        found = stat_real(self.real(path))
        bites.bite(found is None or found.mode != mode)

    def swap_tree(self: Files, prepared: str, path: str) -> None:
        for folder, _, names in os.walk(prepared):
            for name in names:
                found = stat_real(os.path.join(folder, name))
                if found is not None and found.kind == "file" and bites.bite(found.mode != "0600"):
                    os.chmod(os.path.join(folder, name), 0o600)
        swap(self, prepared, path)

    def make_folder(self: Files, path: str, mode: str = "0755") -> None:
        bites.bite(not os.path.isdir(self.real(path)) and mode != "0700")
        make(self, path, "0700")

    return [
        mock.patch.object(Files, "_replace", replace),
        mock.patch.object(Files, "set_mode", set_mode),
        mock.patch.object(Files, "swap_tree", swap_tree),
        mock.patch.object(Files, "make_folder", make_folder),
    ]


def _wrong_owner(bites: Bites, _: type[Resource]) -> Iterable[Any]:
    if not ROOT:
        return []
    original, swap = Files._replace, Files.swap_tree

    def replace(self: Files, real: str, temporary: str, chunks: Any, sha256: str, mode: str, before: Any) -> None:
        original(self, real, temporary, chunks, sha256, mode, before)
        # A new file belongs to whoever made it: only a file that was there has an owner to keep.
        if before is not None:
            bites.bite()
            os.chown(real, 54321, 54321)

    def set_owner(self: Files, path: str, owner: str | None, group: str | None) -> None:
        found = stat_real(self.real(path))
        bites.bite(found is None or (owner or found.owner, group or found.group) != (found.owner, found.group))

    def swap_tree(self: Files, prepared: str, path: str) -> None:
        if os.path.isdir(self.real(path)):
            bites.bite()
            for folder, _, names in os.walk(prepared):
                for name in ["", *names]:
                    os.lchown(os.path.join(folder, name), 54321, 54321)
        swap(self, prepared, path)

    return [
        mock.patch.object(Files, "_replace", replace),
        mock.patch.object(Files, "set_owner", set_owner),
        mock.patch.object(Files, "swap_tree", swap_tree),
    ]


def _write_twice(bites: Bites, _: type[Resource]) -> Iterable[Any]:
    """Write without looking whether it is there already."""
    original, write_row, write_version = Files.write_chunks, Rows.write_row, Rows.write_user_version
    set_mode, remove = Files.set_mode, Files.remove

    def write_chunks(self: Files, path: str, chunks: Any, sha256: str, mode: str | None = None) -> None:
        real = self.real(path)
        before = stat_real(real)
        original(self, path, chunks, sha256, mode)
        if before is not None and os.path.isfile(real):
            bites.bite()
            os.utime(real)
            self.done(self.intend({"op": "file", "path": real, "before": None, "after": None}))

    def again(self: Rows, path: str) -> None:
        if os.path.isfile(self._files.real(path)):
            bites.bite()
            os.utime(self._files.real(path))
            self._files.done(self._files.intend({"op": "pragma", "path": self._files.real(path)}, b"{}"))

    def row_twice(self: Rows, path: str, *rest: Any) -> None:
        write_row(self, path, *rest)
        again(self, path)

    def version_twice(self: Rows, path: str, version: int) -> None:
        write_version(self, path, version)
        again(self, path)

    def mode_twice(self: Files, path: str, mode: str) -> None:
        set_mode(self, path, mode)
        if os.path.isdir(self.real(path)):
            bites.bite()
            self.done(self.intend({"op": "meta", "path": self.real(path), "before": {}, "after": {}}))

    def remove_twice(self: Files, path: str) -> None:
        remove(self, path)
        bites.bite()
        self.done(self.intend({"op": "file", "path": self.real(path), "before": None, "after": None}))

    return [
        mock.patch.object(Files, "write_chunks", write_chunks),
        mock.patch.object(Files, "set_mode", mode_twice),
        mock.patch.object(Files, "remove", remove_twice),
        mock.patch.object(Rows, "write_row", row_twice),
        mock.patch.object(Rows, "write_user_version", version_twice),
        *registry_patches("write twice", bites),
    ]


def _forget_image(bites: Bites, _: type[Resource]) -> Iterable[Any]:
    keep, place = Journal.keep, Journal.place_for_tree

    def forgetful(self: Journal, data: bytes) -> str:
        bites.bite(data != b"")
        return keep(self, b"")

    def lost(self: Journal) -> str:
        # Set aside where nobody will find it: the name in the journal is another.
        bites.bite()
        return place(self) + "-lost"

    from guiwei.target import trees

    move = trees.move_tree

    def move_tree(source: str, target: str) -> None:
        if target.endswith("-lost"):
            shutil.rmtree(source)
        else:
            move(source, target)

    return [
        mock.patch.object(Journal, "keep", forgetful),
        mock.patch.object(Journal, "place_for_tree", lost),
        mock.patch.object(trees, "move_tree", move_tree),
    ]


def _forget_intent(bites: Bites, _: type[Resource]) -> Iterable[Any]:
    append = Journal.append

    def forgetful(self: Journal, entry: dict[str, Any]) -> int:
        if entry.get("op") in (*INTENTS, "state"):
            bites.bite()
            self._number += 1
            return self._number
        return append(self, entry)

    return [mock.patch.object(Journal, "append", forgetful)]


def _drop_run(bites: Bites, _: type[Resource]) -> Iterable[Any]:
    """A program that exits with 0, having done nothing."""

    def run(self: System, *_: Any, **__: Any) -> Result:
        bites.bite()
        return Result(0, "", "")

    return [mock.patch.object(System, "run", run)]


def _leave_file(bites: Bites, cls: type[Resource]) -> Iterable[Any]:
    original: Any = cls.read

    def read(self: Resource, system: System) -> Any:
        bites.bite()
        found = original(self, system)
        open(os.path.join(system.root, "left"), "ab").close()
        return found

    return [mock.patch.object(cls, "read", read)]


def _do_not_look(bites: Bites, cls: type[Resource]) -> Iterable[Any]:
    """A write that acts as if nothing were there yet."""
    original: Any = cls.read

    def read(self: Resource, system: System) -> Any:
        found = original(self, system)
        if system.journal is None:
            return found
        bites.bite(found is not None)
        return {"done": False}

    return [mock.patch.object(cls, "read", read)]


def _open_for_writing(bites: Bites, _: type[Resource]) -> Iterable[Any]:
    original = rows._connect

    def connect(real: str, mode: str) -> Any:
        connection = original(real, "rw")
        if mode.startswith("ro") and connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
            bites.bite()
            with contextlib.suppress(sqlite3.Error):
                connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
        return connection

    return [mock.patch.object(rows, "_connect", connect)]


MUTANTS = [
    Mutant("drop the write", ("put-get",), _drop_write),
    Mutant("drop the removal", ("put-get",), _drop_remove),
    Mutant("drop the BOM", ("put-get", "get-put"), _data_mutant(_without_bom)),
    Mutant("change the line ends", ("put-get", "get-put"), _data_mutant(_other_ends)),
    Mutant("drop the last field", ("put-get", "get-put"), _drop_last_of_more),
    Mutant("spill into other rows", ("put-get",), _spill),
    Mutant("drop the mode", ("put-get",), _drop_mode),
    Mutant("wrong owner", ("put-get",), _wrong_owner),
    Mutant("write twice", ("get-put", "put-put"), _write_twice),
    Mutant("act without looking", ("put-put",), _do_not_look),
    Mutant("forget the before-image", ("undo",), _forget_image),
    Mutant("forget the intent", ("undo",), _forget_intent),
    Mutant("run nothing", ("put-get",), _drop_run),
    Mutant("leave a file while reading", ("check", "probe"), _leave_file),
    Mutant("read with a writing connection", ("check", "probe"), _open_for_writing),
]
#: Of what Windows alone has.
ON_WINDOWS = [Mutant(OTHER_VIEW, ("put-get",), lambda bites, _: registry_patches(OTHER_VIEW, bites))]
if WINDOWS:
    MUTANTS += ON_WINDOWS
