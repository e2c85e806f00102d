from __future__ import annotations

import os

import pytest
from target_pc import RUN, Pc

from guiwei.errors import ResourceError
from guiwei.target.journal import Journal, journal_entries
from guiwei.target.system import System
from guiwei.target.undo import roll_back

INI = {"module": "ini", "with": {"path": "/a.ini", "section": "s", "option": "x"}}


def test_steps_are_undone_last_first(pc: Pc) -> None:
    pc.put("/a.ini", "[s]\nx=1\n")
    before = pc.tree()
    results = pc.apply(
        {**INI, "state": {"value": "2"}},
        {**INI, "state": {"value": "3"}},
        {"module": "directory", "with": {"path": "/new/深"}, "state": {}},
        {"module": "file", "with": {"path": "/new/深/f"}, "state": {"content": "c", "mode": "0600"}},
    )
    assert [result["status"] for result in results] == ["changed"] * 4
    whole, undone = pc.roll_back()
    assert whole
    assert {one["status"] for one in undone} == {"restored"}
    assert pc.tree() == before


def test_what_something_else_changed_since_is_a_conflict_and_stays(pc: Pc) -> None:
    pc.put("/a.ini", "[s]\nx=1\n")
    pc.put("/b.txt", "old\n")
    pc.apply(
        {"module": "line", "with": {"path": "/b.txt"}, "state": {"value": "new"}}, {**INI, "state": {"value": "2"}}
    )
    pc.put("/a.ini", "[s]\nx=2\ny=somebody's\n")
    whole, undone = pc.roll_back()
    assert not whole
    assert [one["status"] for one in undone] == ["conflict", "restored"]
    assert pc.tree() == {"a.ini": b"[s]\nx=2\ny=somebody's\n", "b.txt": b"old\n"}
    # Once the other change is taken back, so can ours be.
    pc.put("/a.ini", "[s]\nx=2\n")
    assert pc.roll_back()[0]
    assert pc.tree() == {"a.ini": b"[s]\nx=1\n", "b.txt": b"old\n"}


def test_conflicts_of_every_kind(pc: Pc) -> None:
    pc.put("/gone", "1")
    pc.put("/mode", "1").chmod(0o644)
    pc.apply(
        {"module": "file", "with": {"path": "/gone"}, "state": None},
        {"module": "file", "with": {"path": "/mode"}, "state": {"mode": "0600"}},
        {"module": "directory", "with": {"path": "/folder"}, "state": {}},
        {"module": "file", "with": {"path": "/made"}, "state": {"content": "1"}},
    )
    pc.put("/gone", "somebody's")
    pc.real("/mode").chmod(0o640)
    pc.put("/folder/somebody's", "1")
    pc.put("/made", "2")
    left = pc.tree()
    whole, undone = pc.roll_back()
    assert not whole
    assert [one["status"] for one in undone] == ["conflict"] * 4
    assert pc.tree() == left
    assert pc.real("/mode").stat().st_mode & 0o777 == 0o640


def test_a_row_that_another_program_changed_is_a_conflict(pc: Pc) -> None:
    import sqlite3

    path = pc.put("/d.db", b"")
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (k TEXT, v TEXT, n INTEGER DEFAULT 1)")
        connection.execute("INSERT INTO t (k, v) VALUES ('a', 'old')")
    row = {"module": "sqlite", "with": {"path": "/d.db", "table": "t", "key": {"k": "a"}}}
    pc.apply({**row, "state": {"row": {"v": "new"}}})
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE t SET n = 2")
    assert [one["status"] for one in pc.roll_back()[1]] == ["conflict"]
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE t SET n = 1")
        connection.execute("INSERT INTO t (k, v) VALUES ('b', 'other program')")
    assert pc.roll_back()[0]
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT * FROM t ORDER BY k").fetchall()
    assert rows == [("a", "old", 1), ("b", "other program", 1)]


