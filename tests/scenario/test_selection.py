"""`--limit`, `--tags`, `-e` and the layers of variables mean what a user of Ansible expects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
import yaml
from lantai_support import steps_of
from scenario_bench import Bench
from scenario_cases import Run

HOSTS = {
    "all": {
        "children": {
            "north": {"hosts": {"pc1": None, "pc2": None}, "children": {"desk": {"hosts": {"pc2": None}}}},
            "south": {"hosts": {"pc3": None, "old9": None}},
        }
    }
}
TAGGED = """\
- hosts: north
  tags: [files]
  tasks:
    - {name: one, file: {path: /etc/one, content: x}}
    - {name: two, file: {path: /etc/two, content: x}, tags: [net, slow]}
    - {name: every, file: {path: /etc/every, content: x}, tags: always}
    - {name: rare, file: {path: /etc/rare, content: x}, tags: [never, rare]}
- hosts: all
  tasks:
    - {name: bare, file: {path: /etc/bare, content: x}}
"""
WHERE = '- hosts: all\n  tasks:\n    - file: {path: /etc/where, content: "{{ where }}"}\n'


class Controller:
    """A controller with four PCs in nested groups."""

    def __init__(self, bench: Bench, run: Run) -> None:
        self.bench = bench
        self._run = run
        for name in ("pc1", "pc2", "pc3", "old9"):
            (bench.folder / name / "etc").mkdir(parents=True)
        connection = {
            "ansible_connection": "local",
            "guiwei_root": f"{bench.folder}/{{{{ inventory_hostname }}}}",
            "guiwei_state_dir": f"{bench.folder}/{{{{ inventory_hostname }}}}.state",
        }
        self.write("inventory/hosts.yml", HOSTS)
        self.write("inventory/group_vars/all/connection.yml", connection)

    def write(self, name: str, content: Any) -> None:
        """Write a file of the controller, YAML of what is no text."""
        text = content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False)
        self.bench.write({name: text})

    def call(self, code: int, *words: str) -> Any:
        result = self._run(*words[:1], "playbook.yml", "-i", "inventory", *words[1:], "--json")
        assert result.code == code, result
        return json.loads(result.out)

    def planned(self, *words: str, code: int = 3) -> dict[str, list[str]]:
        """Return host → names of the tasks that a plan has for it."""
        document = self.call(code, "plan", *words)
        return {host["host"]: [step["name"] for step in steps_of(document, host["host"])] for host in document["hosts"]}

    def contents(self, *words: str) -> dict[str, str]:
        """Return host → what a plan would write into its only file."""
        document = self.call(3, "plan", *words)
        return {host["host"]: steps_of(document, host["host"])[0]["state"]["content"] for host in document["hosts"]}


@pytest.fixture
def controller(bench: Bench, run: Run) -> Controller:
    made = Controller(bench, run)
    made.write("playbook.yml", TAGGED)
    return made


@pytest.mark.parametrize(
    ("limit", "hosts"),
    [
        ("pc1", ["pc1"]),
        ("north", ["pc1", "pc2"]),
        ("pc*", ["pc1", "pc2", "pc3"]),
        ("north,south", ["pc1", "pc2", "pc3", "old9"]),
        ("all:!desk", ["pc1", "pc3", "old9"]),
        ("north:&desk", ["pc2"]),
        ("~^old[0-9]$", ["old9"]),
        ("north[0]", ["pc1"]),
        ("@hosts.retry", ["pc3", "old9"]),
    ],
)
def test_limit(controller: Controller, limit: str, hosts: list[str]) -> None:
    controller.write("hosts.retry", "pc3\nold9\n")
    assert sorted(controller.planned("-l", limit)) == sorted(hosts)


def test_limit_holds_for_every_play_and_for_apply(controller: Controller) -> None:
    controller.call(0, "apply", "--yes", "-l", "pc2")
    files = {name: sorted(path.name for path in (controller.bench.folder / name / "etc").iterdir()) for name in
             ("pc1", "pc2", "pc3", "old9")}  # fmt: skip
    assert files == {"pc1": [], "pc2": ["bare", "every", "one", "two"], "pc3": [], "old9": []}
    assert [path.name for path in controller.bench.folder.glob("*.state")] == ["pc2.state"]
    assert controller.planned("-l", "pc3") == {"pc3": ["bare"]}


@pytest.mark.parametrize("limit", ["nobody", "pc1:!pc1", "nort"])
def test_a_limit_that_leaves_nobody_is_an_error(controller: Controller, limit: str) -> None:
    assert controller.call(2, "plan", "-l", limit)["code"] in ("pattern-no-host", "limit-no-host")


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ((), ["one", "two", "every", "bare"]),
        (("-t", "net"), ["two", "every"]),
        (("-t", "files"), ["one", "two", "every", "rare"]),
        (("-t", "rare"), ["every", "rare"]),
        (("-t", "net,rare"), ["two", "every", "rare"]),
        (("-t", "net", "-t", "rare"), ["two", "every", "rare"]),
        (("-t", "tagged"), ["one", "two", "every"]),
        (("-t", "untagged"), ["every", "bare"]),
        (("-t", "all"), ["one", "two", "every", "bare"]),
        (("--skip-tags", "net"), ["one", "every", "bare"]),
        (("--skip-tags", "slow,always"), ["one", "bare"]),
        (("--skip-tags", "files"), ["bare"]),
        (("-t", "files", "--skip-tags", "net"), ["one", "every", "rare"]),
        (("--skip-tags", "tagged"), ["bare"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_tags(controller: Controller, words: tuple[str, ...], names: list[str]) -> None:
    """What ansible-playbook --list-tasks names for the same playbook (compared with ansible-core 2.19)."""
    assert controller.planned("-l", "pc1", *words) == {"pc1": names}


def test_tags_that_nothing_has_select_nothing_but_always(controller: Controller) -> None:
    assert controller.planned("-l", "pc3", "-t", "nothing", code=0) == {"pc3": []}
    assert controller.planned("-l", "pc1", "-t", "nothing") == {"pc1": ["every"]}


# Variables

#: The weakest first; each is a place where `where` may be said.
LAYERS = (
    "group_vars/all",
    "playbook group_vars/all",
    "parent group",
    "child group",
    "host in the inventory",
    "host_vars",
    "playbook host_vars",
    "play",
    "vars_files",
    "task",
    "extra",
)


def say(controller: Controller, layers: tuple[str, ...]) -> tuple[str, ...]:
    """Let each of these layers say its own name, and return the words for the command line."""
    hosts = json.loads(json.dumps(HOSTS))
    play: dict[str, Any] = {"hosts": "all"}
    task: dict[str, Any] = {"file": {"path": "/etc/where", "content": "{{ where }}"}}
    files = {
        "group_vars/all": "inventory/group_vars/all/where.yml",
        "playbook group_vars/all": "group_vars/all.yml",
        "parent group": "inventory/group_vars/north.yml",
        "child group": "inventory/group_vars/desk.yml",
        "host_vars": "inventory/host_vars/pc2.yml",
        "playbook host_vars": "host_vars/pc2.yml",
    }
    for layer in layers:
        if layer in files:
            controller.write(files[layer], {"where": layer})
    if "host in the inventory" in layers:
        hosts["all"]["children"]["north"]["children"]["desk"]["hosts"]["pc2"] = {"where": "host in the inventory"}
    if "play" in layers:
        play["vars"] = {"where": "play"}
    if "vars_files" in layers:
        controller.write("more.yml", {"where": "vars_files"})
        play["vars_files"] = ["more.yml"]
    if "task" in layers:
        task["vars"] = {"where": "task"}
    controller.write("inventory/hosts.yml", hosts)
    controller.write("playbook.yml", [{**play, "tasks": [task]}])
    return ("-e", "where=extra") if "extra" in layers else ()


@pytest.mark.parametrize("strongest", range(len(LAYERS)), ids=lambda place: LAYERS[place])
def test_the_stronger_layer_wins(controller: Controller, strongest: int) -> None:
    """All weaker layers say something else. The order is the one of Ansible's documents."""
    words = say(controller, LAYERS[: strongest + 1])
    assert controller.contents("-l", "pc2", *words) == {"pc2": LAYERS[strongest]}


