"""What only SSH has: host keys, logins, sudo, hosts that do not answer."""

from __future__ import annotations

import os
import secrets as random
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import paramiko
import pytest
from support.asking import apply, command, eventually, file, observe
from support.pc import Pc, needs_sshd, processes_with
from support.sshd import Sshd, free_port

from guiwei.errors import HostError, UnknownOutcomeError, UnreachableError
from guiwei.model.inventory import Host
from guiwei.target.secret import Secret
from guiwei.transport import scanning, trust
from guiwei.transport.connect import connect
from guiwei.transport.settings import Settings
from lab.endpoint import Endpoint, new_key


def unreachable(call: Callable[[], Any]) -> UnreachableError:
    with pytest.raises(UnreachableError) as caught:
        call()
    return caught.value


# Host keys


def test_an_unknown_host_key_is_refused_with_its_fingerprint(ssh_pc: Pc) -> None:
    ssh_pc.settings.known_hosts.unlink()
    error = unreachable(ssh_pc.connect)
    (scanned,) = scanning.scan(ssh_pc.host(), ssh_pc.settings)
    assert error.code == "host-key-unknown"
    assert error.arguments["fingerprint"] == scanned.fingerprint
    assert ssh_pc.execs() == 0
    trust.record(ssh_pc.host(), [scanned], ssh_pc.settings.known_hosts)
    with ssh_pc.connect() as session:
        assert session.ask(observe())["op"] == "observed"


def test_a_changed_host_key_is_refused_with_both(ssh_pc: Pc) -> None:
    (true,) = scanning.scan(ssh_pc.host(), ssh_pc.settings)
    other = new_key()
    trust.record(
        ssh_pc.host(),
        [trust.ScannedKey(other.get_name(), trust.fingerprint(other), other)],
        ssh_pc.settings.known_hosts,
    )
    error = unreachable(ssh_pc.connect)
    assert error.code == "host-key-changed"
    assert error.arguments["fingerprint"] == true.fingerprint
    assert trust.fingerprint(other) in error.arguments["expected"]


def test_a_host_known_by_another_type_of_key_is_not_trusted(ssh_pc: Pc) -> None:
    other = paramiko.ECDSAKey.generate()
    trust.record(
        ssh_pc.host(),
        [trust.ScannedKey(other.get_name(), trust.fingerprint(other), other)],
        ssh_pc.settings.known_hosts,
    )
    assert unreachable(ssh_pc.connect).code == "host-key-changed"


def test_a_revoked_host_key_is_refused(ssh_pc: Pc) -> None:
    (true,) = scanning.scan(ssh_pc.host(), ssh_pc.settings)
    with open(ssh_pc.settings.known_hosts, "a") as lines:
        lines.write(f"@revoked * {true.type} {true.key.get_base64()}\n")
    assert unreachable(ssh_pc.connect).code == "host-key-revoked"


@needs_sshd
def test_fingerprints_are_those_of_openssh(tmp_path: Path) -> None:
    with Sshd(tmp_path) as sshd:
        said = subprocess.run(["ssh-keygen", "-lf", str(sshd.host_key)], capture_output=True, text=True, check=True)
        (scanned,) = scanning.scan(Host("pc", sshd.host_vars()), Settings(known_hosts=tmp_path / "kh"))
    assert scanned.fingerprint in said.stdout


@needs_sshd
def test_every_type_of_key_is_scanned(tmp_path: Path) -> None:
    rsa = tmp_path / "rsa"
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", str(rsa)], check=True)
    with Sshd(tmp_path, options=(f"HostKey {rsa}",)) as sshd:
        host, settings = Host("pc", sshd.host_vars()), Settings(known_hosts=tmp_path / "kh")
        keys = scanning.scan(host, settings)
        assert [key.type for key in keys] == ["ssh-ed25519", "ssh-rsa"]
        # A PC of which only the RSA key is known is asked for that one.
        trust.record(host, keys[1:], settings.known_hosts)
        connect(host, settings).close()


# Logins


