"""A secret from the vault goes to the PC's file, row or program and nowhere else."""

from __future__ import annotations

import json
import secrets
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from scenario_bench import INVENTORY, PASSWORD, Bench, Result
from scenario_cases import Run
from scenario_leaks import files_below, forms, found_in, processes_showing

from guiwei.engine import host as engine_host
from guiwei.target.journal import journal_entries
from lab.endpoint import Endpoint

#: Characters that one escaping or another changes.
HARD = "\"\\/&<>中 文+%'"

PLAYBOOK = """\
- hosts: all
  tasks:
    - file: {path: /etc/app.conf, template: app.j2, mode: "0600"}
    - ini: {path: /etc/client.ini, section: 证书, option: 口令, value: "{{ hard }}", encoding: gbk}
    - ini: {path: /etc/client.ini, section: 证书, option: 备用, value: "{{ plain }}", encoding: gbk}
    - sqlite: {path: /etc/client.db, table: setting, key: {name: password}, row: {value: "{{ hard }}"}}
    - command:
        argv: [/bin/sh, -c, "cat >/dev/null; touch @ROOT@/etc/activated"]
        creates: /etc/activated
        given: "{{ hard }}"
    - file: {path: /etc/motd, content: "nothing secret\\n"}
"""

#: The PC's files that hold the secret because the playbook says so.
MANAGED = ("app.conf", "client.ini", "client.db")


class Watch:
    """Everything that was shown, and the secrets that must not be in it."""

    def __init__(self, bench: Bench, run: Run) -> None:
        self.bench = bench
        self._run = run
        self.shown: list[tuple[str, bytes]] = []
        self.secrets: dict[str, str] = {}

    def rotate(self, suffix: str = "") -> None:
        """Write new secrets into the vault; the old ones stay secret."""
        hard, plain = secrets.token_hex(5) + HARD + secrets.token_hex(5) + suffix, secrets.token_urlsafe(18)
        self.secrets[f"hard-{len(self.secrets)}"] = hard
        self.secrets[f"plain-{len(self.secrets)}"] = plain
        text = f"hard: {self.bench.vaulted(hard)}plain: {self.bench.vaulted(plain)}"
        self.bench.write({"group_vars/all.yml": text})

    def __call__(self, *argv: str, lang: str = "en") -> Result:
        """Run a command with the vault's password and keep what it shows."""
        result = self._run(*argv, "--vault-password-file", str(self.bench.folder / "home" / "password"), lang=lang)
        self.keep(" ".join(argv), result)
        return result

    def keep(self, what: str, result: Result) -> None:
        """Note what a command showed."""
        self.shown.append((what, (result.out + "\0" + result.err).encode("utf-8", "surrogatepass")))

    @property
    def needles(self) -> dict[str, bytes]:
        """Every form of every secret, and of the part of it that no escaping changes."""
        made = {}
        for name, secret in self.secrets.items():
            made.update({f"{name}: {form}": needle for form, needle in forms(secret).items()})
            if HARD in secret:
                head, _, tail = secret.partition(HARD)
                made.update({f"{name} head": head.encode(), f"{name} tail": tail.encode()})
        return made

    def leaks(self) -> list[str]:
        """Return every place that shows a secret and must not."""
        needles = self.needles
        found = [f"{what}: {form}" for what, data in self.shown for form in found_in(data, needles)]
        sealed = self._sealed_images()
        # The controller's own folders, the PC's state folder, and the PC itself.
        for path, data in files_below([self.bench.work, self.bench.folder / "home", self.bench.state, self.bench.root]):
            if path in sealed or (path.parent == self.bench.root / "etc" and path.name in MANAGED):
                continue
            found += [f"{path}: {form}" for form in found_in(data, needles)]
        return found

    def _sealed_images(self) -> set[Path]:
        """Return the before-images of the managed files; they are for their owner's eyes alone."""
        images = set()
        for run in self.bench.journals():
            for entry in journal_entries(str(self.bench.state), run):
                if "image" in entry and Path(str(entry.get("path"))).name in MANAGED:
                    images.add(self.bench.state / "runs" / run / "before" / entry["image"])
        for image in images:
            assert image.stat().st_mode & 0o777 == 0o600
            assert image.parent.stat().st_mode & 0o777 == 0o700
        if self.bench.state.exists():
            assert self.bench.state.stat().st_mode & 0o777 == 0o700
        return images


