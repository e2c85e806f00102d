"""PCs that cannot be reached or written: the status, the message, the exit code, and everything as it was."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import socket
import sqlite3
import subprocess
import sys

import paramiko
import pytest
from scenario_bench import INVENTORY, Bench
from scenario_cases import APPLY, Case, Prepare, Run, check_case, tasks

from lab.endpoint import Endpoint, new_key

SSH = f"""\
all:
  hosts:
    pc1:
      ansible_host: 127.0.0.1
      ansible_port: @PORT@
      ansible_user: clerk
      ansible_password: "correct horse"
      ansible_python_interpreter: {sys.executable}
      guiwei_root: @ROOT@
      guiwei_state_dir: @STATE@
"""
LOGIN = {"inventory.yml": SSH}
MOTD = "- file: {path: /etc/motd, content: new}\n"


def listening(bench: Bench, *, answers: bool, known: str = "right") -> None:
    """Let something listen on the PC's port; `known` is what is trusted: the right key, another one, or none."""
    if not answers:
        silent = bench.undo.enter_context(socket.create_server(("127.0.0.1", 0)))
        bench.known["PORT"] = str(silent.getsockname()[1])
        return
    endpoint = bench.undo.enter_context(Endpoint(bench.folder, users={"clerk": "correct horse"}, grace=2.0))
    bench.known["PORT"] = str(endpoint.port)
    key: paramiko.PKey = endpoint.host_key if known == "right" else new_key()
    if known != "none":
        line = f"[127.0.0.1]:{endpoint.port} {key.get_name()} {key.get_base64()}\n"
        (bench.folder / "known_hosts").write_text(line)


def server(*, answers: bool = True, known: str = "right") -> Prepare:
    """Return what starts the PC's SSH server, and writes the inventory again with its port."""

    def prepare(bench: Bench, run: Run) -> None:
        text = (bench.work / "inventory.yml").read_text()
        listening(bench, answers=answers, known=known)
        bench.write({"inventory.yml": text})

    return prepare


def nobody_listens(bench: Bench, run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        bench.known["PORT"] = str(free.getsockname()[1])
    bench.write(LOGIN)


def name_without_address(bench: Bench, run: Run) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    bench.environ.setattr(socket, "getaddrinfo", unknown)


def key_of_somebody(bench: Bench, run: Run) -> None:
    server()(bench, run)
    new_key_file = bench.work / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(new_key_file)], check=True)


CONNECTIONS = [
    Case("refused", 5, "connect-refused", LOGIN, prepare=nobody_listens),
    Case("silent", 5, "connect-timeout", LOGIN, (*APPLY, "-T", "0.3"), server(answers=False)),
    Case("host-key-unknown", 5, "host-key-unknown", LOGIN, prepare=server(known="none")),
    Case("host-key-changed", 5, "host-key-changed", LOGIN, prepare=server(known="another")),
    Case("password-wrong", 5, "auth-failed", {"inventory.yml": SSH.replace("correct horse", "wrong horse")},
         prepare=server()),
    Case("key-wrong", 5, "auth-failed",
         {"inventory.yml": SSH.replace('ansible_password: "correct horse"', "ansible_ssh_private_key_file: key")},
         prepare=key_of_somebody),
    Case("key-missing", 5, "ssh-key-unreadable",
         {"inventory.yml": SSH.replace('ansible_password: "correct horse"', "ansible_ssh_private_key_file: key")},
         prepare=server()),
    Case("python-missing-over-ssh", 5, "python-missing",
         {"inventory.yml": SSH.replace(sys.executable, "/nowhere/python3")}, prepare=server()),
    Case("python-missing-here", 5, "python-missing",
         {"inventory.yml": INVENTORY + "      ansible_python_interpreter: /nowhere/python3\n"}),
    Case("sudo-missing", 5, "sudo-missing",
         {"inventory.yml": INVENTORY + "      ansible_become: true\n      ansible_become_exe: /nowhere/sudo\n"}),
    Case("name-unknown", 5, "host-name-unknown",
         {"inventory.yml": SSH.replace("ansible_host: 127.0.0.1", "ansible_host: pc1.invalid").replace("@PORT@", "22")},
         prepare=name_without_address),
    Case("name-impossible", 5, "host-name-unknown",
         {"inventory.yml": SSH.replace("ansible_host: 127.0.0.1", "ansible_host: pc1..branch").replace("@PORT@", "22")}),
]  # fmt: skip


@pytest.mark.parametrize("case", CONNECTIONS, ids=lambda case: case.id)
def test_a_pc_that_cannot_be_reached(case: Case, run: Run, bench: Bench) -> None:
    check_case(case, "connection", run, bench)


@pytest.mark.skipif(shutil.which("sudo") is None, reason="sudo is not installed: apt-get install sudo")
def test_sudo_refuses(run: Run, bench: Bench) -> None:
    more = "      ansible_become: true\n      ansible_become_user: nobody-of-that-name\n"
    check_case(Case("sudo-refused", 5, "sudo-refused", {"inventory.yml": INVENTORY + more}), "connection", run, bench)


# The PC itself


