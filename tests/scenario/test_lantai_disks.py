"""Two taxpayers on one PC and one disk plugged in: the other one is left alone in every respect."""

from __future__ import annotations

import os
from typing import Any

import pytest
from lantai_support import Run, Shop, open_shop, statuses
from scenario_bench import Bench

from lab.lantai import disks


@pytest.fixture
def shop(bench: Bench, run: Run) -> Shop:
    made = open_shop(bench, run, taxpayers=2)
    made.play()
    return made


def everything_of(shop: Shop, place: int) -> dict[str, Any]:
    """Return bytes, modes and times of one taxpayer's folder, and its part of the record as it stands."""
    one = shop.all[place]
    found: dict[str, Any] = {}
    for folder, _, names in os.walk(one.folder):
        for path in (folder, *(os.path.join(folder, name) for name in names)):
            about = os.stat(path)
            content = b""
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    content = file.read()
            found[path] = (oct(about.st_mode), about.st_uid, about.st_mtime_ns, content)
    text = (shop.bench.root / "etc/lantai/record.ini").read_text("utf-8")
    found["record"] = text.partition(f"[{one.instance}]")[2].partition("\n[")[0].strip()
    assert len(found) > 20
    assert "DataBaseVersion" in found["record"]
    return found


def test_only_the_taxpayer_whose_disk_is_plugged_in_is_upgraded(shop: Shop) -> None:
    first, second = (one.instance for one in shop.all)
    other = everything_of(shop, 1)
    plan = shop.plan()
    assert statuses(plan) == {"pc1": "differs", f"pc1/{first}": "differs", f"pc1/{second}": "pending"}
    assert {stage["instance"] for stage in plan["hosts"][0]["stages"]} == {first}
    done = shop.apply()
    assert statuses(done) == {"pc1": "changed", f"pc1/{first}": "changed", f"pc1/{second}": "pending"}
    assert everything_of(shop, 1) == other
    assert shop.record("Version", first) == "3.1.0"
    assert shop.record("Version", second) == "2.4.0"
    assert {backup["label"] for backup in shop.backups()} == {first}

    # Another day, the other disk.
    shop.do("stop")
    disks.unplug(shop.root)
    disks.plug(shop.root, shop.all[1].disk)
    settled = everything_of(shop, 0)
    done = shop.apply()
    assert statuses(done) == {"pc1": "changed", f"pc1/{first}": "pending", f"pc1/{second}": "changed"}
    assert everything_of(shop, 0) == settled
    assert shop.record("Version", second) == "3.1.0"
    assert shop.do("status", one=shop.all[1])["answering"] is True


def test_a_pc_with_no_disk_at_all_waits(shop: Shop) -> None:
    disks.unplug(shop.root)
    before = shop.snapshot()
    plan = shop.plan(code=0)
    assert set(statuses(plan).values()) == {"pending"}
    done = shop.apply()
    assert set(statuses(done).values()) == {"pending"}
    assert shop.snapshot() == before
    verified = shop.json("verify", "play.yml")
    assert (verified[0], set(statuses(verified[1]).values())) == (0, {"pending"})


def test_files_of_the_pc_are_kept_though_every_taxpayer_waits(shop: Shop) -> None:
    """What does not belong to a taxpayer does not wait for a disk."""
    disks.unplug(shop.root)
    shop.play(tasks=[{"file": {"path": "/etc/motd", "content": "hello\n"}}])
    done = shop.apply()
    assert statuses(done)["pc1"] == "changed"
    assert {statuses(done)[f"pc1/{one.instance}"] for one in shop.all} == {"pending"}
    assert (shop.bench.root / "etc/motd").read_text() == "hello\n"
    assert statuses(shop.plan(code=0))["pc1"] == "pending"
