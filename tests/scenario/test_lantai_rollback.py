"""Taking an upgrade back, and runs that are cut in the middle of one: the data are never lost, and never mixed."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import dying_python
import pytest
from lantai_support import Run, Shop, codes, open_shop, statuses, steps_of
from scenario_bench import Bench


@pytest.fixture
def shop(bench: Bench, run: Run) -> Shop:
    made = open_shop(bench, run)
    made.play()
    return made


def roll_back(shop: Shop, run_id: str, code: int = 0) -> Any:
    found, document = shop.json("rollback", run_id)
    assert found == code, json.dumps(document, ensure_ascii=False, indent=1)
    return document


def works_with(shop: Shop, version: str) -> None:
    """The client of this version starts, knows its invoices, and issues one more."""
    assert shop.versions == (version, version)
    count = shop.do("summary")["count"]
    if not shop.do("status")["answering"]:
        shop.do("start")
    assert shop.do("status")["running_version"] == version
    shop.log_in()
    shop.issue()
    assert shop.do("summary")["count"] == count + 1


@pytest.mark.parametrize("running", [False, True], ids=["stopped", "running"])
def test_an_upgrade_is_taken_back_byte_for_byte(bench: Bench, run: Run, running: bool) -> None:
    shop = open_shop(bench, run, running=running)
    shop.play({
        "software": {"version": "3.1.0"},
        "parameters": {"name": "归位示例有限公司", "backup_cycle": 7},
        "disk": {"registered": True},
    })  # fmt: skip
    before, figures = shop.snapshot(), shop.do("summary")
    done = shop.apply()
    assert shop.versions == ("3.1.0", "3.1.0")
    assert shop.settings("名称") == "归位示例有限公司"

    back = roll_back(shop, done["run"])
    assert statuses(back)["pc1"] == "changed"
    assert shop.snapshot() == before
    assert shop.do("summary") == figures
    assert shop.do("status")["answering"] is running
    works_with(shop, "2.4.0")
    shop.plan(code=3)


def test_a_run_is_not_taken_back_over_an_invoice(shop: Shop) -> None:
    done = shop.apply()
    shop.log_in()
    number = shop.issue()
    before = shop.snapshot()
    assert codes(roll_back(shop, done["run"], code=4)) == ["data-moved"]
    assert shop.snapshot() == before
    assert shop.do("status")["answering"] is True
    # A voided one has used its number too.
    shop.do("void", "--number", number)
    assert codes(roll_back(shop, done["run"], code=4)) == ["data-moved"]
    with closing(sqlite3.connect(Path(shop.one.folder, "Data", "lantai.db"))) as connection:
        assert connection.execute("SELECT count(*) FROM invoice WHERE number = ?", (number,)).fetchone() == (1,)


def test_the_runs_own_test_invoice_counts_as_well(shop: Shop) -> None:
    # The bureau's server does not answer: the upgrade is done and the invoice issued, but the PC is not ready.
    done = shop.apply("--issue", code=5)
    assert done["hosts"][0]["instances"][0]["invoices"][0]["status"] == "void"
    assert codes(roll_back(shop, done["run"], code=4)) == ["data-moved"]


def test_the_very_first_invoice_counts_as_well(shop: Shop) -> None:
    with closing(sqlite3.connect(Path(shop.one.folder, "Data", "lantai.db"))) as connection:
        connection.execute("DELETE FROM invoice")
        connection.commit()
    done = shop.apply()
    assert shop.do("summary")["count"] == 0
    shop.log_in()
    shop.issue()
    assert codes(roll_back(shop, done["run"], code=4)) == ["data-moved"]
    assert shop.do("summary")["count"] == 1


def test_nothing_is_taken_back_under_a_clerks_hands(shop: Shop) -> None:
    done = shop.apply()
    shop.log_in()
    shop.do("draft", "open")
    pid, before = shop.do("status")["pid"], shop.snapshot()
    errors = codes(roll_back(shop, done["run"], code=4))
    assert errors == ["client-busy"]
    assert shop.snapshot() == before
    status = shop.do("status")
    assert (status["pid"], status["editing"], status["running_version"]) == (pid, True, "3.1.0")

    shop.do("draft", "close")
    roll_back(shop, done["run"])
    works_with(shop, "2.4.0")


def test_a_second_rollback_finds_nothing_to_do(shop: Shop) -> None:
    before = shop.snapshot()
    done = shop.apply()
    roll_back(shop, done["run"])
    roll_back(shop, done["run"])
    assert shop.snapshot() == before


def cut(shop: Shop, at: str) -> str:
    """Apply until the agent is killed there, and return the run."""
    shop.vars["ansible_python_interpreter"] = str(dying_python.install(shop.bench.folder))
    shop.bench.environ.setenv(dying_python.AT, at)
    done = shop.apply(code=5)
    shop.bench.environ.delenv(dying_python.AT)
    assert statuses(done)["pc1"] in ("unknown", "failed")
    return str(done["run"])


#: The new program lies beside the old one and is about to be exchanged for it.
#: The rehearsal has done both on its copy before.
SWAPS = {"first-step": "rename:/Program.guiwei-new#3", "second-step": "rename:/Program.guiwei-new#4"}


@pytest.mark.parametrize("step", SWAPS)
def test_a_run_that_is_cut_is_taken_back(shop: Shop, step: str) -> None:
    before, figures = shop.snapshot(), shop.do("summary")
    run_id = cut(shop, f"{SWAPS[step]}+1")
    assert Path(shop.one.folder, "Program.guiwei-new").exists(), "cut where it hurts most: exchanged, not set aside"
    roll_back(shop, run_id)
    assert shop.snapshot() == before
    assert shop.do("summary") == figures
    works_with(shop, "2.4.0")


@pytest.mark.parametrize("later", [1, 2, 5])
@pytest.mark.parametrize("step", SWAPS)
def test_a_run_that_is_cut_is_finished_by_the_next(shop: Shop, step: str, later: int) -> None:
    figures = shop.do("summary")
    cut(shop, f"{SWAPS[step]}+{later}")
    installed = Path(shop.one.folder, "Program", "VERSION").read_text().strip()
    assert (installed, shop.record("Version")) in [("3.0.0", "2.4.0"), ("3.1.0", "3.0.0")], "in place, not set up"
    shop.apply()
    assert shop.do("summary") == figures
    assert not list(shop.bench.root.rglob("*guiwei-*"))
    shop.plan(code=0)
    works_with(shop, "3.1.0")


@pytest.mark.parametrize("at", ["#1", "#2", "#2+40"])
def test_a_rehearsal_that_is_cut_has_touched_nothing_and_leaves_nothing(shop: Shop, at: str) -> None:
    before, figures = shop.snapshot(), shop.do("summary")
    run_id = cut(shop, f"rename:/Program.guiwei-new{at}")
    assert shop.snapshot() == before
    assert list((shop.bench.state / "rehearsals").iterdir())
    roll_back(shop, run_id)
    assert not list(shop.bench.state.glob("rehearsals/*"))
    assert not list(shop.bench.state.glob("fetched/*"))
    assert shop.snapshot() == before
    shop.apply()
    assert shop.do("summary") == figures
    works_with(shop, "3.1.0")


def test_parameters_go_back_and_the_next_plan_knows(bench: Bench, run: Run) -> None:
    shop = open_shop(bench, run, version="3.1.0", running=True)
    shop.play({"parameters": {"name": "北渡科技有限公司", "upload_address": "http://127.0.0.1:9/other"}})
    before = shop.snapshot()
    done = shop.apply()
    assert shop.settings("名称") == "北渡科技有限公司"
    roll_back(shop, done["run"])
    assert shop.snapshot() == before
    steps = [step for step in steps_of(shop.plan()) if step["module"] != "service"]
    causes = {change["cause"] for step in steps for change in step["changes"]}
    assert causes == {"new"}, "what was taken back is no longer what was applied last"
