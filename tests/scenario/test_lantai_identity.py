"""The device decides: what the playbook says against it is refused, what the client has against it is put right."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from lantai_support import KINDS, TAXPAYERS, Shop, codes, errors_in, open_shop, statuses, steps_of
from scenario_bench import Bench
from scenario_cases import Run

from guiwei.cli._record import Recorder
from guiwei.history.database import default_path
from lab.lantai import disks, faults

#: What the plugged disk says.
GOOD = {"kinds": KINDS, "limit": "99999.99", "offline_hours": 72, "offline_count": 100, "offline_amount": "1000000.00"}
#: A profile that cannot tell whether somebody works with the client.
UNTOLD = ("  field: answer.data.editing\n", "  field: answer.data.nothing\n")


@pytest.fixture
def shop(bench: Bench, run: Run) -> Shop:
    return open_shop(bench, run, "3.1.0")


def disk(shop: Shop, **values: Any) -> None:
    """Give the plugged disk other contents under the same number."""
    contents = disks.unplug(shop.root)
    disks.plug(shop.root, {**contents, **values})


def refused(shop: Shop, field: str, wanted: str, found: str) -> None:
    """Neither a plan nor an apply goes on; both values are named to people and programs, and nothing is touched."""
    before, pid = shop.snapshot(), shop.do("status")["pid"]
    plan = shop.plan(code=4)
    (mismatch,) = plan["hosts"][0]["instances"][0]["mismatches"]
    assert (mismatch["field"], str(mismatch["wanted"]), str(mismatch["found"])) == (field, wanted, found)
    assert steps_of(plan) == []
    document = shop.apply(code=4)
    assert statuses(document) == {"pc1": "refused", f"pc1/{shop.one.instance}": "refused"}
    (code,) = codes(document)
    assert code == "identity-mismatch"
    arguments = document["hosts"][0]["error"]["args"]
    assert {name: arguments[name] for name in ("field", "wanted", "found")} == {
        "field": field,
        "wanted": wanted,
        "found": found,
    }
    for command in (("plan", "play.yml", "--lang", "zh"), ("apply", "play.yml", "--yes", "--lang", "en")):
        told = shop.guiwei(*command)
        assert told.code == 4
        assert wanted in told.out
        assert found in told.out
    assert shop.snapshot() == before
    assert shop.do("status")["pid"] == pid
    assert shop.bench.journals() == []


@pytest.mark.parametrize(
    ("state", "field", "wanted", "found"),
    [
        ({"parameters": {"limit": "十万元版"}}, "parameters.limit", "999999.99", "99999.99"),
        ({"parameters": {"limit": "9,999.99"}}, "parameters.limit", "9999.99", "99999.99"),
        ({"parameters": {"kinds": ["专票", "007"]}}, "parameters.kinds", "004,007", "004,007,026,028"),
        ({"parameters": {"taxpayer": TAXPAYERS[2]}}, "parameters.taxpayer", TAXPAYERS[2], TAXPAYERS[0]),
        ({"parameters": {"orgcode": "330100"}}, "parameters.orgcode", "330100", "990100"),
        ({"disk": {"number": "000000000042"}}, "disk.number", "000000000042", "009912345670"),
        ({"parameters": {"offline_hours": 24}}, "parameters.offline_hours", "24", "72"),
        ({"parameters": {"offline_count": 500}}, "parameters.offline_count", "500", "100"),
        ({"parameters": {"offline_amount": "500.00"}}, "parameters.offline_amount", "500.00", "1000000.00"),
        ({"disk": {"lock_date": "2031-01-15"}}, "disk.lock_date", "2031-01-15", "DISK"),
    ],
    ids=[
        "limit-higher",
        "limit-lower",
        "kinds",
        "taxpayer",
        "orgcode",
        "disk",
        "hours",
        "count",
        "amount",
        "lock-date",
    ],
)
def test_a_playbook_against_the_device_is_refused(
    shop: Shop, state: Mapping[str, Any], field: str, wanted: str, found: str
) -> None:
    # Something that could be done is asked for as well: nothing of it is.
    shop.do("start")
    parameters = {"name": "另一个名称有限公司", **state.get("parameters", {})}
    shop.play({**state, "parameters": parameters})
    refused(shop, field, wanted, str(shop.one.disk["lock_date"]) if found == "DISK" else found)


def test_a_disk_of_somebody_else_under_the_right_number_is_refused(shop: Shop) -> None:
    shop.do("start")
    disk(shop, taxpayer=TAXPAYERS[2])
    shop.play({"parameters": {"name": "另一个名称有限公司"}})
    refused(shop, "parameters.taxpayer", TAXPAYERS[0], TAXPAYERS[2])


def test_another_disk_is_waited_for(shop: Shop) -> None:
    """It is no mistake of anybody's: the right one is in a drawer."""
    faults.disk_of_another(shop.root)
    before = shop.snapshot()
    shop.play()
    assert statuses(shop.apply())["pc1"] == "pending"
    assert shop.snapshot() == before


