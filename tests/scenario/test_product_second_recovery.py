"""The second client is recovered by what its profile says alone: each mishap named, cured by its rung and no higher."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from typing import Any

import pytest
from scenario_bench import Bench
from scenario_cases import Run
from second_client.moka_shop import MokaShop, open_moka

WANTED = {
    "software": {"version": "1.0"},
    "parameters": {"limit": "万元版", "upload_address": "https://skfp.example.cn:7008/moka"},
}


@pytest.fixture
def shop(bench: Bench, run: Run) -> MokaShop:
    """A PC with version 1.0, 40 bills and a backup, running."""
    shop = open_moka(bench, run)
    shop.play(WANTED)
    shop.json("backup", "play.yml")
    assert shop.ask("start").returncode == 0
    return shop


def killed(shop: MokaShop) -> None:
    os.kill(int((shop.home / "run" / "moka.pid").read_text()), signal.SIGKILL)


def stopped(shop: MokaShop) -> None:
    assert shop.ask("stop").returncode == 0


def wrong_limit(shop: MokaShop) -> None:
    shop.spoil(limit="1")


def settings_cut(shop: MokaShop) -> None:
    path = shop.home / "settings.json"
    path.write_bytes(path.read_bytes()[:60])


def company_emptied(shop: MokaShop) -> None:
    (shop.home / "company.xml").write_bytes(b"")


def program_cut(shop: MokaShop) -> None:
    path = shop.home / "app" / "moka.py"
    path.write_bytes(path.read_bytes()[:3000])


def program_lost(shop: MokaShop) -> None:
    stopped(shop)
    shutil.rmtree(shop.home / "app")


def books_scribbled(shop: MokaShop) -> None:
    stopped(shop)
    shop.books.write_bytes(b"\xff" * 300 + shop.books.read_bytes()[300:])


def everything_lost(shop: MokaShop) -> None:
    stopped(shop)
    shutil.rmtree(shop.home)


def killed_and_wrong(shop: MokaShop) -> None:
    killed(shop)
    wrong_limit(shop)


def unfinished(shop: MokaShop) -> None:
    # An upgrade that somebody did by hand and did not finish: the program is new, nobody has started it yet.
    stopped(shop)
    (shop.home / "app" / "VERSION").write_text("2.0\n")
    shop.play({**WANTED, "software": {"version": "2.0"}})


SITUATIONS: dict[str, tuple[Callable[[MokaShop], None], dict[str, str]]] = {
    "killed": (killed, {"process-stopped": "restart"}),
    "stopped": (stopped, {"process-stopped": "restart"}),
    "wrong limit": (wrong_limit, {"parameters-wrong": "settings"}),
    "killed, and a wrong limit": (killed_and_wrong, {"parameters-wrong": "settings"}),
    "settings cut off": (settings_cut, {"settings-damaged": "settings"}),
    "company file emptied": (company_emptied, {"settings-damaged": "settings", "parameters-wrong": "settings"}),
    "program cut off": (program_cut, {"program-damaged": "repair"}),
    "program lost": (program_lost, {"program-missing": "reinstall"}),
    "books damaged": (books_scribbled, {"data-damaged": "restore"}),
    "an unfinished upgrade": (unfinished, {"migration-unfinished": "restart"}),
    "an empty PC": (everything_lost, {"pc-empty": "restore"}),
}


def recover(shop: MokaShop, *words: str, code: int = 0) -> dict[str, Any]:
    """Recover, and return what is told of the client."""
    document = shop.json("recover", "play.yml", "--yes", *words, code=code)
    instance: dict[str, Any] = document["hosts"][0]["instances"][0]
    return instance


@pytest.mark.parametrize("name", SITUATIONS)
def test_what_is_wrong_is_named_and_cured(shop: MokaShop, name: str) -> None:
    happens, cures = SITUATIONS[name]
    ledger = shop.ledger()
    happens(shop)
    told = recover(shop)
    assert {each["cause"] for each in told["findings"] if each["because"] is None} == set(cures)
    assert told["status"] == "changed", told
    # Data that were put back on an empty PC are started once they were looked at.
    later = [{"process-stopped": "restart"}] if "pc-empty" in cures else []
    assert [each["causes"] for each in told["rounds"] if each["rung"] != "converge"] == [cures, *later]
    assert told["left"] == []
    status = shop.status()
    assert (status["running"], status["ready"], status["trouble"]) == (True, True, "")
    assert shop.ledger() == ledger
    # There is nothing more to do, for a recovery and for a plan.
    assert recover(shop)["status"] == "unchanged"
    assert shop.json("plan", "play.yml")["hosts"][0]["status"] == "unchanged"


def test_a_dry_run_touches_nothing(shop: MokaShop, bench: Bench) -> None:
    program_lost(shop)
    before = bench.snapshot()
    document = shop.json("recover", "play.yml", "--dry-run", code=3)
    [instance] = document["hosts"][0]["instances"]
    assert [each["rung"] for each in instance["rounds"]] == ["reinstall"]
    assert bench.snapshot() == before


def test_without_its_key_nothing_is_tried(shop: MokaShop, bench: Bench) -> None:
    stopped(shop)
    shop.unplug()
    before = bench.snapshot()
    told = recover(shop)
    assert (told["status"], told["findings"][0]["cause"]) == ("waiting", "disk-missing")
    assert bench.snapshot() == before


def test_the_diagnosis_in_words(shop: MokaShop) -> None:
    settings_cut(shop)
    done = shop.guiwei("recover", "play.yml", "--dry-run")
    assert (done.code, "settings.json: " in done.out) == (3, True)
