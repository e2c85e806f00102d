"""Playbook, tax device and the client's copies: the device decides, and what no software can change is only compared."""

from __future__ import annotations

from typing import Any

import pytest
from lantai_support import KINDS, TAXPAYERS, Run, Shop, codes, errors_in, open_shop, statuses, steps_of
from scenario_bench import Bench

from lab.lantai import disks, faults


@pytest.fixture
def shop(bench: Bench, run: Run) -> Shop:
    return open_shop(bench, run, version="3.1.0", running=True)


@pytest.mark.parametrize(
    ("path", "wanted", "found"),
    [
        ("parameters.limit", "千元版", "99999.99"),
        ("parameters.kinds", ["004", "007"], "004,007,026,028"),
        ("parameters.taxpayer", TAXPAYERS[2], TAXPAYERS[0]),
        ("parameters.orgcode", "110100", "990100"),
        ("parameters.machine", "3", "0"),
        ("disk.number", "000000000001", "009912345670"),
        ("parameters.offline_hours", "48", "72"),
        ("parameters.offline_count", "99", "100"),
        ("parameters.offline_amount", "1.00", "1000000.00"),
        ("disk.lock_date", "2001-01-15", ""),
    ],
)
def test_what_the_device_says_otherwise_is_refused(shop: Shop, path: str, wanted: Any, found: str) -> None:
    scope, _, name = path.partition(".")
    shop.play({scope: {name: wanted}, "software": {"version": "3.1.0"}})
    before = shop.snapshot()
    plan = shop.plan(code=4)
    (mismatch,) = plan["hosts"][0]["instances"][0]["mismatches"]
    assert mismatch["field"] == path
    assert mismatch["place"]["file"].endswith("play.yml")
    done = shop.apply(code=4)
    (error,) = {error["message"]: error for error in errors_in(done)}.values()
    assert (error["code"], error["args"]["field"]) == ("identity-mismatch", path)
    device = found or str(shop.one.disk["lock_date"])
    assert error["args"]["found"] == device
    # A person reads both values.
    assert device in error["message"]
    assert error["args"]["wanted"] in error["message"]
    assert statuses(done) == {"pc1": "refused", f"pc1/{shop.one.instance}": "refused"}
    assert shop.snapshot() == before
    assert not shop.backups()


def test_the_inventorys_taxpayer_is_held_against_the_device_too(shop: Shop) -> None:
    """The disk of another company is plugged in under the number that the inventory names."""
    disk = disks.unplug(shop.root)
    disks.plug(shop.root, {**disk, "taxpayer": TAXPAYERS[2]})
    shop.play({"software": {"version": "3.1.0"}})
    done = shop.apply(code=4)
    assert codes(done) == ["identity-mismatch"]
    assert {TAXPAYERS[0], TAXPAYERS[2]} <= {errors_in(done)[0]["args"]["wanted"], errors_in(done)[0]["args"]["found"]}


def test_the_right_values_agree_with_the_device(shop: Shop) -> None:
    offline = shop.one.disk["offline"]
    shop.play({
        "parameters": {
            "limit": "万元版", "kinds": KINDS, "taxpayer": TAXPAYERS[0], "orgcode": "990100", "machine": "0",
            "offline_hours": offline["hours"], "offline_count": offline["count"], "offline_amount": offline["amount"],
        },
        "disk": {"number": shop.one.disk_number, "lock_date": shop.one.disk["lock_date"], "registered": True},
    })  # fmt: skip
    shop.plan(code=0)


def test_wrong_copies_of_the_client_follow_the_device(bench: Bench, run: Run) -> None:
    """The everyday 参数错误: somebody typed another limit and fewer kinds."""
    shop = open_shop(bench, run, version="3.1.0")
    faults.wrong_parameters(shop.root, shop.one.instance, limit="9999.99", kinds="004,007", orgcode="110000")
    shop.play({"parameters": {"limit": "万元版", "kinds": KINDS}})
    assert shop.ask("start").code == 11, "the client refuses such settings itself"
    done = shop.apply()
    assert (shop.settings("开票限额"), shop.settings("地区编号")) == ("99999.99", "990100")
    assert sorted(str(shop.settings("发票类型")).split(",")) == KINDS
    assert shop.do("status")["answering"] is True
    assert "backup" not in [step["module"] for step in shop.plan(code=0)["hosts"][0]["stages"]]
    assert "backup" not in [step["name"] for step in steps_of(done)]


def test_a_wrong_taxpayer_id_is_put_right_after_a_backup(bench: Bench, run: Run) -> None:
    shop = open_shop(bench, run, version="3.1.0")
    faults.wrong_parameters(shop.root, shop.one.instance, taxpayer=TAXPAYERS[2])
    shop.play({"software": {"version": "3.1.0"}})
    planned = [step["name"] for step in steps_of(shop.plan())]
    assert planned.index("backup") < planned.index("taxpayer id") < planned.index("start")
    done = shop.apply()
    assert [step["name"] for step in steps_of(done)] == planned
    assert shop.settings("税号") == TAXPAYERS[0]
    (backup,) = shop.backups()
    kept = shop.bench.state / "backups" / backup["backup"] / "data/0/Config/兰台.ini"
    assert TAXPAYERS[2].encode() in kept.read_bytes(), "the backup is of before the change"
    assert shop.do("status")["answering"] is True
    shop.plan(code=0)


def test_a_running_client_with_a_wrong_taxpayer_is_stopped_for_it(shop: Shop) -> None:
    """Somebody edited the settings while the client ran: it would not start again."""
    faults.wrong_parameters(shop.root, shop.one.instance, taxpayer=TAXPAYERS[2])
    shop.play({"software": {"version": "3.1.0"}})
    done = shop.apply()
    assert [step["name"] for step in steps_of(done)][:3] == ["stop", "backup", "taxpayer id"]
    assert shop.do("status")["answering"] is True
    assert shop.settings("税号") == TAXPAYERS[0]


def test_software_running_is_honoured_either_way(shop: Shop) -> None:
    shop.play({"software": {"running": False}})
    shop.plan()
    shop.apply()
    assert shop.do("status")["running"] is False
    shop.plan(code=0)
    shop.play({"software": {"running": True}})
    shop.apply()
    assert shop.do("status")["answering"] is True
    shop.plan(code=0)
