"""`guiwei verify`: what is found is told, and only what could not be found out is a failure."""

from __future__ import annotations

from pathlib import Path

import pytest
from lantai_support import Run, Shop, errors_in, open_shop, statuses
from scenario_bench import Bench

from lab.lantai import disks
from lab.lantai.upload_server import UploadServer

SUITE = Path(__file__).resolve().parents[2] / "playbooks" / "suites" / "invoicing_pc.py"


@pytest.fixture
def shop(bench: Bench, run: Run) -> Shop:
    made = open_shop(bench, run, version="3.1.0", running=True)
    made.play()
    return made


def failed_checks(document: dict) -> set[str]:
    (instance,) = document["hosts"][0]["instances"]
    return {check["name"] for check in instance["checks"] if not check["ok"]}


def test_a_stopped_client_is_a_difference(shop: Shop) -> None:
    shop.do("stop")
    before = shop.snapshot()
    code, found = shop.json("verify", "play.yml")
    assert (code, statuses(found)) == (3, {"pc1": "differs", f"pc1/{shop.one.instance}": "differs"}), errors_in(found)
    assert failed_checks(found) >= {"client"}
    assert shop.snapshot() == before


def test_a_sound_client_has_nothing_to_tell(shop: Shop) -> None:
    with UploadServer() as bureau:
        shop.play({"parameters": {"upload_address": bureau.url}})
        shop.apply()
        before = shop.snapshot()
        code, found = shop.json("verify", "play.yml")
    assert (code, failed_checks(found)) == (0, set()), errors_in(found)
    assert shop.snapshot() == before


def test_the_example_suite_holds_on_a_sound_client_and_tells_a_missing_disk(shop: Shop) -> None:
    suite = str(SUITE)
    with UploadServer() as bureau:
        shop.play({"parameters": {"upload_address": bureau.url}})
        shop.apply()
        code, found = shop.json("verify", "play.yml", "--suite", suite)
        assert (code, failed_checks(found)) == (0, set()), errors_in(found)
        assert len(found["hosts"][0]["checks"]) == 2
        disks.unplug(str(shop.root))
        code, found = shop.json("verify", "play.yml", "--suite", suite)
    assert (code, failed_checks(found)) == (3, {"test_the_disk_is_plugged_in"}), errors_in(found)
