"""A fleet of which no two PCs are alike: each host and instance has one status, the worst decides the exit code."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from lantai_support import codes, statuses, valid
from scenario_bench import TAXPAYER, Bench
from scenario_cases import Run

from lab.lantai.uscc import usccs

#: A client that is nothing but a settings file, and a disk that is a JSON file: no program has to be started.
PRODUCT = """\
product: mini
title: {en: Mini, zh: 迷你}
instance:
  id: "{{ instance.taxpayer }}"
  fields:
    taxpayer: {type: taxpayer, required: true}
    disk: {type: digits12, required: true}
present:
  module: file
  with: {path: "/dev/taxdisk/{{ instance.disk }}.json"}
  field: mode
device:
  module: inquiry
  with: {argv: [/bin/cat, "{{ facts.prefix }}/dev/taxdisk/{{ instance.disk }}.json"]}
  field: answer
parameters:
  taxpayer:
    path: parameters.taxpayer
    label: {en: taxpayer id, zh: 税号}
    type: taxpayer
    kind: mirrored
    identity: taxpayer
    device: taxpayer
  name:
    path: parameters.name
    label: {en: company name, zh: 单位名称}
    type: text
    kind: settable
    module: ini
    with: {path: "/etc/{{ instance.taxpayer }}.ini", section: a, option: name}
    field: value
"""
PLAYBOOK = """\
- hosts: all
  product: mini
  state: {parameters: {name: right}}
