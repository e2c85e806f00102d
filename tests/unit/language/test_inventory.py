from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from guiwei.errors import InputError, Place
from guiwei.language.inventory import load_inventory, to_graph, to_host, to_list
from guiwei.language.source import Vaulted
from guiwei.language.vault import Keyring, VaultSecret, encrypt
from guiwei.model.inventory import Inventory
from guiwei.target.secret import MASK, Secret


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return folder


def load(folder: Path, files: dict[str, str], *sources: str, **options: Any) -> Inventory:
    write(folder, files)
    return load_inventory([folder / name for name in sources or [next(iter(files))]], **options)


def ring(**passwords: str) -> Keyring:
    keyring = Keyring()
    for label, password in passwords.items():
        keyring.add(password, label)
    return keyring


def block(text: str, indent: int) -> str:
    return "!vault |\n" + "".join(" " * indent + line + "\n" for line in text.splitlines())


def test_a_fleet_keeps_order_places_and_groups(tmp_path: Path) -> None:
    inventory = load(
        tmp_path, {"h.yml": "region:\n  children:\n    branch:\n      hosts:\n        b:\n        a: {v: 1}\n"}
    )
    assert list(inventory.hosts) == ["b", "a"]
    assert list(inventory.groups) == ["all", "ungrouped", "region", "branch"]
    assert inventory.hosts["a"].groups == ("region", "branch")
    assert inventory.hosts["a"].place == Place(str(tmp_path / "h.yml"), 6, 9)
    assert inventory.groups["region"].children == ("branch",)
    assert inventory.groups["branch"].hosts == ("b", "a")


def test_groups_are_sorted_by_precedence(tmp_path: Path) -> None:
    text = "[z]\npc1\n[a]\npc1\n[a:vars]\nansible_group_priority=2\n[top:children]\nz\n[deep:children]\ntop\n"
    inventory = load(tmp_path, {"hosts": text})
    assert inventory.hosts["pc1"].groups == ("deep", "a", "top", "z")
    assert inventory.groups["a"].priority == 2
    assert "ansible_group_priority" not in inventory.hosts["pc1"].vars


def test_extra_vars_override_everything(tmp_path: Path) -> None:
    files = {"h.yml": "all: {hosts: {pc1: {a: 1, b: 1}}}", "host_vars/pc1.yml": "a: 2\n"}
    inventory = load(tmp_path, files, extra_vars={"a": 3})
    assert inventory.hosts["pc1"].vars == {"a": 3, "b": 1}


def test_group_vars_of_the_model_are_the_groups_own(tmp_path: Path) -> None:
    files = {
        "h.yml": "g: {vars: {a: 1, b: 1}, hosts: {pc1: }}",
        "group_vars/g.yml": "b: 2\n",
        "group_vars/all.yml": "c: 3\n",
    }
    inventory = load(tmp_path, files)
    assert inventory.groups["g"].vars == {"a": 1, "b": 2}
    assert inventory.groups["all"].vars == {"c": 3}


def test_numbers_that_would_change_stay_text_in_ini_too(tmp_path: Path) -> None:
    text = "pc1 a=010 b=3.10 c=914403001234567890 d=1e3 e=0x1A f=12 g=2.5 h=\"[3.10, 7, {'k': 00}]\" i=1j j=-4\n"
    inventory = load(tmp_path, {"hosts": text})
    assert dict(inventory.hosts["pc1"].vars) == {
        "a": "010", "b": "3.10", "c": "914403001234567890", "d": "1e3", "e": "0x1A", "f": 12, "g": 2.5,
        "h": ["3.10", 7, {"k": "00"}], "i": "1j", "j": -4,
    }  # fmt: skip
    # `010` is text for Ansible as well.
    assert [notice.code for notice in inventory.warnings] == ["yaml-differs-number"] * 5


def test_what_ansible_reads_differently_is_noted_for_every_file(tmp_path: Path) -> None:
    files = {
        "h.yml": "all: {hosts: {pc1: {a: yes}}}",
        "group_vars/all.yml": "b: 010\n",
        "host_vars/pc1.yml": "c: 2026-01-15\n",
    }
    inventory = load(tmp_path, files)
    assert [(notice.code, notice.place) for notice in inventory.warnings] == [
        ("yaml-differs-boolean", Place(str(tmp_path / "h.yml"), 1, 24)),
        ("yaml-differs-number", Place(str(tmp_path / "group_vars/all.yml"), 1, 4)),
        ("yaml-differs-date", Place(str(tmp_path / "host_vars/pc1.yml"), 1, 4)),
    ]
    assert inventory.hosts["pc1"].vars == {"a": "yes", "b": "010", "c": "2026-01-15"}


