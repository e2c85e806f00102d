"""The lab's fleet: three PCs to log in to, each with its own trouble, and nothing left behind."""

from __future__ import annotations

import io
import json
import os
import shlex
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paramiko
import pytest
from stdnum.cn import uscc as independent

from guiwei.language.inventory import load_inventory
from guiwei.target.secret import reveal
from lab import serve
from lab.fleet import PCS, USER, Fleet
from lab.lantai import branch, faults

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def heard() -> list[str]:
    return []


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, heard: list[str]) -> Iterator[Fleet]:
    made = Fleet(tmp_path_factory.mktemp("fleet") / "lab")
    made.build(heard.append)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def _processes(root: Path) -> list[str]:
    """Return the command lines that name a folder, but for this process's and its parents'."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes().decode("utf-8", "replace")
            except OSError:
                continue
            if str(root) in line:
                found.append(line.replace("\0", " "))
    return found


def _ask(fleet: Fleet, name: str, *arguments: str, stdin: str = "") -> branch.Answer:
    """Run a PC's client over SSH, with nothing but what the inventory says."""
    group = fleet.inventory()["all"]["children"]["branches"]
    host: dict[str, Any] = {**group["vars"], **group["hosts"][name]}
    instance = "{taxpayer}.{machine}".format(**host["instances"][0])
    script = f"{host['guiwei_root']}/var/lib/兰台开票/{instance}/Program/bin/lantai"
    words = [host["ansible_python_interpreter"], script, "--root", host["guiwei_root"], "--json", *arguments]
    with paramiko.SSHClient() as client:
        for line in fleet.known_hosts().splitlines():
            where, kind, text = line.split()
            client.get_host_keys().add(where, kind, paramiko.PKey.from_type_string(kind, _decode(text)))
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        client.connect(
            host["ansible_host"],
            host["ansible_port"],
            host["ansible_user"],
            key_filename=host["ansible_ssh_private_key_file"],
            allow_agent=False,
            look_for_keys=False,
        )
        to, out, err = client.exec_command(shlex.join(words))
        to.write(stdin)
        to.channel.shutdown_write()
        said, problem = out.read().decode("utf-8"), err.read().decode("utf-8", "replace")
        answer = json.loads(said) if said else {}
        return branch.Answer(
            out.channel.recv_exit_status(), answer.get("message", ""), answer.get("data") or {}, problem
        )


def _decode(text: str) -> bytes:
    import base64

    return base64.b64decode(text)


def test_the_pcs_are_fictional_and_well_formed() -> None:
    for pc in PCS:
        assert independent.is_valid(pc.taxpayer)
        assert pc.taxpayer[2:4] == "99", "a region that does not exist"
        assert (len(pc.orgcode), len(pc.disk)) == (6, 12)
        assert pc.disk.isdigit()
        assert any(word in pc.company for word in ("示例", "样本", "演示"))
    for field in ("name", "taxpayer", "disk", "pin", "certificate_password", "seed"):
        assert len({getattr(pc, field) for pc in PCS}) == len(PCS), field


def test_each_pc_has_its_own_trouble(fleet: Fleet, heard: list[str]) -> None:
    assert heard[:3] == [f"lantai-{version}.tar.gz" for version in ("2.4.0", "3.0.0", "3.1.0")]
    assert sorted(heard[3:]) == ["pc01", "pc02", "pc03"]
    answers = {pc.name: _ask(fleet, pc.name, "status") for pc in PCS}
    assert {name: answer.code for name, answer in answers.items()} == {"pc01": 0, "pc02": 0, "pc03": 0}
    for pc in PCS:
        status = answers[pc.name].data
        assert (status["instance"], status["version"], status["schema"]) == (pc.instance, "2.4.0", "2")
        assert (status["disk"]["number"], status["disk"]["state"]) == (pc.disk, "ok")
        assert status["registered"] is (pc.name != "pc03")
        assert _ask(fleet, pc.name, "summary").data["count"] == pc.invoices
        assert _ask(fleet, pc.name, "network").data["reachable"] is True
    assert _ask(fleet, "pc02", "start").code == 11
    good, wrong = answers["pc01"].data, answers["pc02"].data
    assert (good["kinds"], good["limit"]) == (["004", "007", "026", "028"], "99999.99")
    assert (wrong["kinds"], wrong["limit"]) == (["004", "007"], "9999.99")


def test_a_client_started_over_ssh_outlives_the_session(fleet: Fleet) -> None:
    secrets = fleet.secrets()
    started = _ask(fleet, "pc01", "start")
    assert started.code == 0, started
    assert _ask(fleet, "pc01", "status").data["pid"] == started.data["pid"]
    password = secrets["pc01"]["certificate_password"]
    assert _ask(fleet, "pc01", "login", "--password-stdin", stdin=password).code == 0
    assert _ask(fleet, "pc01", "upload").data["uploaded"] > 0
    pin = secrets["pc03"]["disk_pin"]
    assert _ask(fleet, "pc03", "register", "--disk", PCS[2].disk, "--pin-stdin", stdin=pin).code == 0
    assert _ask(fleet, "pc03", "start").code == 0
    assert _ask(fleet, "pc03", "stop").code == 0


