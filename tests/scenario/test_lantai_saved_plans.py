"""A plan that was saved, shown, approved, and applied later: it does what it said or nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from lantai_support import Run, Shop, codes, open_shop, statuses, steps_of, valid
from scenario_bench import Bench

from lab.lantai import disks, faults

SECRET = "s3cret-of-the-server"


@pytest.fixture
def shop(bench: Bench, run: Run) -> Shop:
    made = open_shop(bench, run, version="3.1.0")
    made.play({"parameters": {"name": "北渡科技有限公司", "backup_cycle": 9}})
    return made


def two_hosts(shop: Shop) -> Path:
    """Add a second PC, without a client, and give both one file."""
    root = shop.bench.folder / "pc2"
    (root / "etc").mkdir(parents=True)
    shop.hosts["pc2"] = {
        "ansible_connection": "local", "guiwei_root": str(root), "guiwei_state_dir": str(shop.bench.folder / "state2")
    }  # fmt: skip
    shop.bench.write({
        "play.yml": "- hosts: all\n  tasks:\n"
        "    - file: {path: /etc/motd, content: \"hello\\n\"}\n"
        "    - ini: {path: /etc/app.ini, section: a, option: token, value: \"{{ token }}\"}\n",
    })  # fmt: skip
    for host in shop.hosts.values():
        host["token"] = SECRET
    return root


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


def test_the_whole_upgrade_from_a_saved_plan(bench: Bench, run: Run) -> None:
    shop = open_shop(bench, run, running=True)
    shop.play()
    save(shop)
    apply_saved(shop)
    assert shop.versions == ("3.1.0", "3.1.0")
    shop.plan(code=0)


def test_a_guarded_field_that_moved_makes_it_stale_on_that_host_alone(shop: Shop) -> None:
    root = two_hosts(shop)
    save(shop)
    (root / "etc/motd").write_text("somebody was here\n")
    before = (root / "etc/motd").stat()
    done = apply_saved(shop, code=4)
    assert statuses(done) == {"pc1": "changed", "pc2": "refused"}
    assert codes(done) == ["plan-stale"]
    assert ((root / "etc/motd").read_text(), (root / "etc/motd").stat()) == ("somebody was here\n", before)
    assert not (root / "etc/app.ini").exists()
    assert (shop.bench.root / "etc/motd").read_text() == "hello\n"


def test_a_parameter_that_moved_makes_it_stale(shop: Shop) -> None:
    save(shop)
    settings = Path(shop.one.folder, "Config", "兰台.ini")
    settings.write_bytes(settings.read_bytes().replace("青禾商贸".encode("gbk"), "云岭物流".encode("gbk")))
    before = shop.snapshot()
    done = apply_saved(shop, code=4)
    assert (statuses(done)["pc1"], codes(done)) == ("refused", ["plan-stale"])
    assert shop.snapshot() == before


def test_an_unguarded_change_does_not(shop: Shop) -> None:
    save(shop)
    faults.wrong_parameters(shop.root, shop.one.instance, offline_hours="24")
    (shop.bench.root / "etc/motd").write_text("something else\n")
    apply_saved(shop)
    assert shop.settings("名称") == "北渡科技有限公司"
    assert shop.settings("离线时长") == "24"
    assert (shop.bench.root / "etc/motd").read_text() == "something else\n"


def test_what_somebody_else_has_done_is_found_done(shop: Shop) -> None:
    save(shop)
    shop.apply()
    done = apply_saved(shop)
    assert set(statuses(done).values()) == {"unchanged"}


def test_a_playbook_that_moved_makes_it_stale(shop: Shop) -> None:
    save(shop)
    shop.play({"parameters": {"name": "望川文化传播有限公司", "backup_cycle": 9}})
    before = shop.snapshot()
    done = apply_saved(shop, code=4)
    assert codes(done) == ["plan-inputs-changed"]
    assert shop.snapshot() == before


@pytest.mark.parametrize(
    ("old", "new"), [('"field":"value"', '"field":"encoding"'), ('"value":"9"', '"value":"1"'), ('"host":"pc1"', '"host":"pc9"')]
)
def test_an_edited_file_is_not_applied(shop: Shop, old: str, new: str) -> None:
    save(shop)
    path = shop.bench.work / "saved.plan"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    before = shop.snapshot()
    # The input is wrong: nothing of it may be believed, not even which hosts it is for.
    done = apply_saved(shop, code=2)
    assert codes(done) == ["plan-damaged"]
    assert shop.snapshot() == before


def test_a_saved_plan_holds_no_secret_and_needs_the_same_one(shop: Shop) -> None:
    two_hosts(shop)
    vaulted = shop.bench.vaulted(SECRET)
    shop.bench.write({
        "group_vars/all.yml": f"token: {vaulted}",
        "vault-password": "correct horse",
    })  # fmt: skip
    for host in shop.hosts.values():
        del host["token"]
    words = ("plan", "play.yml", "-o", "saved.plan", "--vault-password-file", "vault-password")
    assert shop.json(*words)[0] == 3
    path = shop.bench.work / "saved.plan"
    text = path.read_text("utf-8")
    assert SECRET not in text
    assert '{"$secret":"' in text
    assert path.stat().st_mode & 0o777 == 0o600
    shop.bench.write({"group_vars/all.yml": f"token: {shop.bench.vaulted('another one')}"})
    word = ("apply", "saved.plan", "--yes", "--json", "--vault-password-file", "vault-password")
    other = shop._run(*word)
    assert (other.code, codes(json.loads(other.out))) == (4, ["plan-inputs-changed"])
    shop.bench.write({"group_vars/all.yml": f"token: {shop.bench.vaulted(SECRET)}"})
    assert shop._run(*word).code == 0
    assert SECRET in (shop.bench.root / "etc/app.ini").read_text()


def test_the_command_line_cannot_give_a_saved_plan_other_inputs(shop: Shop) -> None:
    save(shop)
    done = shop.guiwei("apply", "saved.plan", "--yes", "--json")
    assert (done.code, codes(json.loads(done.out))) == (2, ["plan-has-inputs"])
