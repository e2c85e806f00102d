"""What must be settled before a taxpayer id changes, and what no run may move: counters, queue, report dates."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from lantai_support import TAXPAYERS, Run, Shop, codes, errors_in, open_shop, statuses, steps_of
from scenario_bench import Bench

from lab.lantai import faults


@pytest.fixture
def shop(bench: Bench, run: Run) -> Shop:
    made = open_shop(bench, run, "3.1.0")
    made.play({"parameters": {"name": "青禾商贸有限公司"}})
    return made


def database(shop: Shop) -> Path:
    return Path(shop.one.folder, "Data", "lantai.db")


def execute(shop: Shop, sql: str) -> None:
    with closing(sqlite3.connect(database(shop))) as connection, connection:
        connection.execute(sql)


def another_taxpayer(shop: Shop) -> None:
    """Let every copy of the client's say another taxpayer id than the device and the inventory do."""
    faults.wrong_parameters(shop.root, shop.one.instance, taxpayer=TAXPAYERS[2])
    record = Path(shop.root, "etc/lantai/record.ini")
    record.write_text(record.read_text("utf-8").replace(f"code={TAXPAYERS[0]}", f"code={TAXPAYERS[2]}"), "utf-8")


def test_a_taxpayer_id_does_not_change_over_invoices_that_are_not_uploaded(shop: Shop) -> None:
    another_taxpayer(shop)
    unsent = shop.do("summary")["unsent"]
    assert unsent > 0
    before = shop.snapshot()
    plan = shop.plan(code=4)
    (error,) = errors_in(plan)
    assert (error["code"], error["args"]["count"]) == ("invoices-unsent", unsent)
    assert steps_of(plan) == []
    document = shop.apply(code=4)
    assert (statuses(document)["pc1"], codes(document)) == ("refused", ["invoices-unsent"])
    assert shop.snapshot() == before
    told = shop.guiwei("plan", "play.yml", "--lang", "zh")
    assert f"还有 {unsent} 张发票未上传" in told.out


def test_once_all_is_uploaded_it_changes_after_a_backup(shop: Shop) -> None:
    another_taxpayer(shop)
    execute(shop, "UPDATE invoice SET uploaded = 1")
    execute(shop, "DELETE FROM upload_queue")
    assert [step["name"] for step in steps_of(shop.apply())] == ["backup", "taxpayer id", "taxpayer id", "start"]
    assert shop.do("status")["answering"] is True


def test_a_typing_error_in_one_place_is_no_change_of_the_taxpayer(shop: Shop) -> None:
    faults.wrong_parameters(shop.root, shop.one.instance, taxpayer=TAXPAYERS[2])
    assert shop.do("summary")["unsent"] > 0
    shop.apply()
    assert shop.settings("税号") == TAXPAYERS[0]


def dates(shop: Shop) -> None:
    (path,) = Path(shop.root, "dev/taxdisk").iterdir()
    contents = json.loads(path.read_text("utf-8"))
    contents["periods"]["007"]["last_report"] = "2031-01-01"
    path.write_text(json.dumps(contents), "utf-8")


MOVES: dict[str, tuple[Callable[[Shop], None], str]] = {
    "report-dates": (dates, "periods.007.last_report: "),
    "counter": (lambda shop: execute(shop, "UPDATE counter SET next_number = next_number - 1"), "004 next_number: "),
    "unsent-again": (lambda shop: execute(shop, "UPDATE invoice SET uploaded = 0"), " unsent: "),
    "altered": (
        lambda shop: execute(
            shop,
            "UPDATE invoice SET buyer = '别人' WHERE number = (SELECT min(number) FROM invoice WHERE kind = '004')",
        ),
        " content: ",
    ),
    "lost": (
        lambda shop: execute(
            shop, "DELETE FROM invoice WHERE number = (SELECT min(number) FROM invoice WHERE kind = '004')"
        ),
        "004 2026-",
    ),
}


@pytest.mark.parametrize("move", MOVES)
def test_what_moves_during_a_run_is_told_and_the_run_has_failed(shop: Shop, move: str) -> None:
    change, told = MOVES[move]
    shop.do("start")
    shop.bench.environ.setattr("guiwei.engine.host.issue_invoice", lambda *_: (change(shop), ())[1])
    shop.play({"parameters": {"backup_cycle": 9}}, verify={"level": "issue"})
    document = shop.apply(code=5)
    (instance,) = document["hosts"][0]["instances"]
    assert instance["reconciled"] is False
    assert any(told in line for line in instance["differences"]), instance["differences"]


def test_nothing_moves_where_nothing_happens(shop: Shop) -> None:
    shop.do("start")
    shop.bench.environ.setattr("guiwei.engine.host.issue_invoice", lambda *_: ())
    shop.play({"parameters": {"backup_cycle": 9}}, verify={"level": "issue"})
    # The bureau's server does not answer here: a check says so, the ledger does not.
    document: Any = shop.apply(code=5)
    (instance,) = document["hosts"][0]["instances"]
    assert (instance["reconciled"], instance["differences"]) == (True, [])