def test_a_wrong_password_is_tried_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []
    with Endpoint(tmp_path, users={"clerk": "right"}) as endpoint:
        from lab import endpoint as module

        plain = module._Server.check_auth_password

        def check(self: Any, username: str, password: str) -> int:
            tried.append(password)
            return plain(self, username, password)

        monkeypatch.setattr(module._Server, "check_auth_password", check)
        host, settings = login_of(endpoint, tmp_path, ansible_password=Secret("wrong"))
        error = unreachable(lambda: connect(host, settings))
    assert error.code == "auth-failed"
    assert tried == ["wrong"]
    assert "wrong" not in str(error)


def login_of(endpoint: Endpoint, folder: Path, **more: Any) -> tuple[Host, Settings]:
    settings = Settings(known_hosts=folder / "kh", auth_timeout=5)
    host = Host("pc", {"ansible_host": "127.0.0.1", "ansible_port": endpoint.port, "ansible_user": "clerk", **more})
    trust.record(host, scanning.scan(host, settings), settings.known_hosts)
    return host, settings


def test_a_key_with_a_passphrase(tmp_path: Path) -> None:
    path = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "open sesame", "-f", str(path)], check=True)
    public = paramiko.PKey.from_path(str(path), b"open sesame")  # type: ignore[arg-type]
    with Endpoint(tmp_path, users={"clerk": public}) as endpoint:
        host, settings = login_of(
            endpoint, tmp_path, ansible_private_key_file=str(path), ansible_private_key_passphrase=Secret("open sesame")
        )
        connect(host, settings).close()
        for wrong in ({}, {"ansible_private_key_passphrase": Secret("wrong")}):
            plain = {name: item for name, item in host.vars.items() if "passphrase" not in name}
            other = Host("pc", {**plain, **wrong})
            assert unreachable(lambda other=other: connect(other, settings)).code == "ssh-key-passphrase"  # type: ignore[misc]


@pytest.mark.parametrize(("content", "code"), [(None, "ssh-key-unreadable"), ("no key at all", "ssh-key-unreadable")])
def test_a_key_file_that_is_none(tmp_path: Path, content: str | None, code: str) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_text(content)
    with Endpoint(tmp_path, users={"clerk": "x"}) as endpoint:
        host, settings = login_of(endpoint, tmp_path, ansible_ssh_private_key_file=str(path))
        error = unreachable(lambda: connect(host, settings))
    assert (error.code, error.arguments["path"]) == (code, str(path))


def test_another_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    Sshd.new_key(path)
    with Endpoint(tmp_path, users={"clerk": new_key()}) as endpoint:
        host, settings = login_of(endpoint, tmp_path, ansible_ssh_private_key_file=str(path))
        assert unreachable(lambda: connect(host, settings)).code == "auth-failed"


@needs_sshd
@pytest.mark.skipif(shutil.which("ssh-agent") is None, reason="no ssh-agent: apt-get install openssh-client")
def test_keys_of_the_ssh_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tempfile.mkdtemp()
    sock = os.path.join(path, "agent")
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", sock], stdout=subprocess.DEVNULL)
    try:
        assert eventually(lambda: os.path.exists(sock))
        monkeypatch.setenv("SSH_AUTH_SOCK", sock)
        monkeypatch.setenv("HOME", str(tmp_path))
        with Sshd(tmp_path) as sshd:
            subprocess.run(["ssh-add", "-q", str(sshd.key)], check=True)
            given = sshd.host_vars()
            del given["ansible_ssh_private_key_file"]
            host, settings = Host("pc", given), Settings(known_hosts=tmp_path / "kh")
            trust.record(host, scanning.scan(host, settings), settings.known_hosts)
            connect(host, settings).close()
    finally:
        agent.terminate()
        agent.wait()
        shutil.rmtree(path)


# Hosts that do not answer


