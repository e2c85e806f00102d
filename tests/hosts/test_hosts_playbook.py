"""A playbook with every everyday resource type over real sshd; testinfra says what became of the PC."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import sqlite3
import tarfile
from pathlib import Path

from hosts_bench import Machine, listening, looked_at
from support.asking import eventually
from support.sshd import free_port

#: Starts in the background as a client does: by its own command, with a pid file, on a port of its own.
DAEMON = """\
import os, socket, sys
root, port = sys.argv[1], int(sys.argv[2])
server = socket.create_server(("127.0.0.1", port))
if os.fork():
    os._exit(0)
os.setsid()
for handle in (0, 1, 2):
    os.dup2(os.open(os.devnull, os.O_RDWR), handle)
with open(root + "/run/helper.pid", "w") as file:
    file.write(str(os.getpid()))
while True:
    server.accept()[0].close()
"""

PLAYBOOK = """\
- hosts: all
  vars: {port: @PORT@, greeting: 欢迎}
  tasks:
    - directory: {path: /srv/branch/备份, mode: "0750"}
    - file: {path: /srv/branch/motd, template: motd.j2, mode: "0640", owner: nobody}
    - file: {path: /srv/branch/logo.bin, source: logo.bin}
    - file: {path: /etc/motd, state: absent}
    - ini: {path: /etc/client.ini, encoding: gbk, section: 单位, option: 名称, value: 归位示例有限公司}
      notify: note it
    - ini: {path: /etc/client.ini, encoding: gbk, section: 备份, option: 周期, value: "7"}
    - line: {path: /etc/address.txt, encoding: gbk, newline: crlf, value: "https://upload.example.cn:7008"}
    - sqlite: {path: /srv/client.db, table: setting, key: {name: cycle}, row: {value: "7"}}
    - package: {name: helper, path: /opt/helper, version: "1.2.0", source: helper-1.2.0.tar.gz}
    - service:
        name: helper
        start: ["{{ facts.interpreter }}", "{{ facts.prefix }}/opt/helper/daemon.py", "{{ facts.prefix }}", "@PORT@"]
        pid_file: /run/helper.pid
        running: true
        ready: {tcp: @PORT@}
    - command:
        argv: [/bin/sh, -c, 'date > "$0"', "{{ facts.prefix }}/run/activated"]
        creates: /run/activated
  handlers:
    - name: note it
      command:
        argv: [/bin/sh, -c, 'echo handled >> "$0"', "{{ facts.prefix }}/run/handled"]
"""


def prepare(machine: Machine) -> int:
    """Write the playbook with its files, and a database and folders on the PC; return the daemon's port."""
    port = free_port()
    machine.bench.known["PORT"] = str(port)
    machine.bench.write(
        {
            "playbook.yml": PLAYBOOK,
            "motd.j2": "{{ greeting }}，{{ inventory_hostname }}！\n",
            "logo.bin": bytes(range(256)) * 1000,
            "helper-1.2.0.tar.gz": archive("1.2.0"),
        }
    )
    for name in ("srv", "run", "opt"):
        (machine.root / name).mkdir()
    connection = sqlite3.connect(machine.root / "srv" / "client.db")
    connection.execute("CREATE TABLE setting(name TEXT PRIMARY KEY, value TEXT)")
    connection.execute("INSERT INTO setting VALUES ('cycle', '30'), ('folder', 'D:\\')")
    connection.commit()
    connection.close()
    machine.bench.undo.callback(end_daemon, machine.root / "run" / "helper.pid")
    return port


