"""The history: every run, status and invoice that was put in comes out, whoever writes beside."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guiwei.errors import InputError
from guiwei.history import database
from guiwei.history.database import History, default_path
from guiwei.model.run import STATUSES

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=8)
HOSTS = st.dictionaries(NAMES, st.sampled_from(STATUSES), max_size=3)
VALUES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | NAMES | st.lists(NAMES, max_size=2)
APPLIED = st.dictionaries(NAMES, st.dictionaries(NAMES, VALUES, min_size=1, max_size=2), max_size=2)
INVOICE = {"instance": "a.0", "number": "00000007", "kind": "007", "month": "2026-11", "amount": "1.00", "tax": "0.06",
           "status": "void"}  # fmt: skip


def opened(folder: Path, name: str = "history.db") -> History:
    return History(folder / name)


def note(history: History, run: str, host: str, status: str = "changed", **more: Any) -> None:
    history.record_host(
        run, host, status, 0.5, more.get("result", {}), more.get("applied", {}), more.get("invoices", ())
    )


@given(st.lists(HOSTS, max_size=2))
def test_every_run_and_status_comes_out(tmp_path_factory: pytest.TempPathFactory, runs: list[dict[str, str]]) -> None:
    history = opened(tmp_path_factory.mktemp("history"))
    for number, hosts in enumerate(runs):
        history.begin(f"run{number}", "apply", "play.yml", f"2026-11-24T06:00:{number:02}Z", reason=None, who="clerk")
        for host, status in hosts.items():
            note(history, f"run{number}", host, status, result={"host": host, "status": status})
        history.finish(f"run{number}", "2026-11-24T07:00:00Z")
    listed = history.runs()
    assert [run["id"] for run in listed] == [f"run{number}" for number in reversed(range(len(runs)))]
    assert [run["statuses"] for run in listed] == [Counter(hosts.values()) for hosts in reversed(runs)]
    for number, hosts in enumerate(runs):
        found = history.run(f"run{number}")
        assert {host["host"]: host["result"]["status"] for host in found["hosts"]} == hosts
        assert (found["finished"], found["who"], found["reason"]) == ("2026-11-24T07:00:00Z", "clerk", None)


@given(st.lists(st.tuples(st.sampled_from(["pc1", "pc2"]), APPLIED), max_size=3))
def test_what_was_applied_last_counts(tmp_path_factory: pytest.TempPathFactory, notes: list[tuple[str, Any]]) -> None:
    history = opened(tmp_path_factory.mktemp("history"))
    expected: dict[str, dict[str, dict[str, Any]]] = {"pc1": {}, "pc2": {}}
    for number, (host, applied) in enumerate(notes):
        history.begin(f"run{number}", "apply", "play.yml", "2026-11-24T06:00:00Z")
        note(history, f"run{number}", host, applied=applied)
        for resource, fields in applied.items():
            expected[host].setdefault(resource, {}).update(fields)
    assert history.applied(["pc1", "pc2"]) == expected
    gone = sorted(expected["pc1"])[:1]
    history.forget("pc1", gone)
    left = {resource: fields for resource, fields in expected["pc1"].items() if resource not in gone}
    assert history.applied(["pc1", "pc2"]) == {"pc1": left, "pc2": expected["pc2"]}


def test_invoices_are_kept_with_their_run(tmp_path: Path) -> None:
    history = opened(tmp_path)
    history.begin("one", "apply", "play.yml", "2026-11-24T06:00:00Z", reason="new version", who="clerk")
    note(history, "one", "pc1", invoices=[INVOICE])
    assert opened(tmp_path).run("one")["invoices"] == [{"run": "one", "host": "pc1", **INVOICE}]
    # A host whose result is noted again (it was broken off, and ended after all) has one result.
    note(history, "one", "pc1", "failed")
    assert history.run("one")["statuses"] == {"failed": 1}


def test_looking_makes_no_file(tmp_path: Path) -> None:
    history = opened(tmp_path / "no" / "such")
    assert history.runs() == []
    assert history.applied(["pc1"]) == {"pc1": {}}
    assert not (tmp_path / "no").exists()


def test_the_folder_is_for_its_owner_alone(tmp_path: Path) -> None:
    opened(tmp_path / "new").begin("one", "apply", "play.yml", "2026-11-24T06:00:00Z")
    assert oct((tmp_path / "new").stat().st_mode & 0o777) == "0o700"


@pytest.mark.parametrize("command", ["run", "rollback"])
def test_an_unknown_run_is_wrong_input(tmp_path: Path, command: str) -> None:
    with pytest.raises(InputError) as wrong:
        opened(tmp_path).run(command)
    assert (wrong.value.code, wrong.value.arguments) == ("history-no-run", {"run": command})


# Migrations


@pytest.mark.parametrize("version", range(len(database._MIGRATIONS) + 1))
def test_a_history_of_any_earlier_version_is_brought_on(tmp_path: Path, version: int) -> None:
    with closing(sqlite3.connect(tmp_path / "history.db")) as connection:
        for migration in database._MIGRATIONS[:version]:
            connection.executescript(migration)
        connection.execute(f"PRAGMA user_version = {version}")
        if version:
            connection.execute("INSERT INTO run (id, command, playbook, started) VALUES ('old', 'apply', 'p', '2025')")
        connection.commit()
    history = opened(tmp_path)
    history.begin("new", "apply", "play.yml", "2026-11-24T06:00:00Z")
    assert [run["id"] for run in history.runs()] == ["new", *(["old"] if version else [])]
    with closing(sqlite3.connect(tmp_path / "history.db")) as connection:
        assert connection.execute("PRAGMA user_version").fetchone()[0] == len(database._MIGRATIONS)


def test_a_migration_is_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    history = opened(tmp_path)
    history.begin("old", "apply", "play.yml", "2026-11-24T06:00:00Z")
    done = database._MIGRATIONS
    monkeypatch.setattr(
        database, "_MIGRATIONS", (*done, "ALTER TABLE run ADD COLUMN note TEXT; SELECT * FROM nowhere;")
    )
    with pytest.raises(InputError, match="history-unusable"):
        history.runs()
    monkeypatch.setattr(database, "_MIGRATIONS", (*done, "ALTER TABLE run ADD COLUMN note TEXT;"))
    assert history.runs()[0]["note"] is None


def test_a_newer_history_is_left_alone(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "history.db")) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = (tmp_path / "history.db").read_bytes()
    with pytest.raises(InputError) as wrong:
        opened(tmp_path).begin("one", "apply", "play.yml", "2026-11-24T06:00:00Z")
    assert (wrong.value.code, wrong.value.arguments["version"]) == ("history-newer", 99)
    assert (tmp_path / "history.db").read_bytes() == before


def test_what_is_no_history_is_wrong_input(tmp_path: Path) -> None:
    (tmp_path / "history.db").write_text("no database at all, but long enough to be looked at\n" * 20)
    with pytest.raises(InputError) as wrong:
        opened(tmp_path).runs()
    assert wrong.value.code == "history-unusable"


def test_many_that_begin_at_once_all_have_their_run(tmp_path: Path) -> None:
    """The first use makes the tables; several first uses at one moment must not get into each other's way."""
    for attempt in range(5):
        barrier, errors = threading.Barrier(6), list[Exception]()

        def begin(name: str, path: Path, barrier: threading.Barrier, errors: list[Exception]) -> None:
            barrier.wait()
            try:
                History(path).begin(name, "apply", "play.yml", "2026-11-24T06:00:00Z")
            except Exception as error:
                errors.append(error)

        path = tmp_path / f"{attempt}.db"
        threads = [threading.Thread(target=begin, args=(f"run{n}", path, barrier, errors)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert {run["id"] for run in History(path).runs()} == {f"run{n}" for n in range(6)}


def test_where_it_lies(tmp_path: Path) -> None:
    assert default_path({"GUIWEI_HOME": "/g", "HOME": "/h"}) == Path("/g/history.db")
    assert default_path({"XDG_STATE_HOME": "/s", "HOME": "/h"}) == Path("/s/guiwei/history.db")
    assert default_path({"HOME": "/h"}) == Path(os.path.join("/h", ".local", "state", "guiwei", "history.db"))


def test_held_open_it_is_opened_once_and_others_see_what_is_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history, opens = opened(tmp_path), []
    plain = History._open
    monkeypatch.setattr(History, "_open", lambda self: opens.append(1) or plain(self))
    history.begin("r", "apply", "p", "2026-11-24T06:00:00Z")
    opens.clear()
    history.hold()
    for number in range(5):
        note(history, "r", f"pc{number}")
        assert History(tmp_path / "history.db").run("r")["statuses"] == {"changed": number + 1}
    history.sync()
    history.finish("r", "2026-11-24T07:00:00Z")
    history.release()
    assert len(opens) == 1 + 5
    assert [path.name for path in tmp_path.iterdir()] == ["history.db"]
    history.release()
    note(history, "r", "pc9")
    assert history.run("r")["statuses"] == {"changed": 6}


def test_held_open_a_failing_note_leaves_nothing_of_itself(tmp_path: Path) -> None:
    history = opened(tmp_path)
    history.begin("r", "apply", "p", "2026-11-24T06:00:00Z")
    history.hold()
    note(history, "r", "pc1")

    def fail() -> None:
        with history.transaction() as held:
            held.execute("UPDATE run SET finished = 'now'")
            held.execute("INSERT INTO nowhere VALUES (1)")

    with pytest.raises(InputError) as caught:
        fail()
    assert caught.value.code == "history-unusable"
    assert history.run("r")["finished"] is None
    history.release()


def test_what_is_synced_is_in_the_file_itself(tmp_path: Path) -> None:
    """Without the journal beside it, which a power cut may take: what counts the tries of a secret is there."""
    history = opened(tmp_path)
    history.begin("r", "apply", "p", "2026-11-24T06:00:00Z")
    history.hold()
    note(history, "r", "pc1", applied={"secret": {"tries_left": 3}})
    seen = []
    for sync in (False, True):
        if sync:
            history.sync()
        copy = tmp_path / f"copy-{sync}"
        copy.mkdir()
        (copy / "history.db").write_bytes((tmp_path / "history.db").read_bytes())
        seen.append(opened(copy).applied(["pc1"]))
    history.release()
    assert seen == [{"pc1": {}}, {"pc1": {"secret": {"tries_left": 3}}}]
