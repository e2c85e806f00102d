from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest
from target_pc import Pc

from guiwei.errors import GateError, ResourceError
from guiwei.target import backups as backups_module
from guiwei.target.backups import Backups


@pytest.fixture
def data(pc: Pc) -> Pc:
    pc.put("/数据 [1]/深/a.txt", "a")
    pc.put("/数据 [1]/client.lock", "1")
    pc.put("/etc/record.ini", "[s]\nx=1\n").chmod(0o640)
    with sqlite3.connect(pc.real("/数据 [1]/client.db")) as connection:
        connection.execute("CREATE TABLE t (x)")
        connection.executemany("INSERT INTO t VALUES (?)", [(number,) for number in range(500)])
    connection.close()
    return pc


PATHS = ["/数据 [1]", "/etc/record.ini"]


def _code(call: object, *arguments: object) -> str:
    with pytest.raises((ResourceError, GateError)) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value.code


def _made(pc: Pc) -> str:
    return str(Backups(pc.reader()).make("1.0", PATHS, ["*.lock"], {"version": "3.0.0"})["backup"])


def test_receipt_list_and_check(data: Pc) -> None:
    backup = _made(data)
    backups = Backups(data.reader())
    (receipt,) = backups.list()
    assert receipt == backups.check(backup)
    assert (receipt["files"], receipt["label"], receipt["note"]) == (3, "1.0", {"version": "3.0.0"})
    assert receipt["paths"] == PATHS
    assert backups.moved_since(backup, exactly=True) is None


def test_restore_brings_everything_back(data: Pc) -> None:
    before = data.tree()
    backup = _made(data)
    data.put("/数据 [1]/深/a.txt", "other")
    data.put("/数据 [1]/new", "new")
    data.put("/etc/record.ini", "broken").chmod(0o666)
    os.unlink(data.real("/数据 [1]/client.db"))
    Backups(data.writer()).restore(backup)
    after = data.tree()
    del before["数据 [1]/client.lock"]
    assert after == before
    assert data.real("/etc/record.ini").stat().st_mode & 0o777 == 0o640


def test_a_damaged_backup_is_found_and_nothing_is_touched(data: Pc) -> None:
    backup = _made(data)
    (copy,) = (data.state / "backups" / backup).rglob("a.txt")
    copy.write_text("b")
    data.put("/数据 [1]/深/a.txt", "live")
    before = data.tree()
    assert _code(Backups(data.reader()).check, backup) == "backup-damaged"
    assert _code(Backups(data.writer()).restore, backup) == "backup-damaged"
    copy.unlink()
    assert _code(Backups(data.reader()).check, backup) == "backup-damaged"
    assert data.tree() == before


def test_what_moved_is_named(data: Pc) -> None:
    backup = _made(data)
    backups = Backups(data.reader())
    data.put("/数据 [1]/Log/client.log", "logs do not count")
    assert backups.moved_since(backup, exactly=True) is None
    data.put("/数据 [1]/new", "1")
    assert backups.moved_since(backup) is None
    assert (backups.moved_since(backup, exactly=True) or "").endswith("/new")
    data.put("/数据 [1]/深/a.txt", "b")
    assert (backups.moved_since(backup) or "").endswith("/a.txt")


def test_a_file_that_changes_while_it_is_copied_is_refused(data: Pc, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = backups_module.copy_tree

    def busy(source: str, target: str, leave_out: object) -> None:
        copy(source, target, leave_out)  # type: ignore[arg-type]
        Path(source, "深", "a.txt").write_text("changed meanwhile")

    monkeypatch.setattr(backups_module, "copy_tree", busy)
    assert _code(_made, data) == "backup-moving"
    assert list((data.state / "backups").iterdir()) == []


def test_a_copy_that_went_wrong_fails_its_trial(data: Pc, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = backups_module.copy_tree

    def lossy(source: str, target: str, leave_out: object) -> None:
        copy(source, target, leave_out)  # type: ignore[arg-type]
        Path(target, "深", "a.txt").write_text("")

    monkeypatch.setattr(backups_module, "copy_tree", lossy)
    assert _code(_made, data) == "backup-damaged"
    assert list((data.state / "backups").iterdir()) == []


def test_a_damaged_database_is_kept_only_on_purpose(data: Pc) -> None:
    path = data.real("/数据 [1]/client.db")
    content = bytearray(path.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    path.write_bytes(content)
    assert _code(_made, data) == "backup-source-damaged"
    receipt = Backups(data.reader()).make("1.0", PATHS, [], {}, allow_damaged=True)
    assert receipt["damaged"] == ["/数据 [1]/client.db"]
    assert Backups(data.reader()).check(receipt["backup"]) == receipt


def test_a_database_with_its_log_is_judged_with_it(data: Pc) -> None:
    """A killed client leaves a write-ahead log, or a journal that its next start rolls back."""
    path = data.real("/数据 [1]/client.db")
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("INSERT INTO t VALUES ('in the log')")
    connection.commit()
    copied = {end: Path(f"{path}{end}").read_bytes() for end in ("", "-wal")}
    connection.close()
    for end, content in copied.items():
        Path(f"{path}{end}").write_bytes(content)
    backup = _made(data)
    assert [one.name for one in (data.state / "backups" / backup).rglob("client.db*")] != []
    assert not [one for one in (data.state / "backups" / backup).rglob("*") if "trial" in one.name]
    assert Backups(data.reader()).check(backup)["damaged"] == []


def test_what_is_not_there(data: Pc) -> None:
    backups = Backups(data.reader())
    assert _code(backups.make, "1.0", ["/none"], [], {}) == "path-missing"
    assert _code(backups.check, "none") == "backup-missing"
    assert list((data.state / "backups").iterdir()) == []


def test_a_later_format_is_refused(data: Pc) -> None:
    backup = _made(data)
    manifest = data.state / "backups" / backup / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"format": 1', '"format": 2'))
    assert _code(Backups(data.reader()).check, backup) == "backup-format"