def test_shadowed_files_and_double_names_are_noted(tmp_path: Path) -> None:
    files = {"h.yml": "g: {hosts: {g: {a: 1}}}", "group_vars/g.yml": "b: 1\n", "group_vars/g.json": "{}"}
    inventory = load(tmp_path, files)
    assert [notice.code for notice in inventory.warnings] == ["inventory-host-is-group", "vars-file-shadowed"]
    assert inventory.warnings[1].arguments == {"by": str(tmp_path / "group_vars/g.yml")}


def test_encrypted_values(tmp_path: Path) -> None:
    inline, labelled = encrypt(b"1234", b"right"), encrypt(b"5678", b"other", "office")
    files = {
        "h.yml": f"all:\n  hosts:\n    pc1:\n      pin: {block(inline, 8)}      far: {block(labelled, 8)}",
        "host_vars/pc1/vault.yml": encrypt(b"password: hidden\nport: 22\n", b"right"),
    }
    write(tmp_path, files)
    with pytest.raises(InputError, match="vault-no-password"):
        load_inventory([tmp_path / "h.yml"])
    inventory = load_inventory([tmp_path / "h.yml"], ring(default="right"))
    variables = inventory.hosts["pc1"].vars
    assert variables["pin"] == Secret("1234")
    assert isinstance(variables["pin"], VaultSecret)
    assert isinstance(variables["far"], Vaulted)
    assert variables["password"] == Secret("hidden")
    shown = to_host(inventory, "pc1")
    assert shown["pin"] == {"__ansible_vault": inline}
    assert shown["far"] == {"__ansible_vault": labelled}
    assert (shown["password"], shown["port"]) == (MASK, MASK)
    for secret in ("1234", "5678", "hidden"):
        assert secret not in json.dumps(to_list(inventory)).replace(inline, "").replace(labelled, "")
    with pytest.raises(InputError, match="vault-wrong-password"):
        load_inventory([tmp_path / "h.yml"], ring(default="wrong"))


def test_without_a_password_single_values_stay_locked(tmp_path: Path) -> None:
    text = encrypt(b"1234", b"right")
    inventory = load(tmp_path, {"h.yml": f"all:\n  hosts: pc1\n  vars:\n    pin: {block(text, 6)}"})
    assert isinstance(inventory.hosts["pc1"].vars["pin"], Vaulted)
    assert to_host(inventory, "pc1") == {"pin": {"__ansible_vault": text}}


@pytest.mark.parametrize("name", ["h.yml", "hosts"])
def test_an_inventory_encrypted_as_a_whole_has_secret_variables(tmp_path: Path, name: str) -> None:
    plain = {"h.yml": "g: {hosts: {pc1: {pin: 12}}, vars: {v: w}}", "hosts": "[g]\npc1 pin=12\n[g:vars]\nv=w\n"}[name]
    files = {name: encrypt(plain.encode(), b"right"), "open.yml": "g: {vars: {o: p}}"}
    inventory = load(tmp_path, files, name, "open.yml", keyring=ring(default="right"))
    assert inventory.hosts["pc1"].vars == {"pin": Secret("12"), "v": Secret("w"), "o": "p"}


def test_a_limit_leaves_hosts_out_of_the_list(tmp_path: Path) -> None:
    inventory = load(tmp_path, {"h.yml": "a: {hosts: {pc1: {x: 1}, pc2: {x: 2}}}\nb: {hosts: {pc2: }}"})
    assert to_list(inventory, {"pc1"}) == {
        "_meta": {"hostvars": {"pc1": {"x": 1}}, "profile": "inventory_legacy"},
        "all": {"children": ["ungrouped", "a", "b"]},
        "a": {"hosts": ["pc1"]},
    }


def test_a_graph_of_one_group(tmp_path: Path) -> None:
    inventory = load(tmp_path, {"h.yml": "a: {hosts: {pc1: }, children: {b: {hosts: {pc2: }}}}"})
    assert to_graph(inventory, "a") == "@a:\n  |--@b:\n  |  |--pc2\n  |--pc1"


def test_unknown_names_name_what_is_close(tmp_path: Path) -> None:
    inventory = load(tmp_path, {"h.yml": "branch: {hosts: {pc1: }}"})
    with pytest.raises(InputError) as caught:
        to_host(inventory, "pc2")
    assert (caught.value.code, caught.value.arguments["near"]) == ("inventory-unknown-host", "pc1")
    with pytest.raises(InputError) as caught:
        to_graph(inventory, "brnch")
    assert (caught.value.code, caught.value.arguments["near"]) == ("inventory-unknown-group", "branch")


