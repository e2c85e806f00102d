"""The order of an upgrade and what stops it: nothing is touched that could not be put back."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from lantai_support import Run, Shop, codes, errors_in, open_shop, packages, statuses, steps_of
from scenario_bench import Bench

from guiwei.model.inventory import Host
from guiwei.transport import connect as transport
from guiwei.transport.session import Session
from guiwei.transport.settings import Settings
from lab.lantai import faults


@pytest.fixture
def shop(bench: Bench, run: Run) -> Shop:
    made = open_shop(bench, run)
    made.play()
    return made


def test_every_stage_goes_stop_backup_package_start(bench: Bench, run: Run) -> None:
    shop = open_shop(bench, run, running=True)
    shop.play()
    stages = shop.plan()["hosts"][0]["stages"]
    assert [stage["versions"] for stage in stages] == [["2.4.0", "3.0.0"], ["3.0.0", "3.1.0"]]
    for stage in stages:
        names = [step["name"] for step in stage["steps"]]
        package = f"lantai-{stage['versions'][1]}.tar.gz"
        # The whole way is rehearsed at once, before the first program is put in place.
        rehearsal = ["rehearse"] if stage is stages[0] else []
        assert names[: 3 + len(rehearsal)] == ["stop", "backup", *rehearsal, package]
        assert names.index("start") > 2
        steps = {step["name"]: step for step in stage["steps"]}
        assert steps[package]["requires"] == steps["backup"]["id"]
    assert "activate" in [step["name"] for step in stages[0]["steps"]]
    done = shop.apply()
    ended = [(step["name"], step["status"]) for step in steps_of(done)]
    assert [name for name, _ in ended] == [step["name"] for stage in stages for step in stage["steps"]]
    assert {status for _, status in ended} == {"changed"}
    assert shop.versions == ("3.1.0", "3.1.0")
    assert shop.do("status")["answering"] is True


def test_a_clerk_in_the_middle_of_an_invoice_is_left_alone(bench: Bench, run: Run) -> None:
    shop = open_shop(bench, run, running=True)
    shop.play()
    shop.log_in()
    shop.do("draft", "open")
    before = shop.snapshot()
    pid = shop.do("status")["pid"]
    done = shop.apply(code=4)
    assert statuses(done)["pc1"] == "refused"
    assert codes(done) == ["client-busy"]
    assert steps_of(done) == []
    assert shop.snapshot() == before
    assert (shop.do("status")["pid"], shop.do("status")["editing"]) == (pid, True)
    shop.do("draft", "close")
    shop.apply()
    assert shop.versions == ("3.1.0", "3.1.0")


def test_a_downgrade_is_refused(bench: Bench, run: Run) -> None:
    shop = open_shop(bench, run, version="3.1.0")
    shop.play({"software": {"version": "3.0.0"}})
    before = shop.snapshot()
    assert codes(shop.plan(code=4)) == ["version-downgrade"]
    assert codes(shop.apply(code=4)) == ["version-downgrade"]
    assert shop.snapshot() == before


def test_an_unknown_version_is_wrong_input(shop: Shop) -> None:
    shop.play({"software": {"version": "9.9"}})
    done = shop.guiwei("apply", "play.yml", "--yes")
    assert done.code == 2
    assert "2.4.0, 3.0.0, 3.1.0" in done.err


def test_a_missing_package_is_said_before_anything_is_touched(shop: Shop, tmp_path: Path) -> None:
    some = tmp_path / "some"
    some.mkdir()
    shop.vars["guiwei_artifacts"] = str(some)
    before = shop.snapshot()
    done = shop.apply(code=5)
    assert codes(done) == ["artifact-missing"]
    assert shop.snapshot() == before
    assert not shop.backups()


def test_a_package_with_another_version_inside_is_not_installed(shop: Shop, tmp_path: Path) -> None:
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    (mixed / "lantai-3.0.0.tar.gz").write_bytes((packages() / "lantai-3.1.0.tar.gz").read_bytes())
    (mixed / "lantai-3.1.0.tar.gz").write_bytes((packages() / "lantai-3.1.0.tar.gz").read_bytes())
    shop.vars["guiwei_artifacts"] = str(mixed)
    before = shop.snapshot()
    done = shop.apply(code=5)
    assert codes(done) == ["rehearsal-failed"]
    assert errors_in(done)[0]["args"]["cause"]["code"] == "package-version"
    assert shop.snapshot() == before
    assert shop.versions == ("2.4.0", "2.4.0")


def test_a_damaged_database_is_not_backed_up_as_if_it_were_whole(shop: Shop) -> None:
    faults.database_damaged(shop.root, shop.one.instance)
    before = shop.snapshot()
    done = shop.apply(code=5)
    assert statuses(done)["pc1"] == "failed"
    assert shop.snapshot() == before
    assert not shop.backups()
    assert not list(shop.bench.state.glob("backups/*"))


def test_an_unfinished_upgrade_is_recognised_and_finished(shop: Shop) -> None:
    faults.unfinished_migration(shop.root, shop.one.instance, str(packages()), "3.0.0")
    assert shop.versions == ("3.0.0", "2.4.0")
    shop.play({"software": {"version": "3.0.0"}})
    before = shop.rows()
    plan = shop.plan()
    (stage,) = plan["hosts"][0]["stages"]
    assert stage["versions"] == ["2.4.0", "3.0.0"]
    assert "package" not in [step["module"] for step in stage["steps"]]
    shop.apply()
    assert shop.versions == ("3.0.0", "3.0.0")
    assert shop.do("status")["needs_activation"] is False
    assert shop.rows() == before
    shop.plan(code=0)


def test_an_unfinished_upgrade_on_the_way_is_finished_before_the_next_step(shop: Shop) -> None:
    """3.0 was put over data of 2.4 and never started; 3.1 must not be put over that."""
    faults.unfinished_migration(shop.root, shop.one.instance, str(packages()), "3.0.0")
    before = shop.rows()
    shop.apply()
    assert shop.versions == ("3.1.0", "3.1.0")
    assert shop.do("status")["answering"] is True
    assert shop.rows() == before
    shop.plan(code=0)


def test_a_client_that_is_not_to_run_rests_after_each_first_start(shop: Shop) -> None:
    """It must run for its migration; in the end it is stopped, and the next plan finds nothing to do."""
    faults.unfinished_migration(shop.root, shop.one.instance, str(packages()), "3.0.0")
    shop.play({"software": {"version": "3.0.0", "running": False}})
    shop.apply()
    assert shop.versions == ("3.0.0", "3.0.0")
    assert shop.do("status")["running"] is False
    shop.plan(code=0)
    shop.play({"software": {"version": "3.1.0", "running": False}})
    shop.apply()
    assert shop.versions == ("3.1.0", "3.1.0")
    assert shop.do("status")["running"] is False
    shop.plan(code=0)


class Interrupting:
    """A session that hands the PC one step at a time, and lets something happen after a step."""

    def __init__(self, session: Session, after: Callable[[str], None]) -> None:
        self._session = session
        self._after = after

    def ask(self, request: Mapping[str, Any], on_result: Any = None) -> dict[str, Any]:
        if request["op"] != "apply":
            return self._session.ask(request, on_result)
        answer: dict[str, Any] = {}
        for step in request["steps"]:
            answer = self._session.ask({**request, "steps": [step]}, on_result)
            self._after(step["module"])
            if not answer["whole"]:
                break
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)


@pytest.mark.parametrize(
    ("what", "when"),
    [("invoice", "backup"), ("invoice", "rehearsal"), ("settings", "rehearsal"), ("record", "rehearsal")],
)
def test_data_that_moved_after_their_backup_stop_the_upgrade(shop: Shop, what: str, when: str) -> None:
    """Between backup and installation somebody writes: the backup is worth nothing any more."""
    plain = transport.connect
    database = Path(shop.one.folder, "Data", "lantai.db")

    def write(module: str) -> None:
        if module != when:
            return
        if what == "invoice":
            with closing(sqlite3.connect(database)) as connection, connection:
                connection.execute(
                    "UPDATE invoice SET remark = 'late' WHERE number = (SELECT max(number) FROM invoice)"
                )
        elif what == "settings":
            faults.wrong_parameters(shop.root, shop.one.instance, offline_hours="24")
        else:
            faults.record_behind_database(shop.root, shop.one.instance, "2.3.0")

    def connect(host: Host, settings: Settings, *jumps: Any) -> Any:
        return Interrupting(plain(host, settings), write)

    shop.bench.environ.setattr(transport, "connect", connect)
    program = shop.snapshot(
        "etc", f"var/lib/兰台开票/{shop.one.instance}/Data", f"var/lib/兰台开票/{shop.one.instance}/Config"
    )
    done = shop.apply(code=4)
    assert (statuses(done)["pc1"], codes(done)) == ("refused", ["backup-outdated"])
    names = ["backup", "rehearse", "lantai-3.0.0.tar.gz"][: 2 if when == "backup" else 3]
    assert [(step["name"], step["status"]) for step in steps_of(done)] == [
        *((name, "changed") for name in names[:-1]), (names[-1], "refused")
    ]  # fmt: skip
    after = shop.snapshot(
        "etc", f"var/lib/兰台开票/{shop.one.instance}/Data", f"var/lib/兰台开票/{shop.one.instance}/Config"
    )
    assert after == program
    assert shop.record("Version") == "2.4.0"


def test_nothing_that_moves_leaves_such_a_stage_whole(shop: Shop) -> None:
    """The way in which the test above hands out the steps changes nothing by itself."""
    plain = transport.connect
    shop.bench.environ.setattr(transport, "connect", lambda *words: Interrupting(plain(*words), lambda _: None))
    shop.apply()
    assert shop.versions == ("3.1.0", "3.1.0")
