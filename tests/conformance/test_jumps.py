"""PCs behind jump hosts: strict at every hop, one connection for many, errors that name the hop."""

from __future__ import annotations

import hashlib
import os
import socket
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import paramiko
import pytest
from support.asking import apply, eventually, file, observe
from support.pc import SSH_KINDS, needs_sshd
from support.proxy import Proxy
from support.sshd import Sshd, free_port

from guiwei.errors import GuiweiError, UnreachableError
from guiwei.model.inventory import Host
from guiwei.transport import scanning, trust
from guiwei.transport.connect import connect
from guiwei.transport.jumps import Jumps
from guiwei.transport.settings import Settings
from guiwei.transport.variables import read_login
from lab.endpoint import Endpoint, new_key


@dataclass
class Place:
    """A jump host and PCs behind it.

    Attributes:
        jump: the jump host, as an inventory names it.
        logins: how often somebody has logged in at the jump host.
        refused: how often the jump host has refused a login.
    """

    folder: Path
    jump: Host
    target: dict[str, Any]
    settings: Settings
    logins: Callable[[], int]
    refused: Callable[[], int]

    def pc(self, name: str = "pc-1", **more: Any) -> Host:
        root = self.folder / name
        (root / "etc").mkdir(parents=True, exist_ok=True)
        (root / "etc" / "hostname").write_text(f"{name}\n")
        given = {**self.target, "guiwei_root": str(root), "guiwei_state_dir": str(root / "state"), **more}
        return Host(name, given, jump=self.jump)

    def trust(self, *hosts: Host) -> None:
        for host in hosts:
            trust.record(host, scanning.scan(host, self.settings), self.settings.known_hosts)


