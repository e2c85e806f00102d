"""Taking an upgrade back: every byte as it was, unless an invoice was issued since."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from lantai_support import Run, Shop, codes, errors_in, open_shop, statuses, steps_of
from scenario_bench import Bench


@pytest.fixture
def shop(bench: Bench, run: Run) -> Shop:
    made = open_shop(bench, run, running=True)
    made.play()
    return made


def roll_back(shop: Shop, run: str, code: int = 0) -> object:
    found, document = shop.json("rollback", run)
    assert found == code, (statuses(document), errors_in(document))
    return document


def test_an_upgrade_goes_back_whole(shop: Shop) -> None:
    before, rows = shop.snapshot(), shop.rows()
    done = shop.apply()
    assert shop.versions == ("3.1.0", "3.1.0")
    back = roll_back(shop, done["run"])
    assert statuses(back) == {"pc1": "changed", f"pc1/{shop.one.instance}": "changed"}
    assert shop.snapshot() == before
    assert shop.versions == ("2.4.0", "2.4.0")
    assert shop.rows() == rows
    assert shop.do("status")["answering"] is True, "it ran before, so it runs again"
    shop.log_in()
    number = shop.issue()
    assert number.isdigit()
    assert sum(count for count, _, _ in shop.rows().values()) == 61
    assert statuses(shop.plan())["pc1"] == "differs"


def test_a_stopped_client_is_stopped_again(bench: Bench, run: Run) -> None:
    shop = open_shop(bench, run)
    shop.play()
    before = shop.snapshot()
    roll_back(shop, shop.apply()["run"])
    assert shop.snapshot() == before
    assert shop.do("status")["running"] is False
    shop.do("start")


def test_it_is_refused_once_an_invoice_was_issued(shop: Shop) -> None:
    done = shop.apply()
    shop.log_in()
    number = shop.issue()
    before = shop.snapshot()
    back = roll_back(shop, done["run"], code=4)
    assert statuses(back)["pc1"] == "refused"
    (error,) = errors_in(back)
    assert (error["code"], error["args"]["kind"], error["args"]["since"]) == ("data-moved", "007", done["run"])
    assert shop.snapshot() == before
    assert shop.versions == ("3.1.0", "3.1.0")
    # A voided invoice has used its number too: it is not forgotten.
    shop.do("void", "--number", number)
    assert codes(roll_back(shop, done["run"], code=4)) == ["data-moved"]


def test_a_test_invoice_of_the_run_itself_is_not_forgotten_either(shop: Shop) -> None:
    # The bureau's server does not answer: the upgrade is done and the invoice issued, but the PC is not ready.
    done = shop.apply("--issue", code=5)
    assert done["hosts"][0]["instances"][0]["invoices"][0]["status"] == "void"
    assert codes(roll_back(shop, done["run"], code=4)) == ["data-moved"]


def test_parameters_go_back_and_the_next_plan_knows(bench: Bench, run: Run) -> None:
    shop = open_shop(bench, run, version="3.1.0", running=True)
    shop.play({"parameters": {"name": "北渡科技有限公司", "upload_address": "http://127.0.0.1:9/other"}})
    before = shop.snapshot()
    done = shop.apply()
    assert shop.settings("名称") == "北渡科技有限公司"
    roll_back(shop, done["run"])
    assert shop.snapshot() == before
    causes = {change["cause"] for step in steps_of(shop.plan()) for change in step["changes"] if step["module"] != "service"}
    assert causes == {"new"}, "what was taken back is no longer what was applied last"


def agent_of(shop: Shop) -> int | None:
    """Return the agent's process: the one that was started with this PC's state folder."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if str(shop.bench.state).encode() in words and any(word.startswith(b"guiwei-") for word in words):
            return int(folder.name)
    return None


@contextmanager
def killed_once(shop: Shop, package: str) -> Iterator[list[int]]:
    """Kill the agent as soon as the program tree of that version lies in place."""
    killed: list[int] = []
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            try:
                there = Path(shop.one.folder, "Program", "VERSION").read_text().strip() == package
            except OSError:
                there = False
            pid = agent_of(shop) if there else None
            if pid is not None:
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
                return
            time.sleep(0.002)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield killed
    finally:
        over.set()
        thread.join()


def cut_in_stage_2(shop: Shop) -> str:
    """Apply, kill the agent in the middle of stage 2, and return the run's id."""
    with killed_once(shop, "3.1.0") as killed:
        code, done = shop.json("apply", "play.yml", "--yes")
    assert len(killed) == 1
    assert code == 5
    assert statuses(done)["pc1"] in ("unknown", "failed")
    ended = [step["status"] for step in steps_of(done)]
    assert ended[-1] in ("unknown", "failed")
    assert ended.count("changed") >= 6, "stage 1 was done"
    return str(done["run"])


def test_a_run_that_was_cut_in_the_middle_of_stage_2_is_finished_by_the_next(shop: Shop) -> None:
    rows = shop.rows()
    cut_in_stage_2(shop)
    shop.apply()
    assert shop.versions == ("3.1.0", "3.1.0")
    assert shop.rows() == rows
    assert shop.do("status")["answering"] is True
    shop.plan(code=0)
    assert not list(shop.bench.root.rglob(".guiwei-*"))


def test_a_run_that_was_cut_in_the_middle_of_stage_2_goes_back(shop: Shop) -> None:
    before, rows = shop.snapshot(), shop.rows()
    run = cut_in_stage_2(shop)
    roll_back(shop, run)
    left = shop.snapshot()
    assert {name: about for name, about in left.items() if "/.guiwei-" not in name} == before
    assert shop.rows() == rows
    assert shop.do("status")["answering"] is True
    # What lies there half unpacked goes with the next run.
    shop.apply()
    assert shop.versions == ("3.1.0", "3.1.0")
    assert not list(shop.bench.root.rglob(".guiwei-*"))