def archive(version: str) -> bytes:
    """Return a package: the daemon, and the version that the tree is of."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, text in (("VERSION", f"{version}\n"), ("daemon.py", DAEMON)):
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()


def end_daemon(pid_file: Path) -> None:
    if pid_file.exists():
        os.kill(int(pid_file.read_text()), signal.SIGKILL)


def test_the_pc_is_as_declared_and_a_second_apply_changes_nothing(machine: Machine) -> None:
    port = prepare(machine)
    document = machine.apply()
    assert [host["status"] for host in document["hosts"]] == ["changed"]
    is_as_declared(machine, port)
    machine.nothing_is_left()

    assert machine.guiwei("plan", "playbook.yml").code == 0
    before = looked_at(machine)
    document = machine.apply()
    assert [host["status"] for host in document["hosts"]] == ["unchanged"]
    assert looked_at(machine) == before
    is_as_declared(machine, port)
    machine.nothing_is_left()


def is_as_declared(machine: Machine, port: int) -> None:
    """Ask testinfra, which knows nothing of guiwei."""
    judge = machine.judge
    folder = judge.file(machine.real("/srv/branch/备份"))
    assert (folder.is_directory, folder.mode) == (True, 0o750)
    motd = judge.file(machine.real("/srv/branch/motd"))
    assert (motd.content_string, motd.mode, motd.user) == ("欢迎，pc1！\n", 0o640, "nobody")
    logo = judge.file(machine.real("/srv/branch/logo.bin"))
    assert logo.sha256sum == hashlib.sha256(bytes(range(256)) * 1000).hexdigest()
    assert not judge.file(machine.real("/etc/motd")).exists
    ini = judge.file(machine.real("/etc/client.ini"))
    assert ini.content.decode("gbk").split("\r\n")[:2] == ["[单位]", "名称=归位示例有限公司"]
    assert "[备份]\r\n周期=7" in ini.content.decode("gbk")
    assert ini.mode == 0o640, "the mode that it had"
    assert judge.file(machine.real("/etc/address.txt")).content == b"https://upload.example.cn:7008\r\n"
    rows = judge.check_output("sqlite3 %s %s", machine.real("/srv/client.db"), "SELECT * FROM setting ORDER BY name")
    assert rows.splitlines() == ["cycle|7", "folder|D:\\"]
    assert judge.file(machine.real("/opt/helper/VERSION")).content_string == "1.2.0\n"
    pid = int(judge.file(machine.real("/run/helper.pid")).content_string)
    process = judge.process.get(pid=pid)
    assert f"/opt/helper/daemon.py {machine.root} {port}" in process.args
    assert listening(machine, port)
    assert judge.file(machine.real("/run/activated")).exists
    assert judge.file(machine.real("/run/handled")).content_string == "handled\n", "once"


def test_what_was_put_right_is_taken_back(machine: Machine) -> None:
    port = prepare(machine)
    owners = "cd %s && find . -printf '%%p %%y %%m %%u %%g\\n' | sort"
    before = machine.judge.check_output(owners, str(machine.root))
    rows = machine.judge.check_output("sqlite3 %s .dump", machine.real("/srv/client.db"))
    hashes = "cd %s && find . -type f ! -name client.db -exec sha256sum {} + | sort"
    contents = machine.judge.check_output(hashes, str(machine.root))
    run = machine.apply()["run"]
    assert machine.judge.check_output(hashes, str(machine.root)) != contents

    done = machine.guiwei("rollback", run, "--json")
    assert done.code == 0, done
    assert {host["status"] for host in json.loads(done.out)["hosts"]} == {"changed"}
    # What programs did by themselves cannot be taken back, and the plan says so.
    (machine.root / "run" / "activated").unlink()
    (machine.root / "run" / "handled").unlink()
    (machine.root / "run" / "helper.pid").unlink()
    assert not listening(machine, port)
    assert machine.judge.check_output(hashes, str(machine.root)) == contents
    assert machine.judge.check_output("sqlite3 %s .dump", machine.real("/srv/client.db")) == rows
    assert machine.judge.check_output(owners, str(machine.root)) == before
    machine.nothing_is_left()


def test_drift_is_seen_and_put_right_alone(machine: Machine) -> None:
    port = prepare(machine)
    machine.apply()
    machine.judge.check_output("chmod 666 %s", machine.real("/srv/branch/motd"))
    machine.judge.check_output("kill -9 %s", machine.judge.file(machine.real("/run/helper.pid")).content_string)
    assert eventually(lambda: not listening(machine, port))

    planned = machine.guiwei("plan", "playbook.yml", "--json")
    assert planned.code == 3, planned
    steps = [step for stage in json.loads(planned.out)["hosts"][0]["stages"] for step in stage["steps"]]
    assert [(step["module"], [(one["field"], one["cause"]) for one in step["changes"]]) for step in steps] == [
        ("file", [("mode", "drift")]),
        ("service", [("running", "drift")]),
    ]
    machine.apply()
    is_as_declared(machine, port)
    machine.nothing_is_left()
