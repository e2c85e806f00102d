"""The busy gate: a clerk in the middle of an invoice is not interrupted, unless they agreed or nobody works then."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from lantai_support import Shop, codes, errors_in, open_shop, statuses, steps_of
from scenario_bench import Bench
from scenario_cases import Run

from guiwei.cli import _clock
from guiwei.invoicing.policies import read_instant
from guiwei.model.inventory import Host
from guiwei.transport import connect as transport
from guiwei.transport.session import Session
from guiwei.transport.settings import Settings
from lab.lantai import faults

TIMEOUT = {"parameters": {"timeout": 77}}


@pytest.fixture
def shop(bench: Bench, run: Run) -> Shop:
    """The client runs, and its clerk has begun an invoice."""
    made = open_shop(bench, run, "3.1.0", running=True)
    made.play(TIMEOUT)
    made.log_in()
    made.do("draft", "open")
    return made


def now(shop: Shop, text: str) -> None:
    shop.bench.environ.setattr(_clock, "instant", lambda: read_instant(text))


def test_nothing_is_touched(shop: Shop) -> None:
    before, pid = shop.snapshot(), shop.do("status")["pid"]
    plan = shop.plan()
    assert plan["hosts"][0]["instances"][0]["facts"]["busy"] is True
    document = shop.apply(code=4)
    assert statuses(document)["pc1"] == "refused"
    error = errors_in(document)[0]
    assert (error["code"], error["args"]["instance"]) == ("client-busy", shop.one.instance)
    assert steps_of(document) == []
    assert shop.snapshot() == before
    status = shop.do("status")
    assert (status["pid"], status["editing"]) == (pid, True)
    shop.do("draft", "close")
    shop.apply()
    assert shop.settings("超时") == "77"
    shop.plan(code=0)


def test_what_stops_nobody_is_done_meanwhile(shop: Shop) -> None:
    """A file on the PC is none of the clerk's business."""
    shop.play({}, tasks=[{"file": {"path": "/etc/note", "content": "x"}}])
    shop.apply()
    assert shop.do("status")["editing"] is True


@pytest.mark.parametrize("upgrade", [False, True])
def test_a_clerk_who_agreed_is_interrupted(bench: Bench, run: Run, upgrade: bool) -> None:
    shop = open_shop(bench, run, "3.0.0" if upgrade else "3.1.0", running=True)
    shop.log_in()
    shop.do("draft", "open")
    shop.play({"software": {"version": "3.1.0"}} if upgrade else TIMEOUT, busy={"agreed": True})
    pid = shop.do("status")["pid"]
    shop.apply()
    status = shop.do("status")
    assert (status["answering"], status["editing"]) == (True, False)
    assert status["pid"] != pid
    shop.plan(code=0)


@pytest.mark.parametrize(
    ("at", "open_window"),
    [
        ("2026-11-24T19:59", False),
        ("2026-11-24T20:00", True),
        ("2026-11-25T05:59", True),
        ("2026-11-25T06:00", False),
        ("2026-11-24T12:00Z", True),
    ],
)
def test_a_window_says_that_nobody_works(shop: Shop, at: str, open_window: bool) -> None:
    now(shop, at)
    shop.play(TIMEOUT, busy={"window": {"from": "20:00", "until": "06:00"}})
    document = shop.apply(code=0 if open_window else 4)
    assert codes(document) == ([] if open_window else ["client-busy"])
    assert shop.do("status")["editing"] is not open_window


def test_a_plan_by_day_is_applied_by_night(shop: Shop) -> None:
    now(shop, "2026-11-24T15:00")
    shop.play(TIMEOUT, busy={"window": {"from": "20:00", "until": "06:00"}})
    assert shop.guiwei("plan", "play.yml", "-o", "saved.json").code == 3
    assert codes(applied(shop, 4)) == ["client-busy"]
    now(shop, "2026-11-24T22:00")
    applied(shop, 0)
    assert (shop.settings("超时"), shop.do("status")["editing"]) == ("77", False)


def applied(shop: Shop, code: int) -> Any:
    done = shop._run("apply", "saved.json", "--yes", "--json")
    assert done.code == code, (done.out, done.err)
    return json.loads(done.out)


def test_two_plays_must_both_agree(shop: Shop) -> None:
    made = [
        {"hosts": "all", "product": "lantai", "state": TIMEOUT, "busy": {"agreed": True}},
        {"hosts": "all", "product": "lantai", "state": {"parameters": {"backup_cycle": 9}}},
    ]
    shop.bench.write({"play.yml": json.dumps(made)})
    assert codes(shop.apply(code=4)) == ["client-busy"]
    made[1]["busy"] = {"agreed": True}
    shop.bench.write({"play.yml": json.dumps(made)})
    shop.apply()


class Meanwhile:
    """A session that lets something happen just before the first steps are sent."""

    def __init__(self, session: Session, happens: Any) -> None:
        self._session = session
        self._happens = happens

    def ask(self, request: Mapping[str, Any], on_result: Any = None) -> dict[str, Any]:
        if request["op"] == "apply":
            self._happens()
        return self._session.ask(request, on_result)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)