"""
DISK, OTHER = "009900000001", "009900000002"
STRANGER, SECOND, *OTHERS = usccs(31, 12)


class Fleet:
    """PCs by what is the matter with them."""

    def __init__(self, bench: Bench, run: Run) -> None:
        self.bench = bench
        self._run = run
        self.hosts: dict[str, dict[str, Any]] = {}
        self.taxpayers: dict[str, str] = {}
        bench.write({"products/mini.yml": PRODUCT, "playbook.yml": PLAYBOOK})

    def pc(
        self, name: str, *, company: str = "wrong", issued_for: str | None = None, plugged: bool = True, **more: Any
    ) -> None:
        """Add a PC that is reached locally."""
        root = self.bench.folder / name
        taxpayer, disk = self._own(name)
        for folder in ("etc", "dev/taxdisk"):
            (root / folder).mkdir(parents=True)
        for each in (taxpayer, SECOND):
            (root / "etc" / f"{each}.ini").write_text(f"[a]\nname={company}\n")
        if plugged:
            (root / "dev/taxdisk" / f"{disk}.json").write_text(json.dumps({"taxpayer": issued_for or taxpayer}))
        self.hosts[name] = {
            "ansible_connection": "local",
            "guiwei_root": str(root),
            "guiwei_state_dir": str(self.bench.folder / f"{name}.state"),
            "instances": [{"taxpayer": taxpayer, "disk": disk}],
            **more,
        }

    def _own(self, name: str) -> tuple[str, str]:
        """Give a PC a taxpayer and a disk of its own."""
        number = len(self.taxpayers)
        self.taxpayers[name] = TAXPAYER if number == 0 else OTHERS[number]
        return self.taxpayers[name], f"{int(DISK) + 10 * number:012d}"

    def dead(self, name: str, port: int) -> None:
        """Add a PC that nobody answers for."""
        taxpayer, disk = self._own(name)
        self.hosts[name] = {
            "ansible_host": "127.0.0.1",
            "ansible_port": port,
            "ansible_password": "x",
            "instances": [{"taxpayer": taxpayer, "disk": disk}],
        }

    def company(self, name: str, taxpayer: str | None = None) -> str:
        """The company's name in the client's settings, as it is now."""
        text = (self.bench.folder / name / "etc" / f"{taxpayer or self.taxpayers[name]}.ini").read_text()
        return text.partition("name=")[2].strip()

    def call(self, code: int, *words: str) -> Any:
        """Run one command on the fleet and return its document, which gives each host once."""
        self.bench.write({"hosts.yml": yaml.safe_dump({"all": {"hosts": self.hosts}}, sort_keys=False)})
        result = self._run(words[0], "playbook.yml", "-i", "hosts.yml", *words[1:], "--json")
        assert "Traceback" not in result.err, result.err
        assert result.code == code, result
        document = valid("plan" if words[0] == "plan" else "run", json.loads(result.out))
        assert [host["host"] for host in document["hosts"]] == list(self.hosts)
        return document

    def runs(self) -> dict[str, int]:
        """The statuses that the history has of the last run."""
        statuses: dict[str, int] = json.loads(self._run("runs", "--json").out)["runs"][0]["statuses"]
        return statuses


@pytest.fixture
def fleet(bench: Bench, run: Run) -> Fleet:
    return Fleet(bench, run)


@contextmanager
def silent() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def closed() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def hosts_of(document: Any) -> dict[str, str]:
    return {name: status for name, status in statuses(document).items() if "/" not in name}


def mixed(fleet: Fleet, port: int) -> None:
    fleet.dead("dead", port)
    fleet.dead("gone", closed())
    fleet.pc("stranger", issued_for=STRANGER)
    fleet.pc("old")
    fleet.pc("good", company="right")
    fleet.pc("unplugged", plugged=False)


APPLIED = {"dead": "unreachable", "gone": "unreachable", "stranger": "refused", "old": "changed", "good": "unchanged",
           "unplugged": "pending"}  # fmt: skip


@pytest.mark.parametrize("forks", ["1", "4"])
def test_each_host_has_its_own_status(fleet: Fleet, forks: str) -> None:
    with silent() as port:
        mixed(fleet, port)
        document = fleet.call(5, "plan", "-T", "0.3", "-f", forks)
        assert hosts_of(document) == {**APPLIED, "old": "differs"}
        assert [fleet.company(name) for name in ("old", "good")] == ["wrong", "right"]
        document = fleet.call(5, "apply", "--yes", "-T", "0.3", "-f", forks)
    assert hosts_of(document) == APPLIED
    found = statuses(document)
    assert {name: found[f"{name}/{fleet.taxpayers[name]}"] for name in list(APPLIED)[2:]} == {
        name: APPLIED[name] for name in list(APPLIED)[2:]
    }
    assert [fleet.company(name) for name in ("stranger", "old", "good", "unplugged")] == [
        "wrong",
        "right",
        "right",
        "wrong",
    ]
    assert fleet.runs() == {"unreachable": 2, "refused": 1, "changed": 1, "unchanged": 1, "pending": 1}
    assert {"identity-mismatch", "connect-timeout", "connect-refused"} <= set(codes(document))


@pytest.mark.parametrize(
    ("without", "plan", "apply"),
    [
        ((), 5, 5),
        (("dead",), 4, 4),
        (("dead", "stranger"), 3, 0),
        (("dead", "stranger", "old"), 0, 0),
        (("dead", "stranger", "old", "good"), 0, 0),
    ],
    ids=["unreachable", "refused", "differs", "unchanged", "pending"],
)
def test_the_worst_decides_the_exit_code(fleet: Fleet, without: tuple[str, ...], plan: int, apply: int) -> None:
    mixed(fleet, closed())
    for name in (*without, *(("gone",) if without else ())):
        del fleet.hosts[name]
    fleet.call(plan, "plan")
    fleet.call(apply, "apply", "--yes")


def test_verify_tells_the_same_of_a_host_that_waits_for_its_disk(fleet: Fleet) -> None:
    fleet.pc("unplugged", plugged=False)
    for words in (("plan",), ("apply", "--yes"), ("verify",)):
        found = statuses(fleet.call(0, *words))
        assert found == {"unplugged": "pending", f"unplugged/{TAXPAYER}": "pending"}


def test_two_companies_on_one_pc_wait_for_each_other(fleet: Fleet) -> None:
    """One disk is plugged in at a time: its company is worked on, the other one waits and is not touched."""
    both = [{"taxpayer": TAXPAYER, "disk": DISK}, {"taxpayer": SECOND, "disk": OTHER}]
    fleet.pc("both", instances=both)
    found = statuses(fleet.call(0, "apply", "--yes"))
    assert found == {"both": "changed", f"both/{TAXPAYER}": "changed", f"both/{SECOND}": "pending"}
    assert (fleet.company("both"), fleet.company("both", SECOND)) == ("right", "wrong")
    disks = fleet.bench.folder / "both/dev/taxdisk"
    (disks / f"{DISK}.json").unlink()
    (disks / f"{OTHER}.json").write_text(json.dumps({"taxpayer": SECOND}))
    found = statuses(fleet.call(0, "apply", "--yes"))
    assert found == {"both": "changed", f"both/{TAXPAYER}": "pending", f"both/{SECOND}": "changed"}
    assert fleet.company("both", SECOND) == "right"


def test_a_refused_company_refuses_its_host_before_anything_is_written(fleet: Fleet) -> None:
    both = [{"taxpayer": TAXPAYER, "disk": DISK}, {"taxpayer": SECOND, "disk": OTHER}]
    fleet.pc("both", instances=both)
    (fleet.bench.folder / "both/dev/taxdisk" / f"{OTHER}.json").write_text(json.dumps({"taxpayer": STRANGER}))
    found = statuses(fleet.call(4, "apply", "--yes"))
    assert (found["both"], found[f"both/{SECOND}"]) == ("refused", "refused")
    assert fleet.company("both") == "wrong"


def test_a_dead_host_holds_nobody_up(fleet: Fleet) -> None:
    """It answers nothing until all others are done: were they held up by it, nobody would ever be."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        fleet.dead("dead", server.getsockname()[1])
        names = [f"pc{number}" for number in range(4)]
        for name in names:
            fleet.pc(name)
        ended = threading.Event()

        def hold() -> None:
            connection, _ = server.accept()
            with connection:
                while not ended.wait(0.02) and any(fleet.company(name) != "right" for name in names):
                    pass

        thread = threading.Thread(target=hold)
        thread.start()
        try:
            document = fleet.call(5, "apply", "--yes", "-T", "60", "-f", "2")
        finally:
            ended.set()
            thread.join()
    assert hosts_of(document) == {"dead": "unreachable", **dict.fromkeys(names, "changed")}


