"""A secret from the vault goes to the PC's file, row or program and nowhere else."""

from __future__ import annotations

import base64
import json
import secrets
import sqlite3
import sys
import threading
from contextlib import closing

import pytest
from scenario_bench import INVENTORY, Bench
from scenario_leaks import forms, found_in, inputs_of, processes_showing
from scenario_watch import APPLY, HARD, PLAN, Watch

from guiwei.target.secret import Secret, masked
from lab.endpoint import Endpoint


def last_run(watch: Watch) -> str:
    """Return the newest run's id."""
    result = watch._run("runs", "--json")
    watch.keep("runs", result)
    found: str = json.loads(result.out)["runs"][0]["id"]
    return found


def test_the_search_finds_what_it_should() -> None:
    """The search itself: a leak in any of the forms is found, whatever stands around it."""
    secret = "0123456789" + HARD + "abcdefghij"
    needles = forms(secret)
    for name, needle in needles.items():
        assert name in found_in(b"before " + needle + b" after", needles)
    for before in range(6):
        hidden = base64.b64encode(b"x" * before + secret.encode() + b"after")
        assert any("base64" in name for name in found_in(hidden, needles)), before


def test_a_text_that_is_cut_in_the_middle_of_a_secret_shows_nothing_of_it() -> None:
    parts = [secrets.token_hex(8) for _ in range(3)]
    secret = parts[0] + HARD + parts[1] + "\n" + parts[2]
    # Four letters could be anybody's.
    telling = [part[start : start + 5] for part in parts for start in range(12)]
    for text in (secret, repr(secret), json.dumps(secret), json.dumps(secret, ensure_ascii=False)):
        for place in range(len(text)):
            shown = masked(text[place:] + " end", [Secret(secret)]) + masked("begin " + text[:place], [Secret(secret)])
            assert not any(letters in shown for letters in telling), (place, shown)


def test_the_secret_arrives_where_it_belongs(watch: Watch, bench: Bench) -> None:
    assert watch(*APPLY).code == 0
    hard, plain = watch.secrets.values()
    assert (bench.root / "etc" / "app.conf").read_text() == f"user=clerk\npassword={hard}\nspare={plain}\n"
    ini = (bench.root / "etc" / "client.ini").read_bytes().decode("gbk")
    assert f"口令={hard}" in ini
    assert f"备用={plain}" in ini
    with closing(sqlite3.connect(bench.root / "etc" / "client.db")) as database:
        assert database.execute("SELECT value FROM setting").fetchall() == [(hard,)]
    assert watch.leaks() == []


def test_plan_apply_and_rollback_show_nothing(watch: Watch, bench: Bench) -> None:
    for lang in ("en", "zh"):
        assert watch(*PLAN, lang=lang).code == 3
    assert watch(*PLAN, "--json").code == 3
    assert watch(*PLAN, "-o", "plan.json").code == 3
    assert watch("apply", "plan.json", "--yes").code == 0
    assert watch(*APPLY, "--json").code == 0
    assert watch("verify", "playbook.yml", "-i", "inventory.yml", "--json").code == 0
    # Another password: the old one is what the PC holds now, and the before-value of every change.
    watch.rotate()
    for more in ((), ("--json",), ("-o", "next.json")):
        assert watch(*PLAN, *more).code == 3
    assert watch("apply", "next.json", "--yes", "--json").code == 0
    watch.rotate()
    assert watch(*APPLY).code == 0
    applied = last_run(watch)
    assert watch("rollback", applied, "-i", "inventory.yml").code == 0
    assert watch("rollback", applied, "-i", "inventory.yml", "--json").code == 0
    # Another's change lies over what the run left: the conflict is told without the values.
    assert watch(*APPLY).code == 0
    changed = last_run(watch)
    (bench.root / "etc" / "app.conf").write_text("password=" + next(iter(watch.secrets.values())))
    assert watch("rollback", changed, "-i", "inventory.yml").code == 5
    for argv in ((), ("--json",), (applied,), (applied, "--json"), (changed,), (changed, "--json")):
        watch.keep("runs", watch._run("runs", *argv))
    assert watch.leaks() == []


def test_a_saved_plan_is_stale_when_its_secret_changed(watch: Watch) -> None:
    assert watch(*PLAN, "-o", "plan.json").code == 3
    watch.rotate()
    result = watch("apply", "plan.json", "--yes")
    assert result.code == 4
    assert watch.leaks() == []


@pytest.mark.parametrize(
    "echo",
    [
        "cat",
        "cat >&2",
        'read -r line; echo "refused: $line"',
        "cat; cat /etc/hostname",
        # As programs quote what they complain of, and a long output that is cut in the middle of it.
        f"{sys.executable} -c 'import sys; print([sys.stdin.read()])'",
        f"{sys.executable} -c 'import sys, json; print(json.dumps(sys.stdin.read()))'",
        f"{sys.executable} -c 'import sys; t = sys.stdin.read(); print((t + chr(32)) * 9999)'",
        f"{sys.executable} -c 'import sys; t = sys.stdin.read(); print(chr(120) * 65521 + t)'",
    ],
)
def test_a_command_that_repeats_what_it_is_given_and_fails(watch: Watch, bench: Bench, echo: str) -> None:
    bench.write(
        {
            "playbook.yml": "- hosts: all\n  tasks:\n"
            f"    - command: {{argv: [/bin/sh, -c, {json.dumps(echo + '; exit 3')}], given: '{{{{ hard }}}}'}}\n"
        }
    )
    result = watch(*APPLY)
    assert result.code == 5
    assert "••••••" in result.out
    assert watch(*APPLY, "--json").code == 5
    watch.keep("runs", watch._run("runs", last_run(watch), "--json"))
    assert watch.leaks() == []