def test_the_pc_looks_again_just_before_the_stop(bench: Bench, run: Run) -> None:
    """Between the plan and the stop a clerk begins an invoice."""
    shop = open_shop(bench, run, "3.0.0", running=True)
    shop.play()
    shop.log_in()
    before, pid = shop.snapshot(), shop.do("status")["pid"]
    plain = transport.connect

    def connect(host: Host, settings: Settings, *more: Any) -> Any:
        return Meanwhile(plain(host, settings, *more), lambda: shop.do("draft", "open"))

    bench.environ.setattr(transport, "connect", connect)
    document = shop.apply(code=4)
    assert (statuses(document)["pc1"], codes(document)) == ("refused", ["client-busy"])
    assert [(step["name"], step["status"]) for step in steps_of(document)] == [("stop", "refused")]
    assert shop.snapshot() == before
    status = shop.do("status")
    assert (status["pid"], status["editing"]) == (pid, True)


def test_the_restart_that_was_refused_on_the_pc_is_owed(bench: Bench, run: Run) -> None:
    shop = open_shop(bench, run, "3.1.0", running=True)
    shop.play(TIMEOUT)
    shop.log_in()
    plain = transport.connect
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            transport,
            "connect",
            lambda *words: Meanwhile(plain(*words), lambda: shop.do("draft", "open")),
        )
        document = shop.apply(code=4)
    assert [(step["status"], (step["error"] or {}).get("code")) for step in steps_of(document)] == [
        ("changed", None), ("refused", "client-busy")
    ]  # fmt: skip
    assert shop.settings("超时") == "77"
    assert [step["name"] for step in steps_of(shop.plan())] == ["restart"]
    assert codes(shop.apply(code=4)) == ["client-busy"]
    shop.do("draft", "close")
    assert [step["name"] for step in steps_of(shop.apply())] == ["restart"]
    shop.plan(code=0)


def test_a_client_in_use_keeps_its_whole_pc_as_it_is(bench: Bench, run: Run) -> None:
    """What is refused for one client is refused for the PC: nothing is half done, not even the tasks."""
    shop = open_shop(bench, run, "3.1.0", taxpayers=2, running=True)
    shop.log_in()
    shop.do("draft", "open")
    shop.play(TIMEOUT, tasks=[{"file": {"path": "/etc/note", "content": "x"}}])
    before = shop.snapshot()
    assert "client-busy" in codes(shop.apply(code=4))
    assert shop.snapshot() == before


def test_a_client_that_cannot_be_asked_is_in_nobodys_use(shop: Shop) -> None:
    """A hung client must not keep itself from being repaired."""
    shop.product(
        ("  field: answer.data.editing\n", "  field: answer.data.editing.more\n"), ("timeout: 90", "timeout: 1")
    )
    document = shop.apply(code=5)
    assert codes(document) == ["service-not-stopped"]


def test_it_is_said_in_chinese(shop: Shop) -> None:
    shop.plan()
    told = shop._run("apply", "play.yml", "--yes", "-i", "hosts.yml", lang="zh").out
    assert "正在使用中" in told
    assert "agreed: true" in told


@pytest.mark.parametrize("command", ["backup", "restore", "rollback"])
def test_nor_for_a_backup_nor_to_go_back(bench: Bench, run: Run, command: str) -> None:
    """Whatever stops the client asks first."""
    shop = open_shop(bench, run, "3.1.0", running=True)
    shop.play(TIMEOUT)
    changed = shop.apply()["run"]
    assert shop.json("backup", "play.yml")[0] == 0
    (backup,) = shop.backups()
    shop.log_in()
    shop.do("draft", "open")
    before, pid = shop.snapshot(), shop.do("status")["pid"]
    words = {
        "backup": ("backup", "play.yml"),
        "restore": ("restore", backup["backup"], "play.yml", "--yes"),
        "rollback": ("rollback", changed),
    }[command]
    code, document = shop.json(*words)
    assert (code, codes(document)) == (4, ["client-busy"])
    status = shop.do("status")
    assert (status["pid"], status["editing"], shop.snapshot()) == (pid, True, before)
    assert len(shop.backups()) == 1
    shop.do("draft", "close")
    code, document = shop.json(*words)
    assert (code, codes(document)) == (0, [])


def test_nor_to_recover_what_still_works(shop: Shop) -> None:
    """A wrong parameter is no reason to end what somebody is writing."""
    faults.wrong_parameters(shop.root, shop.one.instance, kinds="004,007")
    shop.play({"parameters": {"kinds": ["004", "007", "026", "028"]}})
    before, pid = shop.snapshot(), shop.do("status")["pid"]
    code, document = shop.json("recover", "play.yml", "--yes")
    assert (code, codes(document)) == (4, ["client-busy"])
    status = shop.do("status")
    assert (status["pid"], status["editing"], shop.snapshot()) == (pid, True, before)
    shop.do("draft", "close")
    code, document = shop.json("recover", "play.yml", "--yes")
    # The upload server of this PC is nowhere: what is left for people to look after.
    assert shop.settings("发票类型") == "004,007,026,028", (code, codes(document))