def test_a_locked_or_broken_device_is_not_guessed_at(shop: Shop) -> None:
    (path,) = Path(shop.root, "dev/taxdisk").iterdir()
    path.write_text("{ half a file", "utf-8")
    before = shop.snapshot()
    shop.play({"parameters": {"limit": "万元版"}})
    document = shop.apply(code=5)
    assert codes(document) == ["device-unreadable"]
    assert shop.snapshot() == before


def test_what_the_device_says_too_is_nothing_to_do(shop: Shop) -> None:
    shop.do("start")
    before = shop.snapshot()
    numbers = {"taxpayer": TAXPAYERS[0], "orgcode": "990100", "machine": 0}
    plugged = {"number": "009912345670", "registered": True, "lock_date": shop.one.disk["lock_date"]}
    shop.play({"parameters": {**GOOD, **numbers}, "disk": plugged})
    shop.plan(code=0)
    assert statuses(shop.apply())["pc1"] == "unchanged"
    assert shop.snapshot() == before


# The client's copies


def names(document: Any) -> list[str]:
    return [step["name"] for step in steps_of(document)]


def test_a_wrong_limit_and_kinds_of_the_client_are_put_right(shop: Shop) -> None:
    faults.wrong_parameters(shop.root, shop.one.instance, limit="9999.99", kinds="004")
    shop.play({"parameters": {"limit": "万元版", "kinds": KINDS}})
    document = shop.apply()
    assert statuses(document)["pc1"] == "changed"
    assert (shop.settings("开票限额"), shop.settings("发票类型")) == ("99999.99", ",".join(KINDS))
    # No data hang on these two: nothing had to be backed up for them.
    assert shop.backups() == []
    status = shop.do("status")
    assert (status["settings"], status["answering"]) == ("ok", True)
    shop.plan(code=0)


def test_a_wrong_taxpayer_id_is_put_right_after_a_backup(shop: Shop) -> None:
    """Nobody has to ask for it: the inventory says whose client it is. Every old invoice hangs on that number."""
    faults.wrong_parameters(shop.root, shop.one.instance, taxpayer=TAXPAYERS[2])
    rows = shop.rows()
    assert shop.ask("start").code == 11
    shop.play({"parameters": {"name": "青禾商贸有限公司"}})
    plan = shop.plan()
    steps = {step["name"]: step for step in steps_of(plan)}
    assert list(steps) == ["backup", "taxpayer id", "start"]
    assert steps["taxpayer id"]["requires"] == steps["backup"]["id"]
    assert [(change["before"], change["after"]) for change in steps["taxpayer id"]["changes"]] == [
        (TAXPAYERS[2], TAXPAYERS[0])
    ]
    document = shop.apply()
    assert names(document) == ["backup", "taxpayer id", "start"]
    assert shop.settings("税号") == TAXPAYERS[0]
    (backup,) = shop.backups()
    assert (backup["label"], backup["note"]["why"]) == (shop.one.instance, "parameters")
    (kept,) = shop.bench.state.glob("backups/*/data/**/兰台.ini")
    assert TAXPAYERS[2].encode() in kept.read_bytes()
    assert shop.do("status")["answering"] is True
    assert shop.rows() == rows
    shop.plan(code=0)


