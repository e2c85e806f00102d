"""Steps of people: the host waits, says for what, and goes on when it is done; evidence is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from lantai_support import codes, errors_in, statuses, steps_of, valid
from scenario_bench import Bench
from scenario_cases import Run
from timely import Fleet

PLAY = """\
- hosts: all
  tasks:
    - file: {path: /etc/first.txt, content: "1\\n"}
      notify: note
    - name: log in
      person: {do: "Log in, {{ inventory_hostname }}"%s}
    - file: {path: /etc/second.txt, content: "2\\n"}
      notify: note
  handlers:
    - name: note
      command: {argv: [/bin/sh, -c, "echo x >> '@ROOT@/etc/handled'"]}
"""


@pytest.fixture
def fleet(bench: Bench, run: Run) -> Fleet:
    made = Fleet(bench, run, "pc1")
    made.hosts["pc1"]["guiwei_root"] = str(bench.root)
    write(made)
    return made


def write(fleet: Fleet, more: str = "") -> None:
    fleet.play(PLAY % more)


def names(document: Any) -> list[tuple[str, str]]:
    return [(step["name"], step["status"]) for step in steps_of(document)]


def done(fleet: Fleet, code: int, *words: str) -> Any:
    found = fleet._run("done", *words, "--json")
    assert found.code == code, (found.out, found.err)
    return json.loads(found.out)


def test_a_host_waits_and_what_follows_waits(fleet: Fleet) -> None:
    plan = valid("plan", fleet.plan(3))
    assert [step["kind"] for step in steps_of(plan)] == ["add", "person", "add", "run"]
    document = valid("run", fleet.apply(0))
    assert statuses(document) == {"pc1": "waiting"}
    # The handler of what was done ran; the second file was not touched.
    assert names(document) == [("file", "changed"), ("log in", "waiting"), ("note", "changed")]
    assert (fleet.read("etc/first.txt"), fleet.read("etc/second.txt")) == ("1\n", None)
    assert fleet.read("etc/handled") == "x\n"
    # Nothing can be done before the person: no difference that a plan could mend, exit 0.
    plan = fleet.plan(0)
    assert statuses(plan) == {"pc1": "waiting"}
    assert [step["kind"] for step in steps_of(plan)] == ["person", "add", "run"]
    again = fleet.apply(0)
    assert names(again) == [("log in", "waiting"), ("note", "skipped")]
    assert fleet.json(0, "verify", "play.yml")["hosts"][0]["status"] == "waiting"

    done(fleet, 0, "pc1", "log in")
    assert [step["kind"] for step in steps_of(fleet.plan(3))] == ["add", "run"]
    assert statuses(fleet.apply(0)) == {"pc1": "changed"}
    assert (fleet.read("etc/second.txt"), fleet.read("etc/handled")) == ("2\n", "x\nx\n")
    fleet.plan(0)
    assert statuses(fleet.apply(0)) == {"pc1": "unchanged"}


def test_what_waits_is_shown_in_both_languages(fleet: Fleet) -> None:
    write(fleet, ", evidence: Photo of the screen")
    shown = fleet.guiwei("plan", "play.yml").out
    assert "☞ log in" in shown
    assert "Log in, pc1" in shown
    assert "Evidence: Photo of the screen" in shown
    ended = fleet.guiwei("apply", "play.yml", "--yes")
    assert ended.code == 0
    assert "When it is done: guiwei done pc1 'log in' --evidence …" in ended.out
    assert "1 waiting" in ended.out
    for lang, word in (("en", "to do"), ("zh", "需完成")):
        listed = fleet._run("done", lang=lang)
        assert (listed.code, "Log in, pc1" in listed.out, word in listed.out) == (0, True, True)
    assert "完成后：guiwei done" in fleet.guiwei("apply", "play.yml", "--yes", lang="zh").out
    assert done(fleet, 0, "pc2") == {"waiting": []}


def test_evidence_is_kept(fleet: Fleet, bench: Bench) -> None:
    write(fleet, ", evidence: Photo of the screen")
    run = fleet.apply(0)["run"]
    document = done(fleet, 2, "pc1", "log in")
    assert codes(document) == ["done-no-evidence"]
    photo = bench.work / "屏幕 1.png"
    photo.write_bytes(b"\x89PNG...")
    told = done(fleet, 0, "pc1", "log in", "--evidence", str(photo))["done"]
    photo.unlink()
    kept = Path(told["file"])
    assert (kept.read_bytes(), kept.stat().st_mode & 0o777) == (b"\x89PNG...", 0o600)
    assert kept.is_relative_to(bench.folder / "home" / "guiwei")
    assert (told["run"], told["name"], told["wanted"], told["said"]) == (run, "log in", "Log in, pc1", None)
    assert told["who"]
    assert fleet.apply(0)["hosts"][0]["status"] == "changed"


def test_a_text_is_evidence_too(fleet: Fleet) -> None:
    write(fleet, ", evidence: Who was there")
    fleet.apply(0)
    told = done(fleet, 0, "pc1", "log", "--evidence", "张三 at 10:00")["done"]
    assert (told["said"], told["file"]) == ("张三 at 10:00", None)


def test_what_does_not_wait_is_not_done(fleet: Fleet) -> None:
    assert codes(done(fleet, 2, "pc1", "log in")) == ["done-not-waiting"]
    fleet.apply(0)
    error = errors_in(done(fleet, 2, "pc1", "logout"))[0]
    assert (error["code"], error["args"]["waiting"]) == ("done-not-waiting", "log in")
    done(fleet, 0, "pc1", "log in")
    assert codes(done(fleet, 2, "pc1", "log in")) == ["done-not-waiting"]


def test_the_pc_itself_may_show_that_it_is_done(fleet: Fleet, bench: Bench) -> None:
    write(fleet, ', done_when: {module: file, with: {path: "/etc/{{ facts.system }}-on"}, field: mode}')
    assert statuses(fleet.apply(0)) == {"pc1": "waiting"}
    (bench.root / "etc" / "linux-on").touch()
    assert statuses(fleet.plan(3)) == {"pc1": "differs"}
    assert statuses(fleet.apply(0)) == {"pc1": "changed"}
    # Nothing waits any more, though nobody said anything.
    assert done(fleet, 0) == {"waiting": []}
    fleet.plan(0)
    # And if it is undone, it is wanted again.
    (bench.root / "etc" / "linux-on").unlink()
    assert statuses(fleet.plan(0)) == {"pc1": "waiting"}


def test_what_an_earlier_step_brings_about_is_not_waited_for(fleet: Fleet) -> None:
    write(fleet, ', done_when: {module: file, with: {path: /etc/first.txt}, field: content, value: "1\\n"}')
    document = fleet.apply(0)
    assert statuses(document) == {"pc1": "changed"}
    assert names(document)[1] == ("log in", "unchanged")
    assert fleet.read("etc/second.txt") == "2\n"


def test_another_text_is_another_request(fleet: Fleet) -> None:
    fleet.apply(0)
    done(fleet, 0, "pc1", "log in")
    fleet.apply(0)
    fleet.play((PLAY % "").replace("Log in,", "Log in once more,"))
    assert statuses(fleet.plan(0)) == {"pc1": "waiting"}


def test_another_playbook_asks_by_itself(fleet: Fleet) -> None:
    fleet.apply(0)
    done(fleet, 0, "pc1", "log in")
    fleet.play(PLAY % "", "other.yml")
    assert statuses(fleet.json(0, "apply", "other.yml", "--yes")) == {"pc1": "waiting"}
    fleet.apply(0)
    assert [each["playbook"].rsplit("/", 1)[1] for each in done(fleet, 0)["waiting"]] == ["other.yml"]


@pytest.mark.parametrize(("then", "waits"), [("2026-12-31T23:59", False), ("2027-01-01T00:00", True)])
def test_what_is_to_be_done_each_month_is_asked_again_in_the_next(
    fleet: Fleet, bench: Bench, then: str, waits: bool
) -> None:
    write(fleet, ", again: month")
    fleet.apply(0)
    from guiwei.cli import done as module

    bench.environ.setattr(module, "now", lambda: "2026-12-01T01:00:00Z")
    done(fleet, 0, "pc1", "log in")
    fleet.now("2026-12-01T10:00")
    fleet.apply(0)
    fleet.now(then)
    assert statuses(fleet.plan(0)) == {"pc1": "waiting" if waits else "unchanged"}


def test_a_saved_plan_goes_on_after_the_person(fleet: Fleet) -> None:
    fleet.apply(0)
    assert fleet.guiwei("plan", "play.yml", "-o", "saved.json").code == 0
    done(fleet, 0, "pc1", "log in")
    ended = fleet._run("apply", "saved.json", "--yes", "--json")
    assert (ended.code, statuses(json.loads(ended.out))) == (0, {"pc1": "changed"})
    assert fleet.read("etc/second.txt") == "2\n"


def test_a_failure_after_a_person_is_a_failure(fleet: Fleet, bench: Bench) -> None:
    fleet.apply(0)
    done(fleet, 0, "pc1", "log in")
    (bench.root / "etc" / "second.txt").mkdir()
    document = fleet.apply(5)
    assert statuses(document) == {"pc1": "failed"}


def test_each_taxpayer_is_waited_for(fleet: Fleet) -> None:
    fleet.hosts["pc1"]["instances"] = [
        {"taxpayer": "91996731333271677W", "machine": n, "orgcode": "990100", "disk": f"00991234567{n}"} for n in "01"
    ]
    bare = "product: own\ntitle: {en: a, zh: b}\nparameters: {}\ninstance:\n"
    bare += "  id: '{{ instance.taxpayer }}.{{ instance.machine }}'\n  fields:\n"
    for name, kind in (("taxpayer", "taxpayer"), ("machine", "machine"), ("orgcode", "digits6"), ("disk", "digits12")):
        bare += f"    {name}: {{type: {kind}, required: true}}\n"
    fleet.play(bare, "products/own.yml")
    fleet.play(
        "- hosts: all\n  product: own\n  tasks:\n"
        "    - person: {name: plug, do: 'Plug disk {{ instance.disk }} in'}\n"
        "    - file: {path: '/etc/{{ instance.machine }}', content: x}\n"
    )
    first = fleet.apply(0)
    assert statuses(first) == {
        "pc1": "waiting", "pc1/91996731333271677W.0": "waiting", "pc1/91996731333271677W.1": "unchanged"
    }  # fmt: skip
    assert [(each["instance"], each["wanted"]) for each in done(fleet, 0)["waiting"]] == [
        ("91996731333271677W.0", "Plug disk 009912345670 in")
    ]
    done(fleet, 0, "pc1", "plug")
    fleet.apply(0)
    done(fleet, 0, "pc1", "plug", "--instance", "91996731333271677W.1")
    assert statuses(fleet.apply(0))["pc1"] == "changed"
    assert (fleet.read("etc/0"), fleet.read("etc/1")) == ("x", "x")


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (", done_when: {modul: file}", "person-done-when"),
        (", done_when: {module: file, field: mode}", "person-done-when-part"),
        (", done_when: {module: fiel, with: {path: /a}, field: mode}", "module-unknown"),
        (", done_when: {module: file, with: {path: /a, content: b}, field: mode}", "product-argument"),
        (", again: daily", "field-choice"),
        (", until: done", "field-unknown"),
    ],
)
def test_a_wrong_step_is_said_before_anything(fleet: Fleet, more: str, code: str) -> None:
    write(fleet, more)
    error = errors_in(fleet.json(2, "check", "play.yml"))[0]
    assert (error["code"], error["place"]["line"]) == (code, 6)


def test_rollback_undoes_what_was_done_before_the_person(fleet: Fleet, bench: Bench) -> None:
    run = fleet.apply(0)["run"]
    fleet.json(0, "rollback", run)
    assert fleet.read("etc/first.txt") is None


def test_what_people_did_can_be_looked_up(fleet: Fleet, bench: Bench) -> None:
    assert done(fleet, 0, "--past") == {"done": []}
    write(fleet, ", evidence: Photo of the screen")
    fleet.apply(0)
    photo = bench.work / "screen.png"
    photo.write_bytes(b"\x89PNG...")
    done(fleet, 0, "pc1", "log in", "--evidence", str(photo))
    (told,) = done(fleet, 0, "pc1", "--past")["done"]
    assert (told["name"], Path(told["file"]).read_bytes()) == ("log in", b"\x89PNG...")
    assert done(fleet, 0, "pc2", "--past") == {"done": []}
    for lang, word in (("en", "who"), ("zh", "登记人")):
        shown = fleet._run("done", "--past", lang=lang)
        assert (shown.code, word in shown.out, "screen.png" in shown.out) == (0, True, True)
    assert codes(done(fleet, 2, "pc1", "log in", "--past")) == ["done-past-alone"]