def mounted(bench: Bench, options: str, fill: bool = False) -> None:
    """Mount a small file system at /srv of the PC until the test ends."""
    folder = bench.root / "srv"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "guiwei-test", str(folder)], check=True)
    bench.undo.callback(subprocess.run, ["umount", str(folder)], check=True)
    if fill:
        with contextlib.suppress(OSError), open(folder / "full", "wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)


def disk_full(bench: Bench, run: Run) -> None:
    mounted(bench, "size=64k", fill=True)


def read_only(bench: Bench, run: Run) -> None:
    mounted(bench, "ro,size=64k")


def no_permission(bench: Bench, run: Run) -> None:
    """A folder that its owner may not write; root's way around that is taken away first."""
    (bench.root / "etc").chmod(0o555)
    bench.undo.callback((bench.root / "etc").chmod, 0o755)
    if os.geteuid() == 0:
        wrapper = bench.folder / "python"
        drop = "setpriv --bounding-set=-dac_override,-dac_read_search --inh-caps=-all"
        wrapper.write_text(f'#!/bin/sh\nexec {drop} {sys.executable} "$@"\n')
        wrapper.chmod(0o755)
        bench.write({"inventory.yml": INVENTORY + f"      ansible_python_interpreter: {wrapper}\n"})


def state_dir_in_a_file(bench: Bench, run: Run) -> None:
    bench.write({"inventory.yml": INVENTORY.replace("@STATE@", "@ROOT@/etc/motd/guiwei")})


def locked_by_another_run(bench: Bench, run: Run) -> None:
    bench.state.mkdir(mode=0o700)
    file = bench.undo.enter_context(open(bench.state / "lock", "wb"))
    file.write(b"20260101T000000-abcdef")
    file.flush()
    fcntl.flock(file, fcntl.LOCK_EX)


def database(bench: Bench, run: Run) -> None:
    with contextlib.closing(sqlite3.connect(bench.root / "etc" / "client.db")) as made, made:
        made.execute("CREATE TABLE setting (name TEXT, value TEXT)")
        made.execute("INSERT INTO setting VALUES ('cycle', '7')")


HOLD = (
    "import sqlite3, sys; d = sqlite3.connect(sys.argv[1]); d.execute('BEGIN EXCLUSIVE'); print(1, flush=True); input()"
)


def locked_database(bench: Bench, run: Run) -> None:
    """The client holds its database; in another process, for this one would lose the lock when it reads the file."""
    database(bench, run)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(bench.root / "etc" / "client.db")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    bench.undo.callback(holder.communicate)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"1\n"


ROW = "- sqlite: {path: /etc/client.db, table: setting, key: {name: cycle}, row: {value: '14'}}\n"
INI = "- ini: {path: /etc/client.ini, section: 单位, option: 名称, value: 新, encoding: ENCODING}\n"

TROUBLES = [
    Case("path-is-a-folder", 5, "path-kind", tasks("- file: {path: /etc, content: new}")),
    Case("path-is-a-file", 5, "path-kind", tasks("- directory: {path: /etc/motd}")),
    Case("parent-missing", 5, "path-missing", tasks("- file: {path: /opt/client/x.ini, content: new}"), begins=True),
    Case("permission", 5, "path-permission", tasks("- file: {path: /etc/motd, content: new}"), prepare=no_permission, begins=True),
    Case("owner-unknown", 5, "owner-unknown", tasks("- file: {path: /etc/motd, owner: no-such-clerk}"), begins=True),
    Case("folder-not-empty", 5, "folder-not-empty", tasks("- directory: {path: /etc, state: absent}"), begins=True),
    Case("not-in-its-encoding", 5, "text-encoding", tasks(INI.replace("ENCODING", "utf-8"))),
    Case("character-without-code", 5, "text-unencodable", tasks(INI.replace("ENCODING", "gbk").replace("新", "🧾")), begins=True),
    Case("database-locked", 5, "file-in-use", tasks(ROW), prepare=locked_database),
    Case("database-not-one", 5, "sqlite-unreadable", tasks(ROW.replace("client.db", "client.ini"))),
    Case("database-no-table", 5, "sqlite-error", tasks(ROW.replace("setting", "settings")), prepare=database),
    Case("command-missing", 5, "command-missing", tasks("- command: {argv: [/nowhere/program]}"), begins=True),
    Case("command-fails", 5, "command-failed", tasks("- command: {argv: [/bin/sh, -c, 'echo no licence >&2; exit 7']}"), begins=True),
    Case("command-timeout", 5, "command-timeout", tasks("- command: {argv: [/bin/sleep, '60'], timeout: 0.3}"), begins=True),
    Case("command-no-effect", 5, "command-no-effect", tasks("- command: {argv: [/bin/true], creates: /etc/activated}"), begins=True),
    Case("probe-unmet", 4, "probe-unmet", tasks("- tcp: {host: 127.0.0.1, port: 1, open: true}")),
    Case("pc-locked", 4, "pc-locked", tasks(MOTD), prepare=locked_by_another_run),
    Case("state-dir-not-writable", 5, "os-error", tasks(MOTD), prepare=state_dir_in_a_file),
    Case("reference-undefined", 5, "reference-undefined", tasks("- file: {path: '/etc/{{ facts.branch }}', content: x}")),
]  # fmt: skip


@pytest.mark.parametrize("case", TROUBLES, ids=lambda case: case.id)
def test_a_pc_that_cannot_be_written(case: Case, run: Run, bench: Bench) -> None:
    check_case(case, "pc", run, bench)


MOUNTS = [
    Case("disk-full", 5, "disk-full", tasks("- file: {path: /srv/new.ini, content: new}"), prepare=disk_full,
         begins=True),
    Case("read-only", 5, "path-read-only", tasks("- file: {path: /srv/new.ini, content: new}"), prepare=read_only,
         begins=True),
]  # fmt: skip


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small or read-only file system")
@pytest.mark.parametrize("case", MOUNTS, ids=lambda case: case.id)
def test_a_file_system_that_cannot_be_written(case: Case, run: Run, bench: Bench) -> None:
    check_case(case, "pc", run, bench)
