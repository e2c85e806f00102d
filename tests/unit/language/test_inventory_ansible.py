"""Inventories, patterns and vault texts against real ansible-core.

`cases/` holds inventories with what ansible-core 2.19.14 made of each (`ansible.json`); run this file as a program
to write those anew. The differential tests put the same question to the ansible-core of this environment, over the
cases and over generated inventories; CI installs it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import ansible_cli
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from guiwei.language.inventory import load_inventory, to_graph, to_host, to_list
from guiwei.language.patterns import select
from guiwei.language.vault import Keyring, decrypt, encrypt
from guiwei.language.vault_files import encrypt_string
from guiwei.model.inventory import Inventory

CASES = Path(__file__).parent / "cases"
NAMES = sorted(path.name for path in CASES.iterdir())
NEEDS_ANSIBLE = pytest.mark.skipif(
    not ansible_cli.available(), reason="ansible-core is not installed (it is part of the extra `test`)"
)


class Case:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.question: dict[str, Any] = json.loads((folder / "case.json").read_text("utf-8"))

    def inventories(self) -> list[Path]:
        return [self._path(name) for name in self.question["inventories"]]

    def playbook_dir(self) -> Path | None:
        name = self.question["playbook_dir"]
        return self.folder / name if name else None

    def commands(self) -> list[list[str]]:
        sources = [part for path in self.inventories() for part in ("-i", str(path))]
        playbook = self.playbook_dir()
        beside = ["--playbook-dir", str(playbook)] if playbook else []
        return [
            ["inventory", *sources, *beside, "--list"],
            ["inventory", *sources, *beside, "--graph"],
            *(["inventory", *sources, *beside, "--host", host] for host in self.question["hosts"]),
            *(["adhoc", *sources, pattern, "--list-hosts"] for pattern in self.question["patterns"]),
        ]

    def answer(self, results: list[tuple[int, str, str]]) -> dict[str, Any]:
        assert all(code == 0 for code, _, _ in results), results
        outputs = iter([out for _, out, _ in results])
        return {
            "list": _without_profile(json.loads(next(outputs))),
            "graph": next(outputs).rstrip("\n"),
            "hosts": {host: json.loads(next(outputs)) for host in self.question["hosts"]},
            "patterns": {pattern: _host_lines(next(outputs)) for pattern in self.question["patterns"]},
        }

    def ours(self) -> dict[str, Any]:
        inventory = load_inventory(self.inventories(), None, self.playbook_dir())
        return {
            "list": _without_profile(to_list(inventory)),
            "graph": to_graph(inventory),
            "hosts": {host: to_host(inventory, host) for host in self.question["hosts"]},
            "patterns": {pattern: _names(inventory, pattern) for pattern in self.question["patterns"]},
        }

    def _path(self, name: str) -> Path:
        return Path(name) if "," in name else self.folder / name


def _without_profile(listing: dict[str, Any]) -> dict[str, Any]:
    """Leave out what only ansible-core 2.19 and later write."""
    listing["_meta"].pop("profile", None)
    return listing


def _host_lines(output: str) -> list[str]:
    return [line.strip() for line in output.splitlines()[1:]]


def _names(inventory: Inventory, pattern: str) -> list[str]:
    return [host.name for host in select(inventory, pattern)]


@pytest.mark.parametrize("name", NAMES)
def test_a_case_reads_as_ansible_core_2_19_14_reads_it(name: str) -> None:
    case = Case(CASES / name)
    golden = json.loads((case.folder / "ansible.json").read_text("utf-8"))
    assert json.loads(json.dumps(case.ours())) == golden


@NEEDS_ANSIBLE
def test_the_cases_read_as_the_ansible_here_reads_them() -> None:
    cases = [Case(CASES / name) for name in NAMES]
    results = ansible_cli.run([command for case in cases for command in case.commands()])
    for case in cases:
        count = len(case.commands())
        theirs, results = case.answer(results[:count]), results[count:]
        assert json.loads(json.dumps(case.ours())) == theirs, case.folder.name


@NEEDS_ANSIBLE
def test_generated_inventories_read_as_ansible_reads_them(tmp_path: Path) -> None:
    fleets: list[dict[str, Any]] = []

    @settings(max_examples=40, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(_fleet())
    def collect(fleet: dict[str, Any]) -> None:
        fleets.append(fleet)

    collect()
    paths = []
    for number, fleet in enumerate(fleets):
        folder = tmp_path / str(number)
        folder.mkdir()
        _write(folder, fleet)
        paths.append(folder / ("hosts.yml" if fleet["yaml"] else "hosts.ini"))
    results = ansible_cli.run([["inventory", "-i", str(path), "--list"] for path in paths])
    for path, (code, out, err) in zip(paths, results, strict=True):
        assert code == 0, err
        ours = json.loads(json.dumps(to_list(load_inventory([path]))))
        assert _without_profile(ours) == _without_profile(json.loads(out)), path.read_text("utf-8")


@NEEDS_ANSIBLE
def test_limits_leave_what_ansible_leaves(tmp_path: Path) -> None:
    inventory = CASES / "yaml_groups" / "fleet.yml"
    names = tmp_path / "retry"
    names.write_text("bj01.branch\nsz1\n")
    pairs = [
        ("all", "north"),
        ("north", "bj*,tj1"),
        ("all", "all:!south"),
        ("beijing[1:3]", "bja"),
        ("all", f"@{names}"),
    ]
    results = ansible_cli.run(
        [["adhoc", "-i", str(inventory), pattern, "-l", limit, "--list-hosts"] for pattern, limit in pairs]
    )
    loaded = load_inventory([inventory])
    for (pattern, limit), (_, out, _) in zip(pairs, results, strict=True):
        assert [host.name for host in select(loaded, pattern, limit)] == _host_lines(out), (pattern, limit)


@NEEDS_ANSIBLE
def test_vault_texts_go_both_ways(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("correct horse\n")
    (tmp_path / "theirs").write_bytes("机密: 口令\n".encode())
    (tmp_path / "labelled").write_bytes(b"\x00\x01" * 100)
    (tmp_path / "ours").write_text(encrypt("税盘口令".encode(), b"correct horse"))
    (tmp_path / "ours-labelled").write_text(encrypt(b"x" * 1000, b"correct horse", "branch"))
    value = encrypt_string("a value", b"correct horse", None, "pin")
    (tmp_path / "vars.yml").write_text(f"all:\n  hosts: pc1\n  vars:\n    {value.replace(chr(10), chr(10) + '    ')}\n")
    unlock = ["--vault-id", f"branch@{tmp_path / 'password'}", "--vault-password-file", str(tmp_path / "password")]
    results = ansible_cli.run(
        [
            ["vault", "encrypt", "--vault-password-file", str(tmp_path / "password"), str(tmp_path / "theirs")],
            ["vault", "encrypt", *unlock, "--encrypt-vault-id", "branch", str(tmp_path / "labelled")],
            ["vault", "view", *unlock, str(tmp_path / "ours")],
            ["vault", "decrypt", *unlock, "--output", str(tmp_path / "out"), str(tmp_path / "ours-labelled")],
            ["adhoc", "-i", str(tmp_path / "vars.yml"), *unlock, "pc1", "-c", "local", "-m", "debug", "-a", "var=pin"],
        ]
    )
    assert [code for code, _, _ in results] == [0] * 5, results
    keyring = Keyring.from_options([tmp_path / "password"])
    assert decrypt((tmp_path / "theirs").read_text(), keyring) == "机密: 口令\n".encode()
    labelled = (tmp_path / "labelled").read_text()
    assert labelled.startswith("$ANSIBLE_VAULT;1.2;AES256;branch\n")
    assert decrypt(labelled, keyring) == b"\x00\x01" * 100
    assert "税盘口令" in results[2][1]
    assert (tmp_path / "out").read_bytes() == b"x" * 1000
    assert '"pin": "a value"' in results[4][1]


_GROUPS = ["north", "south", "beijing", "shenzhen", "office"]  # a parent comes before its children: no cycles
_HOSTS = ["pc1", "pc2.bj", "192.0.2.7", "gate:2222", "n[1:3]", "n[01:05:2].sh", "x[a:b]y[1:2]", "[2001:db8::1]:22"]
_VARS = ["product", "area", "ansible_port", "retries"]
_VALUES = st.sampled_from(["text", "two words", "", 1, 0, 2.5, True, False, None, ["a", 1], {"k": "v"}, "{{ area }}"])


def _variables() -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(_VARS), _VALUES, max_size=3)


@st.composite
def _fleet(draw: st.DrawFn) -> dict[str, Any]:
    groups = {}
    names = draw(st.lists(st.sampled_from(_GROUPS), unique=True, min_size=1))
    for name in ["all", *names]:
        groups[name] = {
            "hosts": draw(st.dictionaries(st.sampled_from(_HOSTS), _variables(), max_size=3)),
            "vars": draw(_variables()),
            "children": [
                child
                for child in names
                if name != "all" and _GROUPS.index(child) > _GROUPS.index(name) and draw(st.booleans())
            ],
        }
        if name != "all" and draw(st.booleans()):
            groups[name]["vars"]["ansible_group_priority"] = draw(st.integers(0, 3))
    files = st.dictionaries(st.sampled_from(["all", "ungrouped", *_GROUPS]), _variables(), max_size=3)
    hosts = st.dictionaries(st.sampled_from(["pc1", "n1", "gate"]), _variables(), max_size=2)
    return {"yaml": draw(st.booleans()), "groups": groups, "group_vars": draw(files), "host_vars": draw(hosts)}


def _write(folder: Path, fleet: dict[str, Any]) -> None:
    for kind in ("group_vars", "host_vars"):
        (folder / kind).mkdir()
        for name, variables in fleet[kind].items():
            (folder / kind / f"{name}.yml").write_text(json.dumps(variables), "utf-8")
    if fleet["yaml"]:
        document = {
            name: group | {"children": dict.fromkeys(group["children"])} for name, group in fleet["groups"].items()
        }
        (folder / "hosts.yml").write_text(json.dumps(document), "utf-8")
        return
    lines = []
    for name, group in fleet["groups"].items():
        lines += [f"[{name}]"]
        for host, variables in group["hosts"].items():
            lines.append(" ".join([host, *(f'{key}="{value!r}"' for key, value in variables.items())]))
        lines += [f"[{name}:vars]", *(f"{key} = {value!r}" for key, value in group["vars"].items())]
        lines += [f"[{name}:children]", *group["children"]]
    (folder / "hosts.ini").write_text("\n".join(lines) + "\n", "utf-8")


def _rewrite() -> None:
    for name in NAMES:
        case = Case(CASES / name)
        answer = case.answer(ansible_cli.run(case.commands()))
        text = json.dumps(answer, indent=1, ensure_ascii=False, sort_keys=True)
        (case.folder / "ansible.json").write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(_rewrite())
