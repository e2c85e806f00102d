"""A plan that was saved, shown, approved, and applied later: it does what it said or nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from lantai_support import Run, Shop, codes, open_shop, statuses, steps_of, valid
from scenario_bench import Bench

from lab.lantai import disks

SECRET = "s3cret-of-the-server"


@pytest.fixture
def shop(bench: Bench, run: Run) -> Shop:
    made = open_shop(bench, run, version="3.1.0")
    made.play({"parameters": {"name": "北渡科技有限公司", "backup_cycle": 9}})
    return made


def save(shop: Shop, code: int = 3) -> Any:
    found, document = shop.json("plan", "play.yml", "-o", "saved.plan")
    assert found == code
    return valid("plan", document)


def apply_saved(shop: Shop, code: int = 0) -> Any:
    # The plan knows its inventory: the command line must not name another.
    done = shop._run("apply", "saved.plan", "--yes", "--json")
    assert done.code == code, (done.code, done.err, done.out[-3000:])
    return json.loads(done.out)


def test_what_was_saved_is_applied(shop: Shop) -> None:
    plan = save(shop)
    done = valid("run", apply_saved(shop))
    assert done["plan"] == plan["digest"] != ""
    assert [step["id"] for step in steps_of(done)] == [step["id"] for step in steps_of(plan)]
    assert (shop.settings("名称"), shop.settings("周期")) == ("北渡科技有限公司", "9")
    shop.plan(code=0)
    again = apply_saved(shop)
    assert set(statuses(again).values()) == {"unchanged"}, "everything is there already"


def test_a_taxpayer_that_was_not_planned_for_is_skipped(bench: Bench, run: Run) -> None:
    """When the plan was made, the other one's disk was plugged in."""
    shop = open_shop(bench, run, version="3.1.0", taxpayers=2)
    shop.play({"parameters": {"backup_cycle": 9}}, verify={"level": "ready"})
    save(shop)
    disks.unplug(shop.root)
    disks.plug(shop.root, shop.all[1].disk)
    done = apply_saved(shop)
    assert statuses(done) == {
        "pc1": "unchanged", f"pc1/{shop.all[0].instance}": "pending", f"pc1/{shop.all[1].instance}": "skipped"
    }  # fmt: skip
    assert shop.settings("周期", shop.all[1]) == "7"


def test_a_parameter_that_moved_makes_it_stale(shop: Shop) -> None:
    save(shop)
    settings = Path(shop.one.folder, "Config", "兰台.ini")
    settings.write_bytes(settings.read_bytes().replace("青禾商贸".encode("gbk"), "云岭物流".encode("gbk")))
    before = shop.snapshot()
    done = apply_saved(shop, code=4)
    assert (statuses(done)["pc1"], codes(done)) == ("refused", ["plan-stale"])
    assert shop.snapshot() == before


def test_a_playbook_that_moved_makes_it_stale(shop: Shop) -> None:
    save(shop)
    shop.play({"parameters": {"name": "望川文化传播有限公司", "backup_cycle": 9}})
    before = shop.snapshot()
    done = apply_saved(shop, code=4)
    assert codes(done) == ["plan-inputs-changed"]
    assert shop.snapshot() == before


def test_the_command_line_cannot_give_a_saved_plan_other_inputs(shop: Shop) -> None:
    save(shop)
    done = shop.guiwei("apply", "saved.plan", "--yes", "--json")
    assert (done.code, codes(json.loads(done.out))) == (2, ["plan-has-inputs"])