@pytest.fixture(params=SSH_KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with ExitStack() as stack:
        found = make_place(request.param, tmp_path, stack)
        found.trust(found.jump, found.pc())
        yield found


def make_place(kind: str, folder: Path, stack: ExitStack, **options: Any) -> Place:
    settings = Settings(known_hosts=folder / "known_hosts", connect_timeout=10, step_timeout=60)
    python = {"ansible_python_interpreter": sys.executable}
    (folder / "jump").mkdir()
    if kind == "endpoint":
        options = {"forward": True, **options}
        jump = stack.enter_context(Endpoint(folder / "jump", users={"ops": "right"}, **options))
        target = stack.enter_context(Endpoint(folder, users={"clerk": "correct horse"}))
        return Place(
            folder,
            Host("bastion", endpoint_vars(jump, "ops", "right")),
            {**endpoint_vars(target, "clerk", "correct horse"), **python},
            settings,
            lambda: jump.logins,
            lambda: jump.refused,
        )
    server = stack.enter_context(Sshd(folder / "jump", **options))
    behind = stack.enter_context(Sshd(folder))
    return Place(
        folder,
        Host("bastion", server.host_vars()),
        {**behind.host_vars(), **python},
        settings,
        lambda: server.log.read_text().count("Accepted publickey"),
        lambda: server.log.read_text().count("Failed "),
    )


def endpoint_vars(endpoint: Endpoint, user: str, password: str) -> dict[str, Any]:
    return {
        "ansible_host": "127.0.0.1",
        "ansible_port": endpoint.port,
        "ansible_user": user,
        "ansible_password": password,
    }


def failure(call: Callable[[], Any]) -> GuiweiError:
    with pytest.raises(GuiweiError) as caught:
        call()
    return caught.value


def asked(host: Host, settings: Settings, jumps: Jumps | None = None) -> str:
    with connect(host, settings, jumps) as session:
        return str(session.ask(observe())["facts"]["hostname"])


def test_a_pc_behind_a_jump_host_is_as_any_other(place: Place) -> None:
    host = place.pc()
    source = place.folder / "package"
    source.write_bytes(os.urandom(3 << 20))
    sha256 = hashlib.sha256(source.read_bytes()).hexdigest()
    with connect(host, place.settings) as session:
        assert session.ask(observe())["facts"]["hostname"] == "pc-1"
        session.offer(sha256, source)
        assert session.ask(apply("run-1", file("/etc/large", sha256=sha256)))["whole"] is True
    assert (place.folder / "pc-1" / "etc" / "large").read_bytes() == source.read_bytes()
    assert place.logins() == 2, "one to learn the key, one for the session"


def test_many_pcs_share_one_connection_and_leave_none(place: Place) -> None:
    hosts = [place.pc(f"pc-{number}") for number in range(12)]
    place.trust(*hosts[:1])
    before = place.logins()
    with Jumps() as jumps, ThreadPoolExecutor(12) as pool:
        found = list(pool.map(lambda host: asked(host, place.settings, jumps), hosts))
        assert found == [host.name for host in hosts]
        assert place.logins() == before + 1
        # One after the other they share it as well, though nobody used it in between.
        assert asked(hosts[0], place.settings, jumps) == "pc-0"
        assert place.logins() == before + 1
    assert transports_to(place.jump) == 0


def test_a_session_outlives_the_pool_and_then_the_connection_ends(place: Place) -> None:
    jumps = Jumps()
    session = connect(place.pc(), place.settings, jumps)
    other = connect(place.pc("pc-2"), place.settings, jumps)
    jumps.close()
    other.close()
    assert session.ask(observe())["facts"]["hostname"] == "pc-1"
    assert transports_to(place.jump) == 1
    session.close()
    assert transports_to(place.jump) == 0


def transports_to(host: Host) -> int:
    """Return how many connections to a host this machine has, as the kernel counts them; waits until they are few."""
    port = f":{host.vars['ansible_port']:04X}"

    def count() -> int:
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return sum(row[2].endswith(port) and row[3] == "01" for row in rows)

    eventually(lambda: count() <= 1, 5)
    return count()


def test_two_jump_hosts_in_a_row(place: Place, tmp_path: Path) -> None:
    with Endpoint(tmp_path, users={"edge": "of the net"}, forward=True) as outer:
        edge = Host("edge", endpoint_vars(outer, "edge", "of the net"))
        host = replace(place.pc(), jump=replace(place.jump, jump=edge))
        place.trust(edge, replace(place.jump, jump=edge), host)
        assert asked(host, place.settings) == "pc-1"
        assert outer.forwarded.count(place.jump.vars["ansible_port"]) == len(outer.forwarded) > 0
        outer.users["edge"] = "changed"
        error = failure(lambda: connect(host, place.settings))
    assert (error.code, error.arguments["host"], error.arguments["role"]) == ("auth-failed", "edge", "jump")
    names = [line.split()[0] for line in place.settings.known_hosts.read_text().splitlines()]
    assert f"[127.0.0.1]:{place.jump.vars['ansible_port']}%[127.0.0.1]:{outer.port}" in names


def test_ssh_arguments_lead_through_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = tmp_path / "home" / ".ssh" / "id_ed25519"
    key.parent.mkdir(parents=True)
    Sshd.new_key(key)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    users = {"ops": paramiko.PKey.from_path(str(key))}
    with ExitStack() as stack:
        place = make_place("endpoint", tmp_path, stack)
        jump = stack.enter_context(Endpoint(tmp_path, users=users, forward=True))
        for arguments in (
            f"-J ops@127.0.0.1:{jump.port}",
            f"-o ProxyCommand='ssh -i {key} -p {jump.port} -W %h:%p ops@127.0.0.1'",
        ):
            host = replace(place.pc(ansible_ssh_common_args=arguments), jump=None)
            login = read_login(host).jump
            assert login is not None
            with Jumps() as jumps:
                trust.record_login(login, scanning.scan_login(login, place.settings, jumps), place.settings.known_hosts)
            place.trust(host)
            assert asked(host, place.settings) == "pc-1"
    assert jump.logins == 4


# What goes wrong


def test_a_login_that_fails_is_tried_once_for_all(place: Place) -> None:
    """Twelve tries at one account are what locks it."""
    wrong = {"ansible_password": "wrong", "ansible_ssh_private_key_file": None}
    place.jump = Host("bastion", {**place.jump.vars, **wrong})
    before = place.refused()
    hosts = [place.pc(f"pc-{number}") for number in range(12)]
    with Jumps() as jumps, ThreadPoolExecutor(12) as pool:
        errors = list(pool.map(lambda host: failure(lambda: connect(host, place.settings, jumps)), hosts))
        errors.append(failure(lambda: connect(hosts[0], place.settings, jumps)))
    assert {(error.code, error.arguments["host"], error.arguments["role"]) for error in errors} == {
        ("auth-failed", "bastion", "jump")
    }
    assert len({id(error) for error in errors}) == 13
    assert place.refused() - before <= 1
    assert "wrong" not in str(errors[0])


def test_no_key_is_taken_on_trust_at_any_hop(place: Place) -> None:
    lines = place.settings.known_hosts.read_text().splitlines(keepends=True)
    assert len(lines) == 2
    other = new_key()
    for number, (who, role) in enumerate((("bastion", "jump"), ("pc-1", None))):
        place.settings.known_hosts.write_text("".join(lines[:number] + lines[number + 1 :]))
        error = failure(lambda: connect(place.pc(), place.settings))
        assert (error.code, error.arguments["host"], error.arguments.get("role")) == ("host-key-unknown", who, role)
        name = lines[number].split()[0]
        place.settings.known_hosts.write_text(
            "".join(lines[:number] + [f"{name} {other.get_name()} {other.get_base64()}\n"] + lines[number + 1 :])
        )
        error = failure(lambda: connect(place.pc(), place.settings))
        assert (error.code, error.arguments["host"], error.arguments.get("role")) == ("host-key-changed", who, role)


def test_what_ssh_knows_of_a_host_behind_is_good_too(place: Place) -> None:
    """A known_hosts file that was taken over has plain names."""
    known = place.settings.known_hosts
    known.write_text(known.read_text().replace(f"%[127.0.0.1]:{place.jump.vars['ansible_port']}", ""))
    assert asked(place.pc(), place.settings) == "pc-1"


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("endpoint", {"forward": False}),
        pytest.param("sshd", {"options": ("AllowTcpForwarding no",)}, marks=needs_sshd),
    ],
)
def test_a_jump_host_that_passes_nothing_on(tmp_path: Path, kind: str, options: dict[str, Any]) -> None:
    with ExitStack() as stack:
        place = make_place(kind, tmp_path, stack, **options)
        place.trust(place.jump)
        error = failure(lambda: connect(place.pc(), place.settings))
    assert isinstance(error, UnreachableError)
    assert (error.code, error.arguments["host"], error.arguments["jump"]) == ("jump-forbidden", "pc-1", "bastion")


