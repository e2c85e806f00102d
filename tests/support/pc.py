"""One PC reached in three ways: locally, by the lab's SSH server, by real OpenSSH."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from guiwei.model.inventory import Host
from guiwei.transport import connect as transport
from guiwei.transport import scanning, trust
from guiwei.transport.local import LocalLink
from guiwei.transport.session import Session
from guiwei.transport.settings import Settings
from lab.endpoint import Endpoint
from support.proxy import Proxy
from support.sshd import SSHD, Sshd

__all__ = ["KINDS", "SSH_KINDS", "Pc", "make_pc", "needs_sshd", "processes_with"]

needs_sshd = pytest.mark.skipif(SSHD is None, reason="sshd is not installed: apt-get install openssh-server")
SSH_KINDS = ["endpoint", pytest.param("sshd", marks=needs_sshd)]
KINDS = ["local", *SSH_KINDS]


@dataclass
class Pc:
    """A PC under test.

    Attributes:
        root: prefix of its paths.
        execs: how many commands have been started on it.
    """

    kind: str
    vars: dict[str, Any]
    settings: Settings
    root: Path
    state_dir: Path
    port: int
    execs: Callable[[], int]

    def host(self, **more: Any) -> Host:
        return Host("pc-1", {**self.vars, **more})

    def connect(self, *, step_timeout: float = 60.0, **more: Any) -> Session:
        return transport.connect(self.host(**more), replace(self.settings, step_timeout=step_timeout))

    def through(self, proxy: Proxy) -> dict[str, Any]:
        """Return the variables that lead through a proxy, whose name is trusted as well."""
        host = self.host(ansible_port=proxy.port)
        trust.record(host, scanning.scan(self.host(), self.settings), self.settings.known_hosts)
        return {"ansible_port": proxy.port}

    def path(self, name: str) -> str:
        return "/" + name

    def real(self, name: str) -> Path:
        return self.root / name


def make_pc(kind: str, tmp_path: Path) -> Iterator[Pc]:
    root, state_dir = tmp_path / "pc root (一)", tmp_path / "state"
    (root / "etc").mkdir(parents=True)
    (root / "etc" / "hostname").write_text("branch-1\n")
    settings = Settings(known_hosts=tmp_path / "known_hosts", connect_timeout=10, step_timeout=60)
    common: dict[str, Any] = {"guiwei_root": str(root), "guiwei_state_dir": str(state_dir)}
    with ExitStack() as stack:
        if kind == "local":
            counted = _count_local(stack)
            yield Pc(kind, {**common, "ansible_connection": "local"}, settings, root, state_dir, 0, counted)
            return
        if kind == "endpoint":
            endpoint = stack.enter_context(Endpoint(tmp_path, users={"clerk": "correct horse"}, grace=30.0))
            login = {
                "ansible_host": "127.0.0.1",
                "ansible_port": endpoint.port,
                "ansible_user": "clerk",
                "ansible_password": "correct horse",
                "ansible_python_interpreter": sys.executable,
            }
            port, counted = endpoint.port, lambda: len(endpoint.execs)
        else:
            sshd = stack.enter_context(Sshd(tmp_path))
            login = {**sshd.host_vars(), "ansible_python_interpreter": sys.executable}
            port, counted = sshd.port, sshd.sessions
        pc = Pc(kind, {**common, **login}, settings, root, state_dir, port, counted)
        trust.record(pc.host(), scanning.scan(pc.host(), settings), settings.known_hosts)
        yield pc


def _count_local(stack: ExitStack) -> Callable[[], int]:
    started: list[str] = []
    patch = stack.enter_context(pytest.MonkeyPatch.context())
    plain = LocalLink.start

    def start(self: LocalLink, command: str) -> None:
        started.append(command)
        plain(self, command)

    patch.setattr(LocalLink, "start", start)
    return lambda: len(started)


def processes_with(text: str) -> list[int]:
    """Return the pids of live processes that have `text` in their command line."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) != os.getpid():
            try:
                line = Path("/proc", name, "cmdline").read_bytes()
                dead = Path("/proc", name, "stat").read_bytes().rpartition(b")")[2].split()[0] == b"Z"
            except OSError:
                continue
            if text.encode() in line and not dead:
                found.append(int(name))
    return found