@pytest.mark.parametrize("written", [False, True])
def test_a_cut_between_intent_and_done(pc: Pc, written: bool) -> None:
    pc.put("/x", "old")
    system = pc.writer()
    system.files.write("/x", b"new")
    path = pc.state / "runs" / RUN / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    assert b'"done"' in lines[-1]
    path.write_bytes(b"".join(lines[:-1]))
    if not written:
        pc.put("/x", "old").chmod(0o644)
    assert pc.roll_back()[0]
    assert pc.tree() == {"x": b"old"}


def test_a_cut_inside_another_program_s_run(pc: Pc) -> None:
    pc.put("/record", "old")
    pc.writer().files.keep("/record")
    pc.put("/record", "half writ")
    assert pc.roll_back()[0]
    assert pc.tree() == {"record": b"old"}


def test_a_tree_is_put_back_whole_even_from_another_file_system(pc: Pc, monkeypatch: pytest.MonkeyPatch) -> None:
    pc.put("/opt/p/bin/x", "1").chmod(0o755)
    os.symlink("bin/x", pc.root / "opt/p/link")
    if os.geteuid() == 0:
        os.chown(pc.root / "opt/p/bin/x", 1234, 4321)
    before = pc.tree()

    rename = os.rename

    def refuses(source: str, target: str) -> None:
        if ("/state/" in str(source)) != ("/state/" in str(target)):
            raise OSError(18, "Invalid cross-device link")
        rename(source, target)

    monkeypatch.setattr(os, "rename", refuses)
    system = pc.writer()
    system.files.remove_tree("/opt/p")
    assert not pc.real("/opt/p").exists()
    assert pc.roll_back()[0]
    assert pc.tree() == before
    seen = pc.real("/opt/p/bin/x").stat()
    assert seen.st_mode & 0o777 == 0o755
    assert os.readlink(pc.root / "opt/p/link") == "bin/x"
    if os.geteuid() == 0:
        assert (seen.st_uid, seen.st_gid) == (1234, 4321)


def test_a_folder_in_use_is_not_half_moved(pc: Pc, monkeypatch: pytest.MonkeyPatch) -> None:
    """On Windows a rename fails while a program holds a file of the folder open."""
    pc.put("/opt/p/x", "1")
    before = pc.tree()

    def refuses(source: str, target: str) -> None:
        raise PermissionError(13, "in use")

    monkeypatch.setattr(os, "rename", refuses)
    with pytest.raises(PermissionError):
        pc.writer().files.remove_tree("/opt/p")
    assert pc.tree() == before
    assert not list(pc.state.rglob("*.partial")), "no copy was begun"


def test_undoing_is_never_itself_undone(pc: Pc) -> None:
    """Rolling back may write (data from a backup); a second roll-back must not take that away."""
    pc.put("/data/x", "old")
    pc.apply(
        {"module": "backup", "with": {"label": "1.0", "paths": ["/data"]}, "state": {"done": True}},
    )
    pc.put("/data/x", "migrated")
    pc.put("/data/new", "1")
    assert pc.roll_back()[0]
    assert pc.tree() == {"data": None, "data/x": b"old"}
    assert pc.roll_back()[0]
    assert pc.tree() == {"data": None, "data/x": b"old"}
    # Steps of the run after that are its own again.
    system = pc.writer()
    assert system.journal is not None
    system.journal.append({"op": "begin", "step": "later"})
    system.files.write("/data/x", b"resumed")
    assert pc.roll_back()[0]
    assert pc.tree()["data/x"] == b"old"


def test_an_unknown_run_is_said_so(pc: Pc) -> None:
    with pytest.raises(ResourceError) as caught:
        roll_back(System(str(pc.root), str(pc.state)), "none", lambda _: None)
    assert caught.value.code == "run-unknown"


def test_the_journal_holds_hashes_and_no_contents(pc: Pc) -> None:
    pc.put("/a.ini", "[s]\nx=topsecret-old\n")
    pc.apply({**INI, "state": {"value": "topsecret-new"}})
    journal = Journal(str(pc.state), RUN)
    journal.close()
    assert b"topsecret" not in (pc.state / "runs" / RUN / "journal.jsonl").read_bytes()
    assert any(entry["op"] == "file" for entry in journal_entries(str(pc.state), RUN))
