"""A real account that is not root and becomes it by sudo, with and without a password."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hosts_bench import Machine
from scenario_bench import Bench
from support.asking import eventually
from support.sshd import Sshd

SUDO = shutil.which("sudo")
pytestmark = pytest.mark.skipif(
    SUDO is None or shutil.which("useradd", path="/usr/sbin:/sbin") is None,
    reason="needs sudo and useradd: apt-get install sudo passwd",
)

PLAYBOOK = """\
- hosts: all
  tasks:
    - directory: {path: "@PLACE@/own"}
    - file: {path: "@PLACE@/own/root-only", content: "secret of the branch\\n", mode: "0600", owner: root, group: root}
    - directory: {path: "@PLACE@/own/for-the-clerk", mode: "0700", owner: "@ACCOUNT@"}
    - ini: {path: "@PLACE@/theirs.ini", section: a, option: b, value: c}
    - command:
        argv: [/bin/sh, -c, "id -un > @PLACE@/own/who"]
        creates: "@PLACE@/own/who"
"""


class Account:
    """A test account on this machine, with a password and a rule for sudo."""

    def __init__(self, rule: str) -> None:
        self.name = f"guiwei-t{random.randrange(16**6):06x}"
        self.password = f"{random.randrange(16**20):020x}"
        self._rules = Path("/etc/sudoers.d", self.name)
        subprocess.run(["/usr/sbin/useradd", "-m", "-s", "/bin/sh", self.name], check=True)
        subprocess.run(["/usr/sbin/chpasswd"], input=f"{self.name}:{self.password}", text=True, check=True)
        self._rules.write_text(f"{self.name} {rule}\nDefaults:{self.name} !syslog, lecture=never\n")
        self._rules.chmod(0o440)

    def processes(self) -> list[str]:
        """Return the ids of its processes."""
        found = subprocess.run(["ps", "-u", self.name, "-o", "pid="], capture_output=True, text=True, check=False)
        return found.stdout.split()

    def remove(self) -> None:
        """Take it away, once nothing of it runs."""
        assert eventually(lambda: not self.processes())
        self._rules.unlink()
        subprocess.run(["/usr/sbin/userdel", "-r", self.name], check=True, stderr=subprocess.DEVNULL)


@pytest.fixture
def open_machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """Yield a machine whose folder every account may enter, which pytest's own folders do not let it."""
    folder = Path(tempfile.mkdtemp(prefix="guiwei-test-sudo-"))
    folder.chmod(0o755)
    bench = Bench(folder, monkeypatch)
    with bench.undo, Sshd(folder) as sshd:
        yield Machine(bench, sshd)
    shutil.rmtree(folder)


@pytest.mark.parametrize("asked", [True, False], ids=["with-password", "without-password"])
def test_an_account_that_becomes_root(open_machine: Machine, asked: bool) -> None:
    machine = open_machine
    account = Account("ALL=(ALL) ALL" if asked else "ALL=(ALL) NOPASSWD: ALL")
    try:
        place = machine.bench.folder / "place"
        place.mkdir()
        (place / "theirs.ini").write_text("[a]\nb = old\n")
        shutil.chown(place / "theirs.ini", account.name, account.name)
        (place / "theirs.ini").chmod(0o644)
        machine.bench.known.update(PLACE=str(place), ACCOUNT=account.name)
        machine.bench.write({"playbook.yml": PLAYBOOK})
        machine.hosts["pc1"].update(
            ansible_user=account.name,
            ansible_become=True,
            # The account may not enter the folder of the tests' own Python.
            ansible_python_interpreter="/usr/bin/python3",
        )
        del machine.hosts["pc1"]["guiwei_root"]
        if asked:
            refused = machine.guiwei("apply", "playbook.yml", "--yes", "--json")
            assert (refused.code, '"sudo-password"' in refused.out) == (5, True), refused
            assert not (place / "own").exists()
            machine.hosts["pc1"]["ansible_become_password"] = account.password

        document = machine.apply()
        assert [host["status"] for host in document["hosts"]] == ["changed"]
        _judged(machine, place, account)
        assert machine.guiwei("plan", "playbook.yml").code == 0
        assert [host["status"] for host in machine.apply()["hosts"]] == ["unchanged"]
        _judged(machine, place, account)
        _a_suite_is_root_as_well(machine, place)
        machine.nothing_is_left()
        if asked:
            told = [path.read_bytes() for path in machine.state.rglob("*") if path.is_file()]
            assert not any(account.password.encode() in data for data in told), "it stays with the controller"
    finally:
        account.remove()


def _a_suite_is_root_as_well(machine: Machine, place: Path) -> None:
    suite = f'''
def test_secret(host, pc):
    """readable for root alone"""
    assert host.user().name == "root"
    assert pc.file("{place}/own/root-only").content_string == "secret of the branch\\n"
'''
    machine.bench.write({"suite.py": suite})
    told = machine.guiwei("verify", "playbook.yml", "--suite", "suite.py", "--json")
    assert told.code == 0, told
    (host,) = json.loads(told.out)["hosts"]
    assert [(check["label"], check["ok"]) for check in host["checks"]] == [("readable for root alone", True)]


def _judged(machine: Machine, place: Path, account: Account) -> None:
    """Root's own SSH login looks at it; the account's own is turned away where it must be."""
    secret = machine.judge.file(f"{place}/own/root-only")
    assert (secret.content_string, secret.mode, secret.user, secret.group) == (
        "secret of the branch\n",
        0o600,
        "root",
        "root",
    )
    clerk = machine.judge.file(f"{place}/own/for-the-clerk")
    assert (clerk.is_directory, clerk.mode, clerk.user) == (True, 0o700, account.name)
    ini = machine.judge.file(f"{place}/theirs.ini")
    assert (ini.content_string, ini.user, ini.group) == ("[a]\nb = c\n", account.name, account.name)
    assert machine.judge.file(f"{place}/own/who").content_string == "root\n"
    assert machine.judge.run("su %s -c 'cat %s/own/root-only'", account.name, str(place)).rc != 0
    state = machine.judge.file(str(machine.state))
    assert (state.user, state.mode) == ("root", 0o700)