def test_only_the_key_opens_the_door(fleet: Fleet) -> None:
    assert stat.S_IMODE(fleet.key_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(fleet.folder.stat().st_mode) == 0o700
    other = io.StringIO()
    paramiko.RSAKey.generate(2048).write_private_key(other)
    port = fleet.inventory()["all"]["children"]["branches"]["hosts"]["pc01"]["ansible_port"]
    with paramiko.Transport(("127.0.0.1", port)) as transport:
        transport.start_client()
        with pytest.raises(paramiko.AuthenticationException):
            transport.auth_publickey(USER, paramiko.RSAKey.from_private_key(io.StringIO(other.getvalue())))


def test_another_look_at_the_folder_says_the_same(fleet: Fleet) -> None:
    again = Fleet(fleet.folder)
    assert again.built
    assert again.inventory() == fleet.inventory()
    assert again.known_hosts() == fleet.known_hosts()
    assert not Fleet(fleet.folder, (20001, 20002, 20003)).built, "it was built for other ports"
    assert str(fleet.secrets()["pc01"]["disk_pin"]) not in json.dumps(fleet.inventory())


def test_stop_leaves_no_process_whatever_state_it_is_in(fleet: Fleet) -> None:
    _ask(fleet, "pc01", "start")
    _ask(fleet, "pc03", "start")
    faults.process_stuck(str(fleet.root(PCS[2])), PCS[2].instance)
    # A run file whose number is another program's by now: that program must live on.
    run = fleet.root(PCS[1]) / "run" / "lantai"
    run.mkdir(parents=True, exist_ok=True)
    bystander = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    try:
        (run / f"{PCS[1].instance}.pid").write_text(f"{bystander.pid}\n")
        assert len(_processes(fleet.folder)) == 2
        fleet.stop()
        assert _processes(fleet.folder) == []
        assert bystander.poll() is None
        assert [str(path) for path in fleet.folder.glob("pc*/run/lantai/*")] == []
    finally:
        bystander.kill()
        bystander.communicate()
    fleet.start()
    assert _ask(fleet, "pc01", "status").data["running"] is False


def test_wrong_uses_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="no fleet"):
        Fleet(tmp_path).start()
    with pytest.raises(RuntimeError, match="no fleet"):
        Fleet(tmp_path).inventory()
    with pytest.raises(ValueError, match="3 ports"):
        Fleet(tmp_path, (1,))
    with pytest.raises(ValueError, match="among them"):
        Fleet(tmp_path, (24001, 24011, 24021))
    mine = tmp_path / "pc01" / "thesis.txt"
    mine.parent.mkdir()
    mine.write_text("mine")
    with pytest.raises(RuntimeError, match="not made by the lab"):
        Fleet(tmp_path).build()
    assert mine.read_text() == "mine"


def test_serve_builds_serves_and_goes(tmp_path: Path) -> None:
    folder = tmp_path / "lab"
    command = [sys.executable, "-m", "lab.serve", str(folder)]
    process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(7)]
        assert lines[6].startswith("ready pc01=127.0.0.1:"), (lines, process.poll())
        assert serve.serving(folder) == process.pid
        second = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
        assert (second.returncode, "already served" in second.stderr) == (2, True)
        fleet = Fleet(folder)
        assert _ask(fleet, "pc01", "start").code == 0
        assert len(_processes(folder)) == 2, "the server and one client"
        assert serve.end(folder) is True
        assert process.wait(30) == 0
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    deadline = time.monotonic() + 10
    while _processes(folder) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert _processes(folder) == []
    assert serve.serving(folder) is None
    assert serve.end(folder) is False
    assert not (folder / "serve.pid").exists()


def test_the_committed_inventory_is_the_fleets() -> None:
    """`inventories/lab` describes the fleet of `serve /var/tmp/guiwei-lab --ports 24021,24022,24023`."""
    fleet = Fleet(Path("/var/tmp/guiwei-lab"), (24021, 24022, 24023))
    group = fleet.inventory(python="python3")["all"]["children"]["branches"]
    loaded = load_inventory([REPOSITORY / "inventories" / "lab"])
    assert set(loaded.hosts) == {pc.name for pc in PCS}
    assert set(loaded.groups["branches"].hosts) == set(loaded.hosts)
    for name, host in loaded.hosts.items():
        said = {key: reveal(value) for key, value in host.vars.items()}
        assert said == {**group["vars"], **group["hosts"][name], **fleet.secrets()[name]}
    for path in (REPOSITORY / "inventories" / "lab" / "host_vars").iterdir():
        text = path.read_text("utf-8")
        assert "vault" in text
        assert "加密" in text
