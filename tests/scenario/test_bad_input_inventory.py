"""Wrong inventories, vaults and plan files; the PC stays as it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from scenario_bench import INVENTORY, PASSWORD, PLAYBOOK, TAXPAYER, Bench
from scenario_cases import APPLY, Case, Prepare, Run, check_case, tasks

BRANCH = "- hosts: all\n  product: lantai\n  state: {software: {running: true}}\n"


def hosts(text: str, playbook: str = PLAYBOOK, name: str = "inventory.yml") -> dict[str, str | bytes]:
    """Return the files of a case whose inventory is `text`."""
    return {name: text, "playbook.yml": playbook}


def instances(*entries: str) -> dict[str, str | bytes]:
    """Return the files of a case whose PC has these instances."""
    lines = "".join(f"        - {entry}\n" for entry in entries)
    return hosts(INVENTORY + "      instances:\n" + lines, BRANCH)


def variable(line: str) -> dict[str, str | bytes]:
    """Return the files of a case whose PC has one more variable."""
    return hosts(INVENTORY + f"      {line}\n")


def over_ssh(line: str) -> dict[str, str | bytes]:
    """Return the files of a case whose PC is reached by SSH, with one more variable."""
    return hosts(INVENTORY.replace("connection: local", "connection: ssh") + f"      {line}\n")


INI = ("apply", "playbook.yml", "-i", "hosts.ini", "--yes")
INSTANCE = f"{{taxpayer: {TAXPAYER}, machine: '0', orgcode: '330100', disk: '008800330101'}}"

INVENTORIES = [
    Case("inventory-none", 2, "inventory-none", argv=("apply", "playbook.yml", "--yes")),
    Case("inventory-missing", 2, "file-unreadable", argv=("apply", "playbook.yml", "-i", "nowhere.yml", "--yes")),
    Case("inventory-empty", 2, "inventory-empty", hosts("")),
    Case("inventory-duplicate-key", 2, "yaml-duplicate-key", hosts(INVENTORY + "    pc1: {}\n")),
    Case("inventory-cycle", 2, "inventory-cycle",
         hosts("east:\n  children: {west: }\nwest:\n  children: {east: }\n")),
    Case("inventory-bad-range", 2, "inventory-bad-range", hosts("all:\n  hosts: {'pc[20:01]': }\n")),
    Case("inventory-list-of-hosts", 2, "inventory-not-mapping", hosts("all:\n  hosts: [pc1]\n")),
    Case("inventory-variable-beside-hosts", 2, "inventory-unknown-key",
         hosts("all:\n  hosts: {pc1: }\n  ansible_user: lab\n")),
    Case("ini-bad-line", 2, "inventory-no-equals",
         hosts("[branches]\npc1 ansible_connection local\n", name="hosts.ini"), argv=INI),
    Case("ini-bad-section", 2, "inventory-bad-section", hosts("[branches:host]\npc1\n", name="hosts.ini"), argv=INI),
    Case("ini-undefined-group", 2, "inventory-undefined-group",
         hosts("[east:children]\nwest\n", name="hosts.ini"), argv=INI),
    Case("limit-unknown", 2, "pattern-no-host", argv=(*APPLY, "-l", "pc2")),
    Case("pattern-without-a-host", 2, "pattern-no-host", hosts(INVENTORY, PLAYBOOK.replace("all", "branchs"))),
    Case("limit-leaves-no-host", 2, "limit-no-host",
         hosts(INVENTORY + "    pc2: {}\n", PLAYBOOK.replace("all", "pc2")), argv=(*APPLY, "-l", "pc1")),
    Case("host-unknown", 2, "inventory-unknown-host", argv=("inventory", "-i", "inventory.yml", "--host", "pc7")),
    Case("instance-lacks-a-field", 2, "instance-field-missing",
         instances(f"{{taxpayer: {TAXPAYER}, machine: '0', disk: '008800330101'}}")),
    Case("instance-twice", 2, "instance-twice", instances(INSTANCE, INSTANCE)),
    Case("instance-taxpayer-checksum", 2, "value-uscc-checksum", instances(INSTANCE.replace("W,", "A,"))),
    Case("instance-taxpayer-length", 2, "value-uscc", instances(INSTANCE.replace("7W,", ","))),
    Case("instance-disk-number", 2, "value-quote-digits", instances(INSTANCE.replace("'008800330101'", "8800330101"))),
    Case("instances-not-a-list", 2, "instances-not-a-list", hosts(INVENTORY + "      instances: one\n", BRANCH)),
    Case("connection-unsupported", 2, "connection-unsupported",
         hosts(INVENTORY.replace("connection: local", "connection: winrm"))),
    Case("connection-port", 2, "connection-variable", variable("ansible_port: ssh")),
    Case("connection-become", 2, "connection-variable", variable("ansible_become: maybe")),
    Case("connection-become-method", 2, "become-unsupported",
         variable("ansible_become: true\n      ansible_become_method: su")),
    Case("connection-late", 2, "connection-late", variable("ansible_user: '{{ facts.user }}'")),
    Case("connection-undefined", 2, "template-undefined", variable("ansible_user: '{{ clerk }}'")),
    Case("connection-jump-unreadable", 2, "jump-unreadable", over_ssh("ansible_ssh_common_args: -o ProxyJump=gate:x")),
    Case("connection-proxy-program", 2, "ssh-option-unsupported",
         over_ssh("ansible_ssh_common_args: -o ProxyCommand='nc -x proxy %h %p'")),
    Case("connection-jump-unknown", 2, "jump-unknown", over_ssh("guiwei_jump: pc2")),
    Case("connection-jump-circle", 2, "jump-circle",
         over_ssh("guiwei_jump: gate\n    gate:\n      guiwei_jump: pc1")),
    Case("connection-jump-twice", 2, "jump-twice",
         over_ssh("guiwei_jump: gate\n      ansible_ssh_common_args: -J other\n    gate:")),
]  # fmt: skip


@pytest.mark.parametrize("case", INVENTORIES, ids=lambda case: case.id)
def test_a_wrong_inventory(case: Case, run: Run, bench: Bench) -> None:
    check_case(case, "inventory", run, bench)


# Vault

SECRET = tasks("- file: {path: /etc/motd, content: '{{ pin }}'}\n")
OPEN = (*APPLY, "--vault-password-file", "password")


def sealed(*, vault_id: str | None = None, damage: bool = False, given: str = PASSWORD) -> Prepare:
    """Return what writes a vault variable and a password file."""

    def prepare(bench: Bench, run: Run) -> None:
        text = bench.vaulted("60118325", vault_id)
        if damage:
            text = text[:-9] + "zz\n"
        bench.write({"group_vars/all.yml": f"pin: {text}", "password": given + "\n"})

    return prepare


VAULTS = [
    Case("vault-no-password", 2, "template-vaulted", SECRET, prepare=sealed()),
    Case("vault-no-password-for-the-login", 2, "template-vaulted", variable("ansible_password: '{{ pin }}'"),
         prepare=sealed()),
    Case("vault-wrong-password", 2, "vault-wrong-password", SECRET, OPEN, sealed(given="wrong")),
    Case("vault-damaged", 2, "vault-damaged", SECRET, OPEN, sealed(damage=True)),
    Case("vault-password-of-another-id", 2, "template-vaulted", SECRET, (*APPLY, "--vault-id", "prod@password"),
         sealed(vault_id="test", given="wrong")),
    Case("vault-unknown-id", 2, "vault-unknown-id", {"plain.yml": "a: 1\n", "password": "x\n"},
         ("vault", "encrypt", "plain.yml", "--encrypt-vault-id", "test", "--vault-id", "prod@password"), json=False),
    Case("vault-password-file-missing", 2, "vault-password-file-missing", SECRET,
         (*APPLY, "--vault-password-file", "nowhere"), sealed()),
    Case("vault-password-empty", 2, "vault-empty-password", SECRET, OPEN, sealed(given="")),
    Case("vault-not-a-vault", 2, "vault-not-vault",
         {**SECRET, "group_vars/all.yml": "pin: !vault |\n  60118325\n", "password": "x\n"}, OPEN),
    Case("vault-view-plain-file", 2, "vault-not-vault", {"plain.yml": "a: 1\n", "password": "x\n"},
         ("vault", "view", "plain.yml", "--vault-password-file", "password"), json=False),
    Case("secret-in-a-key", 2, "template-reading-secret", tasks("- file: {path: '/etc/{{ pin }}', content: x}"), OPEN,
         sealed()),
    Case("secret-in-argv", 2, "template-reading-secret", tasks("- command: {argv: [/bin/login, '{{ pin }}']}"), OPEN,
         sealed()),
    Case("secret-in-when", 2, "when-secret", tasks("- file: {path: /etc/motd, content: x}\n  when: pin == '1'"), OPEN,
         sealed()),
]  # fmt: skip


@pytest.mark.parametrize("case", VAULTS, ids=lambda case: case.id)
def test_a_wrong_vault(case: Case, run: Run, bench: Bench) -> None:
    check_case(case, "vault", run, bench)


# Saved plans


def saved(bench: Bench, run: Run) -> None:
    """Save a plan of the sound playbook."""
    assert run("plan", "playbook.yml", "-i", "inventory.yml", "-o", "plan.json").code == 3


def edited(bench: Bench, run: Run) -> None:
    saved(bench, run)
    path = bench.work / "plan.json"
    path.write_text(path.read_text().replace("guiwei was here", "somebody else was here"))


def of_a_later_format(bench: Bench, run: Run) -> None:
    saved(bench, run)
    path = bench.work / "plan.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 2}))


def cut(bench: Bench, run: Run) -> None:
    saved(bench, run)
    path = bench.work / "plan.json"
    path.write_bytes(path.read_bytes()[:200])


def stale(bench: Bench, run: Run) -> None:
    saved(bench, run)
    (bench.root / "etc" / "motd").write_text("somebody was quicker\n")


def another_playbook(bench: Bench, run: Run) -> None:
    saved(bench, run)
    bench.write({"playbook.yml": PLAYBOOK.replace("guiwei was", "guiwei is")})


def another_resource(bench: Bench, run: Run) -> None:
    saved(bench, run)
    bench.write({"playbook.yml": PLAYBOOK.replace("/etc/motd", "/etc/issue")})


def playbook_gone(bench: Bench, run: Run) -> None:
    saved(bench, run)
    (bench.work / "playbook.yml").unlink()


PLAN = ("apply", "plan.json", "--yes")
PLANS = [
    Case("plan-missing", 2, "file-unreadable", argv=PLAN),
    Case("plan-not-a-plan", 2, "plan-not-a-plan", {"plan.json": '{"a": 1}'}, PLAN),
    Case("plan-cut", 2, "plan-not-a-plan", argv=PLAN, prepare=cut),
    Case("plan-edited", 2, "plan-damaged", argv=PLAN, prepare=edited),
    Case("plan-format", 2, "plan-format", argv=PLAN, prepare=of_a_later_format),
    Case("plan-with-inventory", 2, "plan-has-inputs", argv=(*PLAN, "-i", "inventory.yml"), prepare=saved),
    Case("plan-stale", 4, "plan-stale", argv=PLAN, prepare=stale),
    Case("plan-playbook-changed", 4, "plan-inputs-changed", argv=PLAN, prepare=another_playbook),
    Case("plan-resource-gone", 4, "plan-inputs-changed", argv=PLAN, prepare=another_resource),
    Case("plan-playbook-gone", 2, "file-unreadable", argv=PLAN, prepare=playbook_gone),
    Case("plan-out-no-folder", 2, "folder-missing",
         argv=("plan", "playbook.yml", "-i", "inventory.yml", "-o", "nowhere/plan.json")),
]  # fmt: skip


@pytest.mark.parametrize("case", PLANS, ids=lambda case: case.id)
def test_a_wrong_plan(case: Case, run: Run, bench: Bench) -> None:
    check_case(case, "plan", run, bench)


def test_a_plan_is_not_stale_when_something_else_moved(run: Run, bench: Bench) -> None:
    """Only the fields that the plan changes are guarded."""
    bench.write({"inventory.yml": INVENTORY, "playbook.yml": PLAYBOOK})
    saved(bench, run)
    Path(bench.root, "etc", "motd").chmod(0o600)
    Path(bench.root, "etc", "hosts").write_text("127.0.0.1 localhost\n")
    result = run(*PLAN)
    assert result.code == 0, result
    assert (bench.root / "etc" / "motd").read_text() == "guiwei was here\n"
    assert (bench.root / "etc" / "motd").stat().st_mode & 0o777 == 0o600