FAILURES = {
    "no folder": "- file: {path: /opt/none/app.conf, content: '{{ hard }}'}",
    "no table": "- sqlite: {path: /etc/client.db, table: none, key: {name: a}, row: {value: '{{ hard }}'}}",
    "no column": "- sqlite: {path: /etc/client.db, table: setting, key: {name: a}, row: {none: '{{ hard }}'}}",
    "wrong encoding": "- ini: {path: /etc/client.ini, section: a, option: b, value: '{{ hard }}', encoding: utf-8}",
    "no such character": "- ini: {path: /etc/new.ini, section: a, option: b, value: '{{ hard }}', encoding: latin-1}",
    "not a number": "- tcp: {host: 127.0.0.1, port: '{{ hard }}', open: true}",
    "key field": "- file: {path: '/etc/{{ hard }}', content: x}",
    "environment": "- command: {argv: [/bin/true], environment: {TOKEN: '{{ hard }}'}}",
    "argv": "- command: {argv: [/bin/echo, '{{ hard }}']}",
    "when": "- file: {path: /etc/motd, content: x}\n      when: hard == 'a'",
    "pattern": "- file: {path: /etc/motd, mode: '{{ hard }}'}",
    "filter": "- file: {path: /etc/motd, content: '{{ hard | from_json }}'}",
    "attribute": "- file: {path: /etc/motd, content: '{{ hard.nothing }}'}",
    "index": "- file: {path: /etc/motd, content: '{{ {}[hard] }}'}",
    "loop": "- file: {path: /etc/motd, content: x}\n      loop: '{{ hard.split() }}'",
    "name": "- name: 'log in with {{ hard }}'\n      file: {path: /opt/none/x, content: x}",
    "owner": "- file: {path: /etc/motd, owner: '{{ hard }}'}",
    "handler": "- file: {path: /etc/motd, content: x}\n      notify: '{{ hard }}'",
    "inquiry": "- inquiry: {argv: [/bin/echo, '{{ hard }}'], answer: {a: b}}",
}


@pytest.mark.parametrize("task", FAILURES.values(), ids=FAILURES.keys())
def test_what_goes_wrong_with_a_secret_does_not_show_it(watch: Watch, bench: Bench, task: str) -> None:
    bench.write({"playbook.yml": f"- hosts: all\n  tasks:\n    {task}\n"})
    assert watch(*APPLY).code in (2, 5)
    assert watch(*APPLY, "--json", lang="zh").code in (2, 5)
    watch(*PLAN, "-o", "plan.json")
    watch("check", "playbook.yml", "-i", "inventory.yml")
    assert watch.leaks() == []


def test_inventory_shows_ciphertext(watch: Watch) -> None:
    for argv in (("--list",), ("--host", "pc1"), ("--graph",), ()):
        assert watch("inventory", "-i", "inventory.yml", *argv).code == 0
    assert watch("facts", "-i", "inventory.yml", "--json").code == 0
    assert watch.leaks() == []


SLOW = """\
- hosts: all
  tasks:
    - command: {argv: [/bin/sh, -c, "touch @ROOT@/etc/begun; read -r line; sleep 2"], given: "{{ hard }}"}
    - file: {path: /etc/app.conf, template: app.j2}
"""


@pytest.mark.parametrize("connection", ["local", "ssh"])
def test_no_process_shows_it_while_a_program_runs(watch: Watch, bench: Bench, connection: str) -> None:
    bench.write({"playbook.yml": SLOW})
    if connection == "ssh":
        over_ssh(watch)
    seen: list[str] = []
    looks = []
    inputs: set[str] = set()
    done = threading.Event()
    needles = watch.needles

    def look() -> None:
        while not done.wait(0.02):
            looks.append((bench.root / "etc" / "begun").exists())
            seen.extend(processes_showing(needles))
            inputs.update(inputs_of(f"touch {bench.root}/etc/begun"))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        assert watch(*APPLY).code == 0
    finally:
        done.set()
        thread.join()
    assert sum(looks) > 5
    # What the program is given was never on a disk, not even in a file without a name.
    assert inputs
    assert all("memfd" in target or "pipe" in target for target in inputs), inputs
    assert seen == []
    assert watch.leaks() == []


def over_ssh(watch: Watch) -> None:
    """Reach the PC by SSH with the vault's password."""
    bench = watch.bench
    (password,) = [secret for name, secret in watch.secrets.items() if name.startswith("plain")]
    endpoint = bench.undo.enter_context(Endpoint(bench.folder, users={"clerk": password}, grace=2.0))
    key = endpoint.host_key
    (bench.folder / "known_hosts").write_text(f"[127.0.0.1]:{endpoint.port} {key.get_name()} {key.get_base64()}\n")
    login = (
        f"      ansible_host: 127.0.0.1\n      ansible_port: {endpoint.port}\n      ansible_user: clerk\n"
        f"      ansible_password: '{{{{ plain }}}}'\n      ansible_python_interpreter: {sys.executable}\n"
    )
    bench.write({"inventory.yml": INVENTORY.replace("      ansible_connection: local\n", login)})


def test_a_wrong_login_does_not_show_its_password(watch: Watch, bench: Bench) -> None:
    bench.write({"playbook.yml": SLOW})
    over_ssh(watch)
    watch.rotate()
    result = watch(*APPLY)
    assert result.code == 5
    assert "logging in as clerk failed" in result.out
    assert watch.leaks() == []
