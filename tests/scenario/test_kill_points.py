"""The agent is killed at any moment of a run: going back restores every byte, going on ends as if nothing had been."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import random
import shutil
import sqlite3
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dying_python
import pytest
from scenario_bench import Bench
from scenario_cases import Run

INVENTORY = """\
all:
  hosts:
    pc1:
      ansible_connection: local
      ansible_python_interpreter: @PYTHON@
      guiwei_root: @ROOT@
      guiwei_state_dir: @STATE@
"""
PLAYBOOK = """\
- hosts: all
  tasks:
    - file: {path: /etc/motd, content: "guiwei was here\\n", mode: "0600"}
    - directory: {path: /srv/备份/2026, mode: "0750"}
    - file: {path: /srv/备份/note, source: note.bin}
    - ini: {path: /etc/client.ini, encoding: gbk, section: 单位, option: 名称, value: 归位}
    - sqlite: {path: /srv/client.db, table: setting, key: {name: cycle}, row: {value: "7"}}
    - package: {name: helper, path: /opt/helper, version: "1.2.0", source: helper-1.2.0.tar.gz}
    - file: {path: /etc/old, state: absent}
"""
APPLY = ("apply", "playbook.yml", "-i", "inventory.yml", "--yes", "--json")
#: Every moment, instead of a sample by seed.
WHOLE = os.environ.get("GUIWEI_PROOF") == "1"
SAMPLE = 12


@pytest.fixture
def pc(bench: Bench, run: Run) -> Bench:
    """A PC with an old package and a database; guiwei has looked at it, so its own code lies there already."""
    bench.known["PYTHON"] = str(dying_python.install(bench.folder))
    files = {"note.bin": bytes(range(256)) * 300, "helper-1.2.0.tar.gz": _archive("1.2.0")}
    bench.write({"inventory.yml": INVENTORY, "playbook.yml": PLAYBOOK, **files})
    for name in ("srv", "opt/helper"):
        (bench.root / name).mkdir(parents=True)
    (bench.root / "opt" / "helper" / "VERSION").write_text("1.0.0\n")
    (bench.root / "opt" / "helper" / "settings").write_text("theirs\n")
    (bench.root / "etc" / "old").write_text("old\n")
    os.chmod(bench.root / "etc" / "old", 0o604)
    with contextlib.closing(sqlite3.connect(bench.root / "srv" / "client.db")) as connection:
        connection.execute("CREATE TABLE setting(name TEXT PRIMARY KEY, value TEXT)")
        connection.execute("INSERT INTO setting VALUES ('cycle', '30'), ('folder', 'D:\\')")
        connection.commit()
    assert run("facts", "-i", "inventory.yml").code == 0
    return bench


def _archive(version: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, text in (("VERSION", f"{version}\n"), ("bin/helper", "#!/bin/sh\n"), ("lib/a", "a\n")):
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()


def _seen(root: Path) -> dict[str, Any]:
    """Return every path with kind, mode, owner and bytes; a database by its rows: it counts its own changes."""
    found: dict[str, Any] = {}
    for path in sorted(root.rglob("*")):
        about = path.lstat()
        content = ""
        if path.suffix == ".db":
            with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
                content = "\n".join(connection.iterdump())
        elif path.is_file():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        found[str(path.relative_to(root))] = (oct(about.st_mode), about.st_uid, about.st_gid, content)
    return found


class _Twin:
    """The PC as it was, to begin from again and again; paths stay the same, because journals name them."""

    def __init__(self, bench: Bench, name: str) -> None:
        self._bench = bench
        self._folder = bench.folder / name
        for path in (bench.root, bench.state):
            shutil.copytree(path, self._folder / path.name, symlinks=True)

    def put_back(self) -> None:
        for path in (self._bench.root, self._bench.state):
            shutil.rmtree(path)
            shutil.copytree(self._folder / path.name, path, symlinks=True)


def _apply(bench: Bench, run: Run, at: str = "", log: str = "") -> tuple[int, dict[str, Any]]:
    bench.environ.setenv(dying_python.AT, at)
    bench.environ.setenv(dying_python.LOG, log)
    done = run(*APPLY)
    bench.environ.delenv(dying_python.AT)
    bench.environ.delenv(dying_python.LOG)
    return done.code, json.loads(done.out)


def _chosen(moments: list[str], seed: int) -> list[int]:
    """Return the numbers of the moments to try."""
    numbers = range(1, len(moments) + 1)
    return list(numbers) if WHOLE else sorted(random.Random(seed).sample(numbers, SAMPLE))


@pytest.mark.parametrize("seed", [1] if WHOLE else [1, 2])
def test_a_run_that_is_cut_goes_back_or_goes_on(seed: int, pc: Bench, run: Run) -> None:
    before, start = _seen(pc.root), _Twin(pc, "start")
    log = pc.folder / "moments"
    code, _ = _apply(pc, run, log=str(log))
    assert code == 0
    after = _seen(pc.root)
    assert after != before
    moments = log.read_text().splitlines()
    calls = [line.split()[1] for line in moments]
    assert (calls.count("replace") >= 3, calls.count("rename") >= 2, calls.count("fsync") > 20) == (True, True, True)
    for number in _chosen(moments, seed):
        _cut(pc, run, start, number, moments[number - 1], before, after)


def _cut(
    pc: Bench, run: Run, start: _Twin, number: int, moment: str, before: dict[str, Any], after: dict[str, Any]
) -> None:
    back = run("rollback", _cut_run(pc, run, start, number, moment), "-i", "inventory.yml", "--json")
    assert back.code == 0, (moment, back.out)
    assert _seen(pc.root) == before, moment

    _cut_run(pc, run, start, number, moment)
    code, document = _apply(pc, run)
    assert code == 0, (moment, document)
    assert _seen(pc.root) == after, moment
    assert run("plan", "playbook.yml", "-i", "inventory.yml").code == 0, moment


def _cut_run(pc: Bench, run: Run, start: _Twin, number: int, moment: str) -> str:
    """Begin anew, apply until the agent is killed at that moment, and return the run.

    Done twice, not copied: a copy of a PC that was cut has other inodes, which a power cut does not bring about.
    """
    start.put_back()
    code, document = _apply(pc, run, at=str(number))
    assert code == 5, moment
    assert document["hosts"][0]["status"] in ("unknown", "failed"), moment
    return str(document["run"])


def test_a_rollback_that_is_cut_is_finished_by_another(pc: Bench, run: Run) -> None:
    before = _seen(pc.root)
    _, document = _apply(pc, run)
    whole = _Twin(pc, "whole")
    log = pc.folder / "moments"
    rollback = ("rollback", document["run"], "-i", "inventory.yml", "--json")
    with _environ(pc, dying_python.LOG, str(log)):
        assert run(*rollback).code == 0
    assert _seen(pc.root) == before
    moments = log.read_text().splitlines()
    for number in _chosen(moments, 3):
        whole.put_back()
        with _environ(pc, dying_python.AT, str(number)):
            assert run(*rollback).code == 5, moments[number - 1]
        assert run(*rollback).code == 0, moments[number - 1]
        assert _seen(pc.root) == before, moments[number - 1]


@contextlib.contextmanager
def _environ(bench: Bench, name: str, value: str) -> Iterator[None]:
    bench.environ.setenv(name, value)
    yield
    bench.environ.delenv(name)
