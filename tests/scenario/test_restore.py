"""Backups that can be put back: over what was lost, and never over what has come since."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from lantai_support import Shop, codes, open_shop, statuses, valid
from scenario_bench import Bench
from scenario_cases import Run

from lab.lantai import faults


@pytest.fixture
def shop(bench: Bench, run: Run) -> Shop:
    made = open_shop(bench, run, "3.1.0")
    made.play()
    return made


def call(shop: Shop, code: int, *words: str) -> Any:
    found, document = shop.json(*words)
    assert found == code, json.dumps(document, ensure_ascii=False, indent=1)
    return document


def back_up(shop: Shop) -> str:
    """Back the client up and return the backup's id."""
    valid("run", call(shop, 0, "backup", "play.yml"))
    return str(shop.backups()[-1]["backup"])


def restore(shop: Shop, backup: str, code: int = 0) -> Any:
    return call(shop, code, "restore", backup, "play.yml", "--yes")


def database(shop: Shop) -> Path:
    return Path(shop.one.folder, "Data", "lantai.db")


def test_a_clerk_at_work_is_not_backed_up(shop: Shop) -> None:
    shop.do("start")
    shop.log_in()
    shop.do("draft", "open")
    assert codes(call(shop, 4, "backup", "play.yml")) == ["client-busy"]
    assert shop.backups() == []
    assert shop.do("status")["editing"] is True


def test_lost_files_come_back_and_strange_ones_go(shop: Shop) -> None:
    before = shop.snapshot()
    backup = back_up(shop)
    Path(shop.one.folder, "Config", "兰台.ini").unlink()
    Path(shop.one.folder, "Program", "VERSION").write_text("9.9.9\n")
    Path(shop.one.folder, "Data", "strange").write_text("?")
    database(shop).unlink()
    restore(shop, backup)
    assert shop.snapshot() == before
    # Once more, there is nothing to put back.
    assert statuses(restore(shop, backup))["pc1"] == "unchanged"


def test_it_is_refused_over_a_voided_invoice(shop: Shop) -> None:
    """The number of invoices is the same, their money is not."""
    shop.do("start")
    shop.log_in()
    number = shop.issue()
    backup = back_up(shop)
    shop.log_in()
    shop.do("void", "--number", number)
    assert codes(restore(shop, backup, 4)) == ["data-moved"]


@pytest.mark.parametrize("file", ["Data/lantai.db", "Program/VERSION", "manifest.json"])
def test_a_backup_that_was_changed_is_found_and_not_put_back(shop: Shop, file: str) -> None:
    backup = back_up(shop)
    folder = shop.bench.state / "backups" / backup
    path = folder / file if file == "manifest.json" else next((folder / "data").rglob(file))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    faults.database_damaged(shop.root, shop.one.instance)
    before = shop.snapshot()
    found, checked = shop.json("backups", "--check", backup)
    assert (found, "Traceback" in json.dumps(checked)) == (5, False)
    found, document = shop.json("restore", backup, "play.yml", "--yes")
    assert found in (2, 5), document
    assert shop.snapshot() == before


def test_a_pc_that_could_not_be_asked_may_have_it(shop: Shop) -> None:
    backup = back_up(shop)
    shop.hosts["pc2"] = {**shop.vars, "ansible_python_interpreter": "/nowhere/python3"}
    del shop.hosts["pc1"]
    assert restore(shop, backup, 5)["code"] == "backup-not-asked"


def test_two_companies_have_two_backups(bench: Bench, run: Run) -> None:
    """Backing up needs no disk; putting one back leaves the other one alone."""
    shop = open_shop(bench, run, "3.1.0", taxpayers=2)
    shop.play()
    valid("run", call(shop, 0, "backup", "play.yml"))
    kept = {each["label"]: each["backup"] for each in shop.backups()}
    assert set(kept) == {one.instance for one in shop.all}
    for one in shop.all:
        Path(one.folder, "Config", "安全接入地址.txt").write_bytes(b"http://127.0.0.1:9/wrong\r\n")
    restore(shop, kept[shop.all[1].instance])
    texts = [Path(one.folder, "Config", "安全接入地址.txt").read_bytes() for one in shop.all]
    assert texts == [b"http://127.0.0.1:9/wrong\r\n", b"http://127.0.0.1:9/upload\r\n"]