def test_dead_hosts_do_not_hold_up_a_live_one(ssh_pc: Pc) -> None:
    """Twenty that refuse, twenty that accept and say nothing; the live one is through before any of the silent."""
    order: list[str] = []
    lock = threading.Lock()
    settings = Settings(known_hosts=ssh_pc.settings.known_hosts, connect_timeout=6)

    def attempt(name: str, given: dict[str, Any]) -> str:
        code = "done"
        try:
            with connect(Host(name, given), settings) as session:
                session.ask(observe())
        except UnreachableError as error:
            code = error.code
        with lock:
            order.append(name)
        return code

    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent, ThreadPoolExecutor(41) as pool:
        dead = {"ansible_host": "127.0.0.1", "ansible_user": "x", "ansible_password": "x"}
        jobs = {}
        for number in range(20):
            jobs[f"silent-{number}"] = pool.submit(
                attempt, f"silent-{number}", {**dead, "ansible_port": silent.getsockname()[1]}
            )
            jobs[f"refused-{number}"] = pool.submit(attempt, f"refused-{number}", {**dead, "ansible_port": free_port()})
        jobs["live"] = pool.submit(attempt, "live", ssh_pc.vars)
        codes = {name: job.result(60) for name, job in jobs.items()}
    assert codes.pop("live") == "done"
    assert {code for name, code in codes.items() if name.startswith("refused")} == {"connect-refused"}
    assert {code for name, code in codes.items() if name.startswith("silent")} == {"connect-timeout"}
    assert not [name for name in order[: order.index("live")] if name.startswith("silent")]


def test_a_name_that_nobody_knows(tmp_path: Path) -> None:
    host = Host("pc", {"ansible_host": "no-such-host.invalid", "ansible_password": "x"})
    error = unreachable(lambda: connect(host, Settings(known_hosts=tmp_path / "kh")))
    assert (error.code, error.arguments["address"]) == ("host-name-unknown", "no-such-host.invalid")


def test_something_that_does_not_speak_ssh(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:

        def serve() -> None:
            for _ in range(1):
                sock, _address = server.accept()
                sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 200)
                sock.close()

        pool.submit(serve)
        host = Host("pc", {"ansible_host": "127.0.0.1", "ansible_port": server.getsockname()[1]})
        error = unreachable(lambda: connect(host, Settings(known_hosts=tmp_path / "kh", connect_timeout=5)))
    assert error.code == "ssh-failed"


# sudo


SUDO = shutil.which("sudo", path=os.environ.get("PATH", "") + ":/usr/bin")
needs_sudo = pytest.mark.skipif(
    os.geteuid() != 0 or SUDO is None or shutil.which("useradd", path="/usr/sbin:/sbin") is None,
    reason="needs root and sudo (apt-get install sudo), to make an account that may use it",
)


class Account:
    """A test account on this machine, with a password and a rule for sudo; removed afterwards."""

    def __init__(self, rule: str) -> None:
        self.name = "guiwei-t" + random.token_hex(3)
        self.password = random.token_hex(12)
        self.rules = Path("/etc/sudoers.d", self.name)
        subprocess.run(["/usr/sbin/useradd", "-m", "-s", "/bin/sh", self.name], check=True)
        subprocess.run(["/usr/sbin/chpasswd"], input=f"{self.name}:{self.password}", text=True, check=True)
        if rule:
            self.rules.write_text(f"{self.name} {rule}\nDefaults:{self.name} !syslog, lecture=never, passwd_tries=3\n")
            self.rules.chmod(0o440)

    def remove(self) -> None:
        self.rules.unlink(missing_ok=True)
        subprocess.run(["/usr/sbin/userdel", "-r", self.name], check=True, stderr=subprocess.DEVNULL)


@pytest.fixture
def sudo_pc(tmp_path: Path) -> Iterator[Callable[..., tuple[Host, Settings]]]:
    """Return how to make a PC to which a plain account logs in, and becomes root."""
    # The account must be able to read its public key, which pytest's own folders do not let it.
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    accounts: list[Account] = []
    with Sshd(folder) as sshd:

        def make(rule: str, password: str | None = "") -> tuple[Host, Settings]:
            account = Account(rule)
            accounts.append(account)
            settings = Settings(known_hosts=tmp_path / "kh", auth_timeout=30, step_timeout=60)
            given = {
                **sshd.host_vars(),
                "ansible_user": account.name,
                "ansible_become": True,
                "ansible_python_interpreter": "/usr/bin/python3",
                "guiwei_state_dir": str(tmp_path / "state"),
            }
            if password is not None:
                given["ansible_become_password"] = Secret(password or account.password)
            host = Host("pc", given)
            trust.record(host, scanning.scan(host, settings), settings.known_hosts)
            return host, settings

        try:
            yield make
        finally:
            for account in accounts:
                assert eventually(lambda name=account.name: not processes_of(name))  # type: ignore[misc]
                account.remove()
    shutil.rmtree(folder)


