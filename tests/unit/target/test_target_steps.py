from __future__ import annotations

from typing import Any

from target_pc import Pc

from guiwei.target.secret import MASK, Secret

INI = {"module": "ini", "with": {"path": "/a.ini", "section": "s", "option": "x"}}


def test_a_guard_that_moved_refuses_and_stops(pc: Pc) -> None:
    pc.put("/a.ini", "[s]\nx=9\n")
    results = pc.apply({**INI, "state": {"value": "2"}, "guards": {"value": "1"}}, {**INI, "state": {"value": "3"}})
    assert [(one["status"], one["error"]["code"]) for one in results] == [("refused", "plan-stale")]
    assert pc.tree() == {"a.ini": b"[s]\nx=9\n"}


def test_what_is_so_already_is_unchanged_and_not_journalled(pc: Pc) -> None:
    pc.put("/a.ini", "[s]\nx=2\n")
    (result,) = pc.apply({**INI, "state": {"value": "2"}})
    assert result["status"] == "unchanged"
    assert not any((pc.state / "runs").rglob("before/*"))


def test_a_step_that_did_not_take_is_a_failure(pc: Pc) -> None:
    import sqlite3

    with sqlite3.connect(pc.put("/d.db", b"")) as connection:
        connection.execute("CREATE TABLE t (k TEXT, v INTEGER)")
        connection.execute("INSERT INTO t VALUES ('a', 1)")
    step = {"module": "sqlite", "with": {"path": "/d.db", "table": "t", "key": {"k": "a"}}}
    # The column's own type makes a number of the text.
    (result,) = pc.apply({**step, "state": {"row": {"v": "007"}}})
    assert (result["status"], result["error"]["code"]) == ("failed", "not-converged")
    assert pc.roll_back()[0]


def test_handlers_run_only_when_a_step_changed(pc: Pc) -> None:
    pc.put("/a.ini", "[s]\nx=2\n")
    handler: dict[str, Any] = {"module": "command", "with": {"argv": ["/bin/true"]}, "state": {"done": True}}
    results = pc.apply({**INI, "state": {"value": "2"}}, {**handler, "when_changed": ["s0"]})
    assert [one["status"] for one in results] == ["unchanged", "skipped"]


def test_a_destructive_step_wants_its_backup_and_the_data_as_it_was(pc: Pc) -> None:
    pc.put("/data/x", "1")
    backup: dict[str, Any] = {
        "module": "backup", "with": {"label": "1.0", "paths": ["/data"]}, "state": {"done": True},
    }  # fmt: skip
    remove: dict[str, Any] = {"module": "file", "with": {"path": "/gone"}, "state": {"content": ""}, "requires": "s0"}
    touch: dict[str, Any] = {
        "module": "command", "with": {"argv": ["/bin/sh", "-c", f"echo 2 > '{pc.real('/data/x')}'"]},
        "state": {"done": True},
    }  # fmt: skip
    assert [one["status"] for one in pc.apply(backup, remove)] == ["changed", "changed"]
    assert pc.roll_back()[0]
    results = pc.apply(backup, touch, remove)
    assert results[-1]["error"]["code"] == "backup-outdated"
    assert not pc.real("/gone").exists()


def test_secrets_are_masked_in_what_is_told(pc: Pc) -> None:
    pc.put("/a.ini", "[s]\nx=old-pin\n")
    (result,) = pc.apply({**INI, "state": {"value": Secret("new-pin")}})
    assert result["changes"] == [["value", MASK, MASK]]
    assert pc.tree()["a.ini"] == b"[s]\nx=new-pin\n"
    journal = b"".join(path.read_bytes() for path in (pc.state / "runs").rglob("journal.jsonl"))
    assert b"pin" not in journal
