from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest
from target_pc import Pc

from guiwei.errors import ResourceError


def _database(pc: Pc, wal: bool = False) -> Path:
    path = pc.put("/d 数.db", b"")
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(f"PRAGMA journal_mode = {'WAL' if wal else 'DELETE'}")
    connection.execute("CREATE TABLE t (k TEXT, v)")
    connection.execute("INSERT INTO t VALUES ('a', 1)")
    connection.close()
    return path


def _listing(pc: Pc) -> dict[str, tuple[bytes, int]]:
    return {one.name: (one.read_bytes(), one.stat().st_mtime_ns) for one in pc.root.iterdir()}


@pytest.mark.parametrize("wal", [False, True])
def test_reading_leaves_nothing_behind(pc: Pc, wal: bool) -> None:
    _database(pc, wal)
    before = _listing(pc)
    system = pc.reader()
    assert system.rows.query("/d 数.db", "SELECT * FROM t") == [{"k": "a", "v": 1}]
    assert _listing(pc) == before
    system.close()
    assert _listing(pc) == before


@pytest.mark.parametrize("left", ["-wal", "-journal"])
def test_what_a_crash_left_is_read_in_a_copy(pc: Pc, left: str) -> None:
    path = _database(pc, wal=left == "-wal")
    connection = sqlite3.connect(path, isolation_level=None)
    if left == "-journal":
        # A spilled transaction: half of it is in the file, and the journal that undoes it stands beside it.
        connection.execute("PRAGMA cache_size = 1")
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO t VALUES (?, ?)", [("x" * 500, number) for number in range(400)])
    else:
        connection.execute("INSERT INTO t VALUES ('b', 2)")
    crashed = {end: Path(f"{path}{end}").read_bytes() for end in ("", left)}
    connection.close()
    for end, content in crashed.items():
        Path(f"{path}{end}").write_bytes(content)
    for end in {"-wal", "-shm", "-journal"} - {left}:
        Path(f"{path}{end}").unlink(missing_ok=True)
    before = _listing(pc)
    system = pc.reader()
    expected = [{"n": 2}] if left == "-wal" else [{"n": 1}]
    assert system.rows.query("/d 数.db", "SELECT count(*) AS n FROM t") == expected
    system.close()
    assert _listing(pc) == before


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM t", "DROP TABLE t", "PRAGMA user_version = 7", "ATTACH '{0}/new.db' AS n",
        "VACUUM INTO '{0}/new.db'",
        "PRAGMA journal_mode = DELETE", "SELECT load_extension('/x')",
    ],
)  # fmt: skip
def test_a_query_can_only_read(pc: Pc, sql: str) -> None:
    _database(pc, wal=True)
    before = _listing(pc)
    system = pc.reader()
    with pytest.raises(ResourceError) as caught:
        system.rows.query("/d 数.db", sql.format(pc.root))
    assert caught.value.code in ("sqlite-not-reading", "path-read-only")
    system.close()
    assert _listing(pc) == before


def test_what_is_no_database_and_what_is_locked(pc: Pc, monkeypatch: pytest.MonkeyPatch) -> None:
    pc.put("/no.db", os.urandom(4096))
    with pytest.raises(ResourceError) as caught:
        pc.reader().rows.query("/no.db", "SELECT 1 FROM sqlite_master")
    assert caught.value.code == "sqlite-unreadable"
    path = _database(pc)
    monkeypatch.setattr("guiwei.target.rows.LOCK_WAIT", 0.05)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(ResourceError) as caught:
        pc.writer().rows.write_row("/d 数.db", "t", {"k": "a"}, {"v": 2})
    assert caught.value.code == "file-in-use"
    holder.close()


def test_one_key_is_one_row(pc: Pc) -> None:
    path = _database(pc)
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO t VALUES ('a', 2)")
    with pytest.raises(ResourceError) as caught:
        pc.reader().rows.row("/d 数.db", "t", {"k": "a"})
    assert caught.value.code == "sqlite-key"
    with pytest.raises(ResourceError) as caught:
        pc.reader().rows.row("/d 数.db", "none", {"k": "a"})
    assert (caught.value.code, "none" in caught.value.arguments["detail"]) == ("sqlite-error", True)


def test_a_write_that_fails_changes_and_journals_nothing(pc: Pc) -> None:
    path = _database(pc)
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE strict (k TEXT PRIMARY KEY, v INTEGER NOT NULL CHECK (v < 10))")
        connection.execute("INSERT INTO strict VALUES ('a', 1)")
    connection.close()
    before = _listing(pc)
    with pytest.raises(ResourceError) as caught:
        pc.writer().rows.write_row("/d 数.db", "strict", {"k": "a"}, {"v": 11})
    assert caught.value.code == "sqlite-error"
    assert {name: content for name, (content, _) in _listing(pc).items()} == {
        name: content for name, (content, _) in before.items()
    }
    assert pc.roll_back() == (True, [])