def test_a_person_reads_each_status_in_both_languages(fleet: Fleet, run: Run) -> None:
    mixed(fleet, closed())
    fleet.call(5, "plan")
    for lang, words in (("en", ("unreachable", "refused", "changed", "unchanged", "pending")),
                        ("zh", ("无法连接", "已拒绝", "已变更", "无变化", "待处理"))):  # fmt: skip
        result = run("apply", "playbook.yml", "-i", "hosts.yml", "--yes", lang=lang)
        assert result.code == 5
        assert all(word in result.out for word in words), result.out
        assert all(name in result.out for name in fleet.hosts)


def test_steps_of_a_host_stop_at_the_first_that_fails(fleet: Fleet) -> None:
    for name in ("pc1", "pc2"):
        fleet.pc(name)
    fleet.bench.write({"playbook.yml": PLAYBOOK + """\
  tasks:
    - file: {path: /etc/one, content: one}
    - command: {argv: [/bin/sh, -c, "test -e {{ guiwei_root }}/etc/allowed"], creates: /etc/allowed}
    - file: {path: /etc/two, content: two}
"""})  # fmt: skip
    (fleet.bench.folder / "pc2/etc/allowed").touch()
    document = fleet.call(5, "apply", "--yes")
    assert hosts_of(document) == {"pc1": "failed", "pc2": "changed"}
    files = {name: sorted(path.name for path in Path(fleet.bench.folder, name, "etc").iterdir() if len(path.name) < 8)
             for name in ("pc1", "pc2")}  # fmt: skip
    assert files == {"pc1": ["one"], "pc2": ["allowed", "one", "two"]}