def test_a_pc_that_is_off(place: Place) -> None:
    error = failure(lambda: connect(place.pc(ansible_port=free_port()), place.settings))
    assert (error.code, error.arguments["host"], error.arguments["jump"]) == ("jump-unreached", "pc-1", "bastion")


def test_a_pc_that_says_nothing_holds_up_nobody(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, Jumps() as jumps, ThreadPoolExecutor(2) as pool:
        dead = place.pc("dead", ansible_port=silent.getsockname()[1], ansible_timeout=5)
        waiting = pool.submit(failure, lambda: connect(dead, place.settings, jumps))
        assert asked(place.pc(), place.settings, jumps) == "pc-1"
        assert not waiting.done()
        assert waiting.result(60).code == "connect-timeout"
    assert transports_to(place.jump) == 0


def test_a_silent_jump_host_is_waited_for_once(place: Place) -> None:
    """Ten hosts one after the other do not wait ten times."""
    with socket.create_server(("127.0.0.1", 0)) as silent, Jumps() as jumps:
        place.jump = Host("bastion", {**place.jump.vars, "ansible_port": silent.getsockname()[1], "ansible_timeout": 2})
        errors = [failure(partial(connect, place.pc(f"pc-{n}"), place.settings, jumps)) for n in range(10)]
        silent.settimeout(0.2)
        silent.accept()
        with pytest.raises(TimeoutError):
            silent.accept()
    assert {(error.code, error.arguments["host"], error.arguments["role"]) for error in errors} == {
        ("connect-timeout", "bastion", "jump")
    }


def test_a_cut_at_the_jump_host_is_noticed_and_made_good(place: Place) -> None:
    port = place.jump.vars["ansible_port"]
    with Proxy(port) as proxy, Jumps() as jumps:
        place.jump = Host("bastion", {**place.jump.vars, "ansible_port": proxy.port})
        place.trust(place.jump, place.pc())
        session = connect(place.pc(), place.settings, jumps)
        assert session.ask(observe())["facts"]["hostname"] == "pc-1"
        proxy.cut()
        assert failure(lambda: session.ask(observe())).code == "connection-lost"
        # The next host does not inherit the dead connection.
        assert asked(place.pc("pc-2"), place.settings, jumps) == "pc-2"
