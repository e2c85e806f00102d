"""A PC in a folder: made, looked at byte by byte, and taken away."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import stat
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import hypothesis.strategies as st
import law_registry

from guiwei.errors import ResourceError
from guiwei.target.contract import Resource, State
from guiwei.target.journal import Journal, journal_entries
from guiwei.target.system import System

RUN = "20260105T013000Z-law"

#: Memory rather than a disk: every write of the code under test is an fsync.
_PLACE = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None

WINDOWS = os.name == "nt"
#: Root alone gives files to others, and is not kept from reading any.
ROOT = not WINDOWS and os.geteuid() == 0

#: Systems of a `Case`.
BOTH = ("linux", "windows")

INTENTS = ("file", "folder", "meta", "link", "tree", "touched", "row", "pragma", "registry-key", "registry", "data")


class Seen(NamedTuple):
    """All there is to see of one path."""

    kind: str
    mode: str
    uid: int
    gid: int
    data: Any
    modified: int


Snapshot = dict[str, Seen]


class Bites:
    """How often a mutant changed something that the law at hand is about."""

    def __init__(self) -> None:
        self.count = 0
        self.over = False

    def bite(self, really: bool = True) -> bool:
        self.count += bool(really) and not self.over
        return bool(really)


class Bench:
    """One simulated PC, its state folder, and the blobs that its controller would have.

    Attributes:
        ignored: names below the root that a snapshot passes over (what a daemon writes of itself).
        bites: of the mutant that is at work.
    """

    def __init__(self, bites: Bites | None = None) -> None:
        self.bites = bites or Bites()
        self.bites.over = False
        self._bites_before = self.bites.count
        self.folder = tempfile.mkdtemp(prefix="guiwei-law-", dir=_PLACE)
        self.root = os.path.join(self.folder, "pc [1] 开票")
        self.state_dir = os.path.join(self.folder, "state")
        self.blobs: dict[str, bytes] = {}
        self.ignored: set[str] = set()
        self.pid_files: list[str] = []
        self._systems: list[System] = []
        os.makedirs(self.root)
        os.makedirs(self.state_dir, mode=0o700)

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *_: object) -> None:
        for path in self.pid_files:
            with contextlib.suppress(OSError, ValueError), open(path, encoding="ascii") as file:
                os.kill(int(file.read().split()[0]), signal.SIGKILL)
        # Windows removes nothing that is open.
        for system in self._systems:
            system.close()
            if system.journal is not None:
                system.journal.close()
        if WINDOWS:
            law_registry.clear(self.root)
        shutil.rmtree(self.folder, onerror=_unlock)

    def bitten(self) -> bool:
        return self.bites.count > self._bites_before

    def forget_bites(self) -> None:
        """What a mutant did so far is not what the law at hand is about."""
        self.bites.count = self._bites_before

    # Making

    def real(self, path: str) -> str:
        return self.root + path

    def put(self, path: str, data: bytes, mode: int = 0o644, owner: tuple[int, int] | None = None) -> None:
        real = self.real(path)
        os.makedirs(os.path.dirname(real), exist_ok=True)
        with open(real, "wb") as file:
            file.write(data)
        if owner is not None:
            self.own(path, owner)
        os.chmod(real, mode)

    def own(self, path: str, owner: tuple[int, int]) -> None:
        """Give a path to somebody; where that cannot be done it stays ours."""
        if ROOT:
            os.chown(self.real(path), *owner)
        elif WINDOWS and owner[0]:
            # What another program may have done to a file there.
            law_registry.hide(self.real(path))

    def database(self, path: str, *statements: tuple[str, tuple[Any, ...]]) -> None:
        os.makedirs(os.path.dirname(self.real(path)), exist_ok=True)
        connection = sqlite3.connect(self.real(path), isolation_level=None)
        for sql, parameters in statements:
            connection.execute(sql, parameters)
        connection.close()

    # Systems

    def reader(self) -> System:
        return self._kept(System(self.root, self.state_dir))

    def writer(self) -> System:
        return self._kept(System(self.root, self.state_dir, Journal(self.state_dir, RUN), self._blob))

    def _kept(self, system: System) -> System:
        self._systems.append(system)
        return system

    def _blob(self, sha256: str, offset: int) -> Iterator[bytes]:
        if sha256 not in self.blobs:
            raise ResourceError("blob-missing", sha256=sha256)
        data = self.blobs[sha256][offset:]
        yield from (data[at : at + 1000] for at in range(0, len(data), 1000))

    def intents(self) -> int:
        return sum(1 for entry in journal_entries(self.state_dir, RUN) if entry["op"] in INTENTS)

    # Looking

    def snapshot(self) -> Snapshot:
        """Return all of the PC; reading it changes nothing but access times."""
        found: Snapshot = {}
        for folder, folders, names in os.walk(self.root):
            for name in [""] + folders + names if folder == self.root else folders + names:
                real = os.path.join(folder, name) if name else folder
                path = os.path.relpath(real, self.root).replace(os.sep, "/")
                if path not in self.ignored and os.path.dirname(path) not in self.ignored:
                    found[path] = _seen(real)
        if WINDOWS:
            for path, (kind, data, modified) in law_registry.seen(self.root).items():
                found[path] = Seen(kind, "", 0, 0, data, modified)
        return found


def _seen(real: str) -> Seen:
    seen = os.lstat(real)
    if stat.S_ISLNK(seen.st_mode):
        return Seen("link", "", seen.st_uid, seen.st_gid, os.readlink(real), 0)
    # On Windows also whether it is hidden, and the like.
    mode = f"{stat.S_IMODE(seen.st_mode):04o}" + f"{getattr(seen, 'st_file_attributes', '')}"
    if stat.S_ISDIR(seen.st_mode):
        return Seen("directory", mode, seen.st_uid, seen.st_gid, None, seen.st_mtime_ns)
    with open(real, "rb") as file:
        return Seen("file", mode, seen.st_uid, seen.st_gid, file.read(), seen.st_mtime_ns)


def timeless(snapshot: Snapshot) -> Snapshot:
    """Leave times away, and give databases by their rows: a rollback may not turn SQLite's change counter back."""
    return {
        path: seen._replace(modified=0, data=_rows(seen.data) if _is_database(seen.data) else seen.data)
        for path, seen in snapshot.items()
    }