@pytest.mark.parametrize(
    ("name", "text", "code", "line", "column"),
    [
        ("h.yml", "", "inventory-empty", 1, 1),
        ("h.yml", "- a", "inventory-not-mapping", 1, 1),
        ("h.yml", "plugin: aws_ec2", "inventory-plugin", 1, 1),
        ("h.yml", "g: text", "inventory-group-not-mapping", 1, 4),
        ("h.yml", "g:\n  host: {pc1: }", "inventory-unknown-key", 2, 3),
        ("h.yml", "g: {hosts: [pc1]}", "inventory-not-mapping", 1, 12),
        ("h.yml", "g: {hosts: {pc1: 7}}", "inventory-host-not-mapping", 1, 18),
        ("h.yml", "g: {hosts: {'pc1:': }}", "inventory-bad-host", 1, 13),
        ("h.yml", "g: {hosts: {'pc[1]': }}", "inventory-bad-range", 1, 13),
        ("h.yml", "g: {hosts: {'pc[2:1]': }}", "inventory-bad-range", 1, 13),
        ("h.yml", "g: {hosts: {'pc[01:010]': }}", "inventory-bad-range", 1, 13),
        ("h.yml", "g: {hosts: {'pc[1:9:0]': }}", "inventory-bad-range", 1, 13),
        ("h.yml", "g: {hosts: {'pc[a:3]': }}", "inventory-bad-range", 1, 13),
        ("h.yml", "g: {hosts: {'pc[1:3': }}", "inventory-bad-range", 1, 13),
        ("h.yml", "g: {hosts: {'pc[1:999999999]': }}", "inventory-too-many-hosts", 1, 13),
        ("h.yml", "g: {hosts: {'p[1:999]c[1:999]': }}", "inventory-too-many-hosts", 1, 13),
        ("h.yml", "g: {hosts: {'': }}", "inventory-empty-name", 1, 13),
        ("h.yml", "g: {hosts: {pc1: {a: 1, a: 2}}}", "yaml-duplicate-key", 1, 25),
        ("h.yml", "g: {vars: {ansible_group_priority: high}}", "inventory-bad-priority", 1, 12),
        ("h.yml", "g: {children: {h: {children: {g: }}}}", "inventory-cycle", 1, 16),
        ("h.yml", "g: {children: {g: }}", "inventory-cycle", 1, 16),
        ("h.yml", "g: {children: {ungrouped: }}", "inventory-ungrouped", 1, 16),
        ("h.yml", "g: {children: {all: }}", "inventory-cycle", 1, 16),
        ("hosts", "[g\npc1", "inventory-bad-range", 1, 1),
        ("hosts", "pc1\n[g h]", "inventory-bad-section", 2, 1),
        ("hosts", "[g:kids]", "inventory-bad-section", 1, 1),
        ("hosts", "[g]\npc1 user", "inventory-no-equals", 2, 1),
        ("hosts", "[g]\n  pc1 user='x", "inventory-unclosed-quote", 2, 3),
        ("hosts", "[g]\npc1\n[g:vars]\nuser", "inventory-no-equals", 4, 1),
        ("hosts", "[g:vars]\na=1", "inventory-undefined-group", 1, 1),
        ("hosts", "[g:children]\n\nh", "inventory-undefined-group", 3, 1),
        ("hosts", "[g:children]\nh i", "inventory-bad-child", 2, 1),
        ("hosts", "[g]\n[h]\n[g:children]\nh\n[h:children]\ng", "inventory-cycle", 6, 1),
        ("h.ini", "---\nall:", "inventory-is-yaml", 1, 1),
        ("hosts", "pc1\npc2:", "inventory-bad-host", 2, 1),
        ("h.toml", "[g]", "inventory-toml", 1, 1),
        ("hosts", "#!/bin/sh", "inventory-script", 1, 1),
    ],
)
def test_what_is_wrong_is_named_with_its_place(
    tmp_path: Path, name: str, text: str, code: str, line: int, column: int
) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, {name: text})
    assert (caught.value.code, caught.value.place) == (code, Place(str(tmp_path / name), line, column))


@pytest.mark.parametrize("text", ["a list", "- a", "7"])
def test_a_vars_file_must_be_a_mapping(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, {"h.yml": "all: {hosts: {pc1: }}", "group_vars/all.yml": text})
    assert caught.value.code == "vars-file-not-mapping"
    assert caught.value.place == Place(str(tmp_path / "group_vars/all.yml"), 1, 1)


def test_sources_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="file-unreadable"):
        load_inventory([tmp_path / "nothing.yml"])
    with pytest.raises(InputError, match="inventory-empty"):
        load_inventory([write(tmp_path, {"group_vars/all.yml": "a: 1\n"})])


def test_an_error_never_quotes_a_value(tmp_path: Path) -> None:
    for text in ("pc1 ansible_password hunter2\n", "[g]\npc1\n[g:vars]\nhunter2\n"):
        with pytest.raises(InputError) as caught:
            load(tmp_path, {"hosts": text})
        assert "hunter2" not in str(caught.value.to_wire())


def test_a_thousand_hosts_share_what_their_groups_gave(tmp_path: Path) -> None:
    files = {"h.yml": "g: {hosts: {'pc[0001:1000]': {a: 1}}}", "group_vars/g.yml": "list: [1, 2]\n"}
    inventory = load(tmp_path, files)
    assert len(inventory.hosts) == 1000
    assert inventory.hosts["pc0001"].vars["list"] is inventory.hosts["pc1000"].vars["list"]