def test_the_record_has_a_copy_that_is_put_right_too(shop: Shop) -> None:
    record = Path(shop.root, "etc/lantai/record.ini")
    text = record.read_text("utf-8")
    assert f"code={TAXPAYERS[0]}" in text
    record.write_text(text.replace(f"code={TAXPAYERS[0]}", f"code={TAXPAYERS[2]}"), "utf-8")
    shop.play({"parameters": {"name": "青禾商贸有限公司"}})
    document = shop.apply()
    assert names(document) == ["backup", "taxpayer id", "start"]
    assert f"code={TAXPAYERS[0]}" in record.read_text("utf-8")
    assert TAXPAYERS[2] not in record.read_text("utf-8")


def test_a_running_client_is_restarted_for_what_it_reads_at_its_start(shop: Shop) -> None:
    shop.do("start")
    pid = shop.do("status")["pid"]
    shop.play({"parameters": {"timeout": 77}})
    document = shop.apply()
    assert names(document) == ["network time-out in seconds", "restart"]
    assert shop.settings("超时") == "77"
    status = shop.do("status")
    assert status["answering"] is True
    assert status["pid"] != pid
    # Nothing to do, nothing restarted.
    assert names(shop.apply()) == []
    assert shop.do("status")["pid"] == status["pid"]


def test_a_clerk_at_work_is_not_interrupted_and_the_restart_is_not_forgotten(shop: Shop) -> None:
    """The new value is in the file, so nothing differs any more; the client still works with the old one.

    So it is where a profile cannot tell that somebody works with the client: the client itself refuses then.
    """
    shop.do("start")
    shop.log_in()
    shop.do("draft", "open")
    pid = shop.do("status")["pid"]
    # The client refuses at once (its 22, in use); guiwei looks on for as long as the profile says.
    shop.product(("timeout: 90", "timeout: 1"), UNTOLD)
    shop.play({"parameters": {"timeout": 77}})
    document = shop.apply(code=5)
    assert names(document) == ["network time-out in seconds", "restart"]
    assert codes(document) == ["service-not-stopped"]
    assert shop.do("status")["editing"] is True
    assert names(shop.plan()) == ["restart"]
    shop.do("draft", "close")
    assert names(shop.apply()) == ["restart"]
    status = shop.do("status")
    assert status["answering"] is True
    assert status["pid"] != pid
    shop.plan(code=0)


def test_a_restart_that_is_owed_is_paid_by_any_start(shop: Shop) -> None:
    shop.do("start")
    shop.log_in()
    shop.do("draft", "open")
    shop.product(("timeout: 90", "timeout: 1"), UNTOLD)
    shop.play({"parameters": {"timeout": 77}})
    shop.apply(code=5)
    shop.do("stop", "--force")
    assert names(shop.apply()) == ["start"]
    shop.plan(code=0)


def test_a_disk_is_registered_with_one_try_of_the_pin(shop: Shop) -> None:
    faults.disk_unregistered(shop.root, shop.one.instance)
    shop.play({"disk": {"registered": True}})
    shop.vars["instances"][0]["disk_pin"] = "00000000"
    shop.apply(code=5)
    assert _tries(shop) == 4
    assert codes(errors_in(shop.apply(code=4))) == ["secret-given-in-vain"]
    shop.vars["instances"][0]["disk_pin"] = shop.one.pin
    shop.apply("-e", "guiwei_new_secret=true")
    assert shop.do("status")["registered"] is True
    shop.plan(code=0)


def test_a_controller_whose_power_fails_remembers_the_try(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the disk has used a try it is in the history's file, not in a journal beside it that the cut takes away."""
    faults.disk_unregistered(shop.root, shop.one.instance)
    shop.play({"disk": {"registered": True}})
    shop.vars["instances"][0]["disk_pin"] = "00000000"
    file = default_path(os.environ)

    def cut(_recorder: Recorder, _finished: str) -> None:
        file.with_suffix(".cut").write_bytes(file.read_bytes())

    with monkeypatch.context() as power:
        power.setattr(Recorder, "finish", cut)
        shop.apply(code=5)
    for path in file.parent.glob("history.db*"):
        path.unlink()
    file.with_suffix(".cut").rename(file)
    assert codes(errors_in(shop.apply(code=4))) == ["secret-given-in-vain"]
    assert _tries(shop) == 4


def _tries(shop: Shop) -> int:
    (path,) = Path(shop.root, "dev/taxdisk").iterdir()
    return int(json.loads(path.read_text("utf-8"))["pin_tries_left"])