def _is_database(data: Any) -> bool:
    return isinstance(data, bytes) and data.startswith(b"SQLite format 3\x00")


def _rows(data: bytes) -> Any:
    connection = sqlite3.connect(":memory:")
    # In memory there is no write-ahead log: bytes 18 and 19 of the header say that there is none (SQLite file format).
    connection.deserialize(data[:18] + b"\1\1" + data[20:])
    try:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    except sqlite3.DatabaseError:
        # Bytes that only begin like a database.
        connection.close()
        return data
    found = {table: sorted(map(repr, connection.execute(f'SELECT * FROM "{table}"'))) for table in sorted(tables)}
    found[""] = list(connection.execute("PRAGMA user_version"))
    connection.close()
    return found


def _unlock(call: Callable[[str], Any], path: str, _: Any) -> None:
    """Windows removes nothing that is read-only."""
    os.chmod(path, 0o600)
    call(path)


def assert_same(before: Snapshot, after: Snapshot, but: set[str] = frozenset()) -> None:  # type: ignore[assignment]
    """Assert that nothing differs, times included, save below the paths in `but`."""

    def counts(path: str) -> bool:
        return not any(path == one or path.startswith(one + "/") for one in but)

    for path in sorted(set(before) | set(after)):
        if counts(path):
            assert after.get(path) == before.get(path), path


def parents_of(*paths: str) -> set[str]:
    """Return the folders that hold these paths: their times change when an entry does."""
    found = {"."}
    for path in paths:
        while path:
            path = os.path.dirname(path)
            found.add(path or ".")
    return found


@dataclass(frozen=True)
class Situation:
    """A PC to start from, a resource on it, and what is wanted of it.

    Attributes:
        make: makes the PC and returns the resource with its key and option fields.
        state: the desired state, None to have the thing away.
        frame: asserts that a write of `state` left all else alone; gets bench, snapshots before and after.
        later: what something else does to the PC after the step, within the same run.
    """

    make: Callable[[Bench], Resource]
    state: State | None
    frame: Callable[[Bench, Snapshot, Snapshot], None]
    later: Callable[[Bench], None] | None = None


@dataclass(frozen=True)
class Case:
    """How one module joins the harness.

    Attributes:
        situations: strategy of situations.
        honest: an action whose `read` can tell that it is done; lenses always are.
        share: how many of the usual examples it gets: less where each costs a process.
        systems: where it runs; what Windows has no counterpart of yet runs on Linux alone.
        refusals: error codes with which a write may refuse a state, having touched nothing.
    """

    module: str
    situations: st.SearchStrategy[Situation]
    honest: bool = True
    share: float = 1.0
    systems: tuple[str, ...] = ("linux",)
    refusals: frozenset[str] = field(default_factory=frozenset)
