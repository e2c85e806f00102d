"""Backups by hand and putting one back."""

from __future__ import annotations

import pytest
from lantai_support import Run, Shop, codes, errors_in, open_shop, statuses, steps_of
from scenario_bench import Bench

from lab.lantai import faults


@pytest.fixture
def shop(bench: Bench, run: Run) -> Shop:
    made = open_shop(bench, run, version="3.1.0", running=True)
    made.play()
    return made


def backup(shop: Shop) -> str:
    code, done = shop.json("backup", "play.yml")
    assert code == 0, errors_in(done)
    assert statuses(done) == {"pc1": "changed", f"pc1/{shop.one.instance}": "changed"}
    return str(next(step["receipt"]["backup"] for step in steps_of(done) if step["name"] == "backup"))


def restore(shop: Shop, which: str, code: int = 0) -> object:
    found, done = shop.json("restore", which, "play.yml", "--yes")
    assert found == code, errors_in(done)
    return done


def test_a_running_client_is_stopped_for_its_backup_and_runs_again(shop: Shop) -> None:
    before, pid = shop.snapshot(), shop.do("status")["pid"]
    code, done = shop.json("backup", "play.yml")
    assert (code, [step["name"] for step in steps_of(done)]) == (0, ["stop", "backup", "start"])
    status = shop.do("status")
    assert status["answering"] is True
    assert status["pid"] != pid
    assert shop.snapshot() == before, "a backup changes nothing of the client"
    (manifest,) = shop.backups()
    kept = shop.bench.state / "backups" / manifest["backup"] / "data/0/Data/lantai.db"
    assert (
        kept.read_bytes() == (shop.bench.root / "var/lib/兰台开票" / shop.one.instance / "Data/lantai.db").read_bytes()
    )
    ledger = {(row["kind"], row["month"]): row["count"] for row in manifest["note"]["ledger"]}
    assert ledger == {key: count for key, (count, _, _) in shop.rows().items()}


def test_a_stopped_client_stays_stopped(shop: Shop) -> None:
    shop.do("stop")
    code, done = shop.json("backup", "play.yml")
    assert (code, [step["name"] for step in steps_of(done)]) == (0, ["backup"])
    assert shop.do("status")["running"] is False


def test_a_damaged_database_comes_back(shop: Shop) -> None:
    rows = shop.rows()
    which = backup(shop)
    shop.do("stop")
    before = shop.snapshot()
    faults.database_damaged(shop.root, shop.one.instance)
    assert shop.ask("start").code == 20
    done = restore(shop, which)
    assert statuses(done)["pc1"] == "changed"
    assert shop.snapshot() == before
    assert shop.rows() == rows
    shop.do("start")
    shop.log_in()
    assert shop.issue()


def test_newer_data_is_not_overwritten(shop: Shop) -> None:
    which = backup(shop)
    shop.log_in()
    shop.issue()
    before, pid = shop.snapshot(), shop.do("status")["pid"]
    done = restore(shop, which, code=4)
    assert (statuses(done)["pc1"], codes(done)) == ("refused", ["data-moved"])
    assert shop.snapshot() == before
    assert shop.do("status")["pid"] == pid


def test_a_restore_asks_first_and_an_unknown_backup_is_wrong_input(shop: Shop) -> None:
    which = backup(shop)
    code, done = shop.json("restore", which, "play.yml")
    assert (code, codes(done)) == (4, ["approval-needed"])
    assert codes(restore(shop, "20260105T013000Z-4f2a1c", code=2)) == ["backup-not-found"]


def test_a_damaged_backup_is_not_restored(shop: Shop) -> None:
    which = backup(shop)
    shop.do("stop")
    (kept,) = (shop.bench.state / "backups" / which).glob("data/0/Config/兰台.ini")
    kept.write_bytes(kept.read_bytes()[:-1])
    faults.database_damaged(shop.root, shop.one.instance)
    before = shop.snapshot()
    done = restore(shop, which, code=5)
    assert codes(done) == ["backup-damaged"]
    assert shop.snapshot() == before


def test_a_restore_can_itself_be_taken_back(shop: Shop) -> None:
    which = backup(shop)
    shop.do("stop")
    (shop.bench.root / "var/lib/兰台开票" / shop.one.instance / "Data/note.txt").write_text("made later\n")
    before = shop.snapshot()
    done = restore(shop, which)
    assert shop.snapshot() != before
    assert shop.json("rollback", done["run"])[0] == 0  # type: ignore[index]
    assert shop.snapshot() == before
