"""`guiwei verify`: what is found is told, and only what could not be found out is a failure."""

from __future__ import annotations

import pytest
from lantai_support import Run, Shop, errors_in, open_shop, statuses
from scenario_bench import Bench

from lab.lantai.upload_server import UploadServer


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