def processes_of(name: str) -> list[str]:
    found = subprocess.run(["ps", "-u", name, "-o", "pid="], capture_output=True, text=True, check=False)
    return found.stdout.split()


@needs_sshd
@needs_sudo
@pytest.mark.root
@pytest.mark.parametrize(("rule", "password"), [("ALL=(ALL) ALL", ""), ("ALL=(ALL) NOPASSWD: ALL", None),
                                                ("ALL=(ALL) NOPASSWD: ALL", "not-asked-for")])  # fmt: skip
def test_sudo(sudo_pc: Any, rule: str, password: str | None, tmp_path: Path) -> None:
    host, settings = sudo_pc(rule, password)
    for _ in range(2):
        with connect(host, settings) as session:
            answer = session.ask(observe(("file", {"path": "/etc/shadow"})))
            assert answer["facts"]["user"] == "root"
            assert "content" in answer["states"]["r1"]
            assert session.ask(apply("run-1", file(str(tmp_path / "by-root"), content="x")))["whole"] is True
    assert (tmp_path / "by-root").stat().st_uid == 0


@needs_sshd
@needs_sudo
@pytest.mark.root
@pytest.mark.parametrize(
    ("rule", "password", "code"),
    [
        ("ALL=(ALL) ALL", "wrong-one", "sudo-password"),
        ("ALL=(ALL) ALL", None, "sudo-password"),
        ("", "", "sudo-refused"),
        ("ALL=(ALL) /bin/true", "", "sudo-refused"),
    ],
)
def test_sudo_that_refuses(sudo_pc: Any, rule: str, password: str | None, code: str) -> None:
    host, settings = sudo_pc(rule, password)
    for request in (observe(), apply("run-1", file("/nowhere", content="x"))):
        with connect(host, settings) as session, pytest.raises(HostError) as caught:
            session.ask(request)
        assert caught.value.code == code, caught.value
        assert "wrong-one" not in str(caught.value)


@needs_sshd
@needs_sudo
@pytest.mark.root
def test_a_hung_step_under_sudo_is_ended(sudo_pc: Any, tmp_path: Path) -> None:
    host, settings = sudo_pc("ALL=(ALL) ALL", "")
    mark = f"602.{os.getpid()}"
    with connect(host, settings) as session:
        session.ask(observe())
        with pytest.raises(UnknownOutcomeError):
            session.ask(apply("run-1", command("/bin/sleep", mark, timeout=900)), timeout=3)
    assert eventually(lambda: not processes_with(mark) and not processes_with(str(tmp_path / "state")))


@needs_sshd
def test_sudo_that_is_not_there(tmp_path: Path) -> None:
    with Sshd(tmp_path) as sshd:
        settings = Settings(known_hosts=tmp_path / "kh")
        for password in ({}, {"ansible_become_password": "x"}):
            host = Host(
                "pc", {**sshd.host_vars(), "ansible_become": "yes", "ansible_become_exe": "/no/sudo", **password}
            )
            trust.record(host, scanning.scan(host, settings), settings.known_hosts)
            with connect(host, settings) as session, pytest.raises(HostError) as caught:
                session.ask(observe())
            assert caught.value.code == "sudo-missing"


def test_plain_python_is_found_by_auto(ssh_pc: Pc) -> None:
    with ssh_pc.connect(ansible_python_interpreter="auto") as session:
        version = session.ask(observe())["facts"]["python"]
    assert tuple(int(part) for part in version.split(".")[:2]) >= (3, 7)