@pytest.fixture
def watch(bench: Bench, run: Run) -> Watch:
    bench.write(
        {
            "inventory.yml": INVENTORY,
            "playbook.yml": PLAYBOOK,
            "app.j2": "user=clerk\npassword={{ hard }}\nspare={{ plain }}\n",
        }
    )
    (bench.folder / "home" / "password").write_text(PASSWORD)
    with closing(sqlite3.connect(bench.root / "etc" / "client.db")) as database, database:
        database.execute("CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT)")
    made = Watch(bench, run)
    made.rotate()
    return made


PLAN = ("plan", "playbook.yml", "-i", "inventory.yml")
APPLY = ("apply", "playbook.yml", "-i", "inventory.yml", "--yes")


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
        import base64

        hidden = base64.b64encode(b"x" * before + secret.encode() + b"after")
        assert any("base64" in name for name in found_in(hidden, needles)), before


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
    done = threading.Event()
    needles = watch.needles

    def look() -> None:
        while not done.wait(0.02):
            looks.append((bench.root / "etc" / "begun").exists())
            seen.extend(processes_showing(needles))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        assert watch(*APPLY).code == 0
    finally:
        done.set()
        thread.join()
    assert sum(looks) > 5
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


# A bug is a traceback, and that shows no secret either.


def break_planning(patch: pytest.MonkeyPatch) -> None:
    def broken(work: object, *_: object) -> None:
        raise RuntimeError(f"planning {work!r}")

    patch.setattr(engine_host, "plan_host", broken)
    patch.setattr(engine_host.HostRun, "planner", staticmethod(broken), raising=False)
    patch.setattr(engine_host.HostRun.__init__, "__defaults__", (broken,))


def break_the_wire(patch: pytest.MonkeyPatch) -> None:
    def broken(step: object, _key: str) -> None:
        raise ValueError(f"sending {step!r}")

    patch.setattr(engine_host, "wire_step", broken)


def break_the_frames(patch: pytest.MonkeyPatch) -> None:
    from guiwei.transport import session

    def broken(self: object, message: object, *_: object) -> None:
        raise KeyError(message)

    patch.setattr(session.Session, "_converse", broken)


@pytest.mark.parametrize("bug", [break_planning, break_the_wire, break_the_frames])
def test_a_bug_shows_no_secret(
    watch: Watch, bench: Bench, bug: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    import traceback

    bug(monkeypatch)
    with pytest.raises((RuntimeError, ValueError, KeyError)) as caught:
        watch(*APPLY)
    text = "".join(traceback.format_exception(caught.value))
    assert "Traceback" in text
    watch.keep("traceback", Result(1, "", text))
    assert watch.leaks() == []


#: What a bug on the PC may say, in the traceback that the controller shows.
SAYINGS = {
    "state": "KeyError(state)",
    "text": "ValueError(state['content'].reveal())",
    "repr": "KeyError(state['content'].reveal())",
    "json": "ValueError(__import__('json').dumps(state['content'].reveal()))",
    "cut": "ValueError(state['content'].reveal()[4:] + 'x' * 8150)",
}


@pytest.fixture(params=SAYINGS.values(), ids=SAYINGS.keys())
def broken_agent(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Send an agent whose `file` type has a bug that tells all it knows."""
    from guiwei.transport import payload

    plain = payload._sources
    before = b"        mode = state.get("

    def sources(folder: object, prefix: str) -> Iterator[tuple[str, bytes]]:
        for name, data in plain(folder, prefix):  # type: ignore[arg-type]
            if name == "guiwei/modules/file.py":
                assert before in data
                data = data.replace(before, b"        raise " + request.param.encode() + b"\n" + before)
            yield name, data

    monkeypatch.setattr(payload, "_sources", sources)
    payload._build.cache_clear()
    yield
    monkeypatch.undo()
    payload._build.cache_clear()


@pytest.mark.usefixtures("broken_agent")
def test_a_bug_on_the_pc_shows_no_secret(watch: Watch) -> None:
    result = watch(*APPLY)
    assert result.code == 5
    assert "outcome" in result.out or "got no answer" in result.out
    assert watch(*APPLY, "--json").code == 5
    assert watch.leaks() == []
