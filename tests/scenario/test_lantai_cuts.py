"""The agent killed at each point where it makes something durable: the run can be taken back, and it can be finished.

Points are the calls that change the PC's folders or wait for its disk (fsync, rename, replace, unlink, mkdir, …): before
each of them the agent gets SIGKILL once. A sample of them by default; all with GUIWEI_PROOF=1.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import shutil
import sqlite3
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
from lantai_support import Run, snapshot, statuses
from scenario_bench import Bench

#: Stands for the PC's Python: runs what the real one would run, and dies before its n-th durable call.
CUTTER = """\
import os, signal, sys
limit = int(open({limit!r}).read())
seen = os.open({seen!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
calls = 0
def counted(call):
    def wrapped(*args, **kwargs):
        global calls
        calls += 1
        os.write(seen, b".")
        if calls == limit:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*args, **kwargs)
    return wrapped
words = sys.argv[1:]
place = words.index("-c")
if os.path.exists({armed!r}):
    for name in ("fsync", "fdatasync", "replace", "rename", "unlink", "remove", "mkdir", "rmdir", "chmod", "link"):
        setattr(os, name, counted(getattr(os, name)))
sys.argv = ["-c", *words[place + 2:]]
exec(words[place + 1], {{"__name__": "__main__"}})
"""

PLAYBOOK = """\
- hosts: all
  tasks:
    - file: {path: /etc/motd, content: "good morning\\n", mode: "0600"}
    - file: {path: /opt/新 folder/deep/note.txt, content: "new\\n"}
    - ini: {path: /etc/client.ini, section: 单位, option: 名称, value: 样本, encoding: gbk}
    - sqlite: {path: /etc/client.db, table: setting, key: {name: cycle}, row: {value: "9"}}
    - file: {path: /etc/old.conf, state: absent}
    - package: {name: tool, path: /opt/tool, version: 2.0.0, source: tool-2.tar.gz}
    - line: {path: /etc/address.txt, line: "https://example.invalid/upload", encoding: gbk, newline: crlf}
"""

POINTS = range(1, 400)
PROOF = os.environ.get("GUIWEI_PROOF") == "1"


class Cut:
    """A PC with some files, a playbook for it, and an interpreter that can be made to die."""

    def __init__(self, bench: Bench, run: Run) -> None:
        self.bench = bench
        self._run = run
        self.limit = bench.folder / "limit"
        self.seen = bench.folder / "seen"
        self.armed = bench.folder / "armed"
        code = CUTTER.format(limit=str(self.limit), seen=str(self.seen), armed=str(self.armed))
        (bench.folder / "cutter.py").write_text(code)
        python = bench.folder / "python"
        python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S -X utf8 "{bench.folder}/cutter.py" "$@"\n')
        python.chmod(0o755)
        self.limit.write_text("0")
        _fill(bench.root)
        bench.write({
            "inventory.yml": "all:\n  hosts:\n    pc1:\n      ansible_connection: local\n"
            f"      ansible_python_interpreter: {python}\n"
            "      guiwei_root: @ROOT@\n      guiwei_state_dir: @STATE@\n",
            "playbook.yml": PLAYBOOK,
            "tool-2.tar.gz": _archive("2.0.0"),
        })  # fmt: skip
        # The agent's program is on the PC already: how that gets there is another story.
        code, plan = self.guiwei("plan", "playbook.yml")
        assert code == 3, plan
        self.before = self.looks()
        shutil.copytree(bench.root, bench.folder / "first", symlinks=True)

    def guiwei(self, *words: str) -> tuple[int, Any]:
        done = self._run(*words, "-i", "inventory.yml", "--json")
        assert "Traceback" not in done.err, done.err
        return done.code, json.loads(done.out)

    def cut_at(self, point: int) -> str | None:
        """Apply with a kill at a point, on the PC as it was at first; return the run's id, None if it has no such point."""
        shutil.rmtree(self.bench.root)
        shutil.copytree(self.bench.folder / "first", self.bench.root, symlinks=True)
        for name in ("handlers", "runs"):
            shutil.rmtree(self.bench.state / name, ignore_errors=True)
        self.limit.write_text(str(point))
        self.seen.unlink(missing_ok=True)
        self.armed.touch()
        code, done = self.guiwei("apply", "playbook.yml", "--yes")
        self.armed.unlink()
        if code == 0:
            return None
        assert (code, statuses(done)["pc1"]) in ((5, "unknown"), (5, "failed")), (point, done)
        return str(done["run"])

    def looks(self) -> dict[str, Any]:
        """Return everything on the PC; the database by its rows, what was half prepared apart."""
        found = snapshot(self.bench.root, "etc/client.db")
        found = {name: about for name, about in found.items() if ".guiwei-" not in name}
        with contextlib.closing(sqlite3.connect(self.bench.root / "etc" / "client.db")) as database:
            found["rows"] = list(database.iterdump())
        return found

    def half_prepared(self) -> list[str]:
        return sorted(path.name for path in self.bench.root.rglob("*") if ".guiwei-" in path.name)


def _fill(root: Path) -> None:
    (root / "etc/old.conf").write_text("old\n")
    (root / "etc/address.txt").write_bytes(b"http://example.invalid/upload\r\n")
    with contextlib.closing(sqlite3.connect(root / "etc/client.db")) as database, database:
        database.execute("CREATE TABLE setting(name TEXT PRIMARY KEY, value TEXT)")
        database.executemany("INSERT INTO setting VALUES (?, ?)", [("cycle", "7"), ("folder", "D:\\备份")])
    with tarfile.open(fileobj=io.BytesIO(_archive("1.0.0"))) as archive:
        archive.extractall(root / "opt/tool", filter="data")


def _archive(version: str) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name, text in (("VERSION", f"{version}\n"), ("lib/a.py", f"a = {version!r}\n"), ("说明.txt", "说明\n")):
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return made.getvalue()


@pytest.fixture
def cut(bench: Bench, run: Run) -> Cut:
    return Cut(bench, run)


def points_of(cut: Cut) -> list[int]:
    """Return the points to try: all, or a sample with the first, the last and some between."""
    assert cut.cut_at(0) is None
    whole = len(cut.seen.read_bytes())
    assert whole > 40, "every write waits for the disk"
    if PROOF:
        return list(range(1, whole + 1))
    return sorted({1, whole, *random.Random(20260115).sample(range(2, whole), 8)})


def test_a_cut_run_can_be_taken_back_at_every_point(cut: Cut) -> None:
    for point in points_of(cut):
        run = cut.cut_at(point)
        assert run is not None, point
        if not (cut.bench.state / "runs" / run).is_dir():
            assert cut.looks() == cut.before, f"point {point}: cut before the journal was made, so nothing was touched"
            continue
        code, done = cut.guiwei("rollback", run)
        assert code == 0, (point, done)
        assert cut.looks() == cut.before, point


def test_a_cut_run_is_finished_by_the_next_at_every_point(cut: Cut) -> None:
    assert cut.cut_at(0) is None
    wanted = cut.looks()
    for point in points_of(cut):
        assert cut.cut_at(point) is not None, point
        code, done = cut.guiwei("apply", "playbook.yml", "--yes")
        assert code == 0, (point, done)
        assert cut.looks() == wanted, point
        assert cut.guiwei("plan", "playbook.yml")[0] == 0, point
        assert not cut.half_prepared(), point


def test_a_second_cut_while_rolling_back_does_no_harm(cut: Cut) -> None:
    """Taking back can be cut too; done again it ends where it should."""
    points = points_of(cut)
    last = points[-1]
    for point in points if PROOF else points[:4]:
        run = cut.cut_at(last)
        assert run is not None
        cut.limit.write_text(str(point))
        cut.armed.touch()
        cut.guiwei("rollback", run)
        cut.armed.unlink()
        code, done = cut.guiwei("rollback", run)
        assert code == 0, (point, done)
        assert cut.looks() == cut.before, point