def test_a_variable_is_the_hosts_own(controller: Controller) -> None:
    say(controller, ("group_vars/all", "parent group", "child group"))
    assert controller.contents() == {
        "pc1": "parent group",
        "pc2": "child group",
        "pc3": "group_vars/all",
        "old9": "group_vars/all",
    }


@pytest.mark.parametrize(
    ("extra", "content"),
    [
        (("where=a",), "a"),
        (("where='two words' more=x",), "two words"),
        (('{"where": "b"}',), "b"),
        (("@extra.yml",), "c"),
        (("@extra.json",), "d"),
        (("@extra.yml", "where=e"), "e"),
        (("where=e", "@extra.yml"), "c"),
        (("where=no",), "no"),
        (("where=007",), "007"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_extra_variables_in_every_form(controller: Controller, extra: tuple[str, ...], content: str) -> None:
    controller.write("extra.yml", "where: c\n")
    controller.write("extra.json", '{"where": "d"}\n')
    say(controller, ("task", "play"))
    words = [word for text in extra for word in ("-e", text)]
    assert controller.contents("-l", "pc1", *words) == {"pc1": content}


def test_numbers_in_an_extra_mapping_stay_numbers(controller: Controller) -> None:
    controller.write(
        "playbook.yml", "- hosts: pc1\n  tasks:\n    - {name: x, file: {path: /etc/x, content: x}, when: count == 3}\n"
    )
    assert controller.planned("-e", '{"count": 3}') == {"pc1": ["x"]}
    # `k=v` gives texts, as in Ansible.
    assert controller.planned("-e", "count=3", code=0) == {"pc1": []}


def test_several_inventories_are_one(controller: Controller) -> None:
    more: Mapping[str, Any] = {"all": {"children": {"south": {"hosts": {"pc3": {"where": "second inventory"}}}}}}
    controller.write("second/hosts.yml", more)
    controller.write("inventory/group_vars/south.yml", {"where": "first inventory"})
    controller.write("playbook.yml", WHERE)
    assert controller.contents("-i", "second/hosts.yml", "-l", "south") == {
        "pc3": "second inventory",
        "old9": "first inventory",
    }
