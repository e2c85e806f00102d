"""A saved plan is applied as it was approved, or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from lantai_support import Shop, codes, open_shop, snapshot, statuses, steps_of, valid
from scenario_bench import PASSWORD, Bench
from scenario_cases import Run
from scenario_leaks import forms, found_in

PLAYBOOK = """\
- hosts: all
  tasks:
    - file: {path: /etc/app.conf, content: "wanted\\n", mode: "0644"}
    - ini: {path: /etc/client.ini, section: 网络, option: 超时, value: "30"}
"""


class Office:
    """Three PCs of one office, a playbook for them, and a plan of it in a file."""

    def __init__(self, bench: Bench, run: Run) -> None:
        self.bench = bench
        self._run = run
        hosts = {}
        for name in ("pc1", "pc2", "pc3"):
            etc = bench.folder / name / "etc"
            etc.mkdir(parents=True)
            (etc / "app.conf").write_text("old\n")
            (etc / "client.ini").write_text("[网络]\n超时=5\n重试=3\n")
            hosts[name] = {
                "ansible_connection": "local",
                "guiwei_root": str(bench.folder / name),
                "guiwei_state_dir": str(bench.folder / f"{name}.state"),
            }
        bench.write({"hosts.yml": yaml.safe_dump({"all": {"hosts": hosts}}), "play.yml": PLAYBOOK})

    def file(self, name: str, file: str = "app.conf") -> Path:
        return self.bench.folder / name / "etc" / file

    def plan(self, *words: str) -> Any:
        result = self._run("plan", "play.yml", "-i", "hosts.yml", "-o", "saved.json", *words, "--json")
        assert result.code == 3, result
        return valid("plan", json.loads(result.out))

    def apply(self, code: int, *words: str) -> Any:
        """Apply the saved plan and return the document."""
        result = self._run("apply", "saved.json", "--yes", *words, "--json")
        assert "Traceback" not in result.err
        assert result.code == code, result
        return json.loads(result.out)

    def applied(self) -> dict[str, str]:
        return {name: self.file(name).read_text() for name in ("pc1", "pc2", "pc3")}


@pytest.fixture
def office(bench: Bench, run: Run) -> Office:
    return Office(bench, run)


def test_what_was_planned_is_what_is_done(office: Office) -> None:
    planned = office.plan()
    done = valid("run", office.apply(0))
    assert done["plan"] == planned["digest"]
    assert statuses(done) == {"pc1": "changed", "pc2": "changed", "pc3": "changed"}
    for name in ("pc1", "pc2", "pc3"):
        assert [step["id"] for step in steps_of(done, name)] == [step["id"] for step in steps_of(planned, name)]
    assert set(office.applied().values()) == {"wanted\n"}
    # Once more, it finds nothing to do.
    assert set(statuses(office.apply(0)).values()) == {"unchanged"}


def test_a_host_that_moved_is_left_alone_and_the_others_are_done(office: Office) -> None:
    office.plan()
    office.file("pc2").write_text("somebody was here\n")
    before = snapshot(office.bench.folder / "pc2")
    done = office.apply(4)
    assert statuses(done) == {"pc1": "changed", "pc2": "refused", "pc3": "changed"}
    assert codes(done) == ["plan-stale"]
    assert snapshot(office.bench.folder / "pc2") == before
    assert office.applied() == {"pc1": "wanted\n", "pc2": "somebody was here\n", "pc3": "wanted\n"}


@pytest.mark.parametrize("change", ["mode", "neighbour", "time", "elsewhere"])
def test_what_the_plan_does_not_change_may_move(office: Office, change: str) -> None:
    office.plan()
    ini = office.file("pc1", "client.ini")
    if change == "mode":
        ini.chmod(0o600)
    elif change == "neighbour":
        ini.write_text(ini.read_text().replace("重试=3", "重试=9"))
    elif change == "time":
        office.file("pc1").touch()
    else:
        office.file("pc1", "motd").write_text("new")
    assert set(statuses(office.apply(0)).values()) == {"changed"}
    if change == "neighbour":
        assert ini.read_text() == "[网络]\n超时=30\n重试=9\n"


def test_a_host_that_somebody_else_put_right_is_unchanged(office: Office) -> None:
    office.plan()
    office.file("pc1").write_text("wanted\n")
    office.file("pc1").chmod(0o644)
    office.file("pc1", "client.ini").write_text("[网络]\n超时=30\n")
    before = snapshot(office.bench.folder / "pc1")
    assert statuses(office.apply(0)) == {"pc1": "unchanged", "pc2": "changed", "pc3": "changed"}
    assert snapshot(office.bench.folder / "pc1") == before


def test_a_host_that_is_half_right_gets_the_other_half(office: Office) -> None:
    office.plan()
    office.file("pc1", "client.ini").write_text("[网络]\n超时=30\n")
    done = office.apply(0)
    assert [step["name"] for step in steps_of(done, "pc1")] == ["file"]
    assert office.file("pc1").read_text() == "wanted\n"


def test_a_host_that_needed_nothing_is_not_worked_on(office: Office) -> None:
    for name in ("app.conf", "client.ini"):
        office.file("pc3", name).write_text({"app.conf": "wanted\n", "client.ini": "[网络]\n超时=30\n"}[name])
    office.file("pc3").chmod(0o644)
    office.plan()
    office.file("pc3").write_text("changed after the plan\n")
    assert statuses(office.apply(0)) == {"pc1": "changed", "pc2": "changed", "pc3": "skipped"}
    assert office.file("pc3").read_text() == "changed after the plan\n"


def test_its_limit_goes_with_it(office: Office) -> None:
    office.plan("-l", "pc2", "-e", "unused=1")
    assert statuses(office.apply(0)) == {"pc2": "changed"}
    assert office.applied() == {"pc1": "old\n", "pc2": "wanted\n", "pc3": "old\n"}


@pytest.mark.parametrize("what", ["playbook", "inventory"])
def test_a_plan_of_other_files_is_refused(office: Office, what: str) -> None:
    office.bench.write({"play.yml": PLAYBOOK.replace("wanted\\n", "{{ text | default('wanted') }}\\n")})
    office.plan()
    if what == "playbook":
        office.bench.write({"play.yml": PLAYBOOK.replace("wanted", "something else")})
    else:
        office.bench.write({"group_vars/all.yml": "text: something else\n"})
    done = office.apply(4)
    assert codes(done) == ["plan-inputs-changed"]
    assert set(office.applied().values()) == {"old\n"}


@pytest.mark.parametrize("old", ["wanted", '"0644"', '"pc1"', "/etc/app.conf", '"value":"30"'])
def test_an_edited_plan_is_no_plan(office: Office, old: str) -> None:
    office.plan()
    path = office.bench.work / "saved.json"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, old.replace("0", "7").replace("a", "b").replace("pc1", "pc3"), 1), "utf-8")
    assert path.read_text("utf-8") != text
    assert office.apply(2)["code"] == "plan-damaged"
    assert set(office.applied().values()) == {"old\n"}


def test_nobody_agrees_for_a_person_who_is_not_there(office: Office, run: Run) -> None:
    result = run("apply", "play.yml", "-i", "hosts.yml")
    assert result.code == 4
    assert set(office.applied().values()) == {"old\n"}


SECRET = 'clerk"s \\ 口令-7f3a9'


def test_its_secrets_are_fingerprints(office: Office, run: Run) -> None:
    bench = office.bench
    bench.write(
        {
            "group_vars/all.yml": f"pin: {bench.vaulted(SECRET)}",
            "vault-password": PASSWORD,
            "play.yml": '- hosts: all\n  tasks:\n    - file: {path: /etc/app.conf, content: "pin={{ pin }}\\n"}\n',
        }
    )
    office.plan("--vault-password-file", "vault-password")
    saved = (bench.work / "saved.json").read_bytes()
    assert found_in(saved, forms(SECRET)) == []
    assert b'"$secret"' in saved
    # Without the password nothing can be applied; with it, the secret is rendered again.
    assert run("apply", "saved.json", "--yes").code == 2
    assert set(office.applied().values()) == {"old\n"}
    office.apply(0, "--vault-password-file", "vault-password")
    assert set(office.applied().values()) == {f"pin={SECRET}\n"}


def test_another_secret_is_another_plan(office: Office) -> None:
    bench = office.bench
    play = '- hosts: all\n  tasks:\n    - file: {path: /etc/app.conf, content: "pin={{ pin }}\\n"}\n'
    bench.write({"group_vars/all.yml": f"pin: {bench.vaulted(SECRET)}", "vault-password": PASSWORD, "play.yml": play})
    office.plan("--vault-password-file", "vault-password")
    bench.write({"group_vars/all.yml": f"pin: {bench.vaulted(SECRET + 'x')}"})
    assert codes(office.apply(4, "--vault-password-file", "vault-password")) == ["plan-inputs-changed"]
    assert set(office.applied().values()) == {"old\n"}


# An upgrade


def save(shop: Shop) -> None:
    shop.play()
    shop.plan("-o", "saved.json")


def apply(run: Run, code: int) -> Any:
    result = run("apply", "saved.json", "--yes", "--json")
    assert "Traceback" not in result.err
    assert result.code == code, result
    return valid("run", json.loads(result.out))


def test_an_upgrade_that_was_approved(bench: Bench, run: Run) -> None:
    shop = open_shop(bench, run, "3.0.0", running=True)
    save(shop)
    assert statuses(apply(run, 0))["pc1"] == "changed"
    assert shop.versions == ("3.1.0", "3.1.0")
    # Somebody else could have done it meanwhile: now there is nothing left of it.
    before = shop.snapshot()
    assert statuses(apply(run, 0)) == {"pc1": "unchanged", f"pc1/{shop.one.instance}": "unchanged"}
    assert shop.snapshot() == before


def test_a_client_that_was_started_since(bench: Bench, run: Run) -> None:
    """The plan was made while it stood still: it would replace the program under a clerk's hands."""
    shop = open_shop(bench, run, "3.0.0")
    save(shop)
    shop.do("start")
    before = shop.snapshot()
    done = apply(run, 4)
    assert codes(done) == ["plan-stale"]
    assert shop.snapshot() == before
    assert shop.backups() == []
    assert shop.do("status")["answering"] is True


def test_a_client_that_was_stopped_since(bench: Bench, run: Run) -> None:
    shop = open_shop(bench, run, "3.0.0", running=True)
    save(shop)
    shop.do("stop")
    assert [step["name"] for step in steps_of(apply(run, 0))][:3] == ["backup", "rehearse", "lantai-3.1.0.tar.gz"]
    assert shop.versions == ("3.1.0", "3.1.0")


def test_invoices_that_were_issued_since_do_not_make_it_stale(bench: Bench, run: Run) -> None:
    """Work went on between approval and the evening: the backup holds it, and nothing is lost."""
    shop = open_shop(bench, run, "3.0.0", running=True)
    save(shop)
    shop.log_in()
    shop.issue()
    rows = shop.rows()
    apply(run, 0)
    assert shop.versions == ("3.1.0", "3.1.0")
    assert shop.rows() == rows
    (backup,) = shop.backups()
    assert sum(row["count"] for row in backup["note"]["ledger"]) == sum(count for count, *_ in rows.values())
