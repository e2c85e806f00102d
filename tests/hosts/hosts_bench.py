"""A PC behind a real sshd: what guiwei is told of it, and how another program looks at it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import testinfra
import yaml
from scenario_bench import Bench, Result
from support.asking import eventually
from support.sshd import Sshd
from testinfra.host import Host

__all__ = ["Machine", "listening", "looked_at"]


class Machine:
    """One PC and its controller.

    Attributes:
        root: the PC's `/`.
        judge: testinfra's own SSH connection to the machine; paths there are real ones, see `real`.
        hosts: the inventory; `pc1` is in it.
    """

    def __init__(self, bench: Bench, sshd: Sshd) -> None:
        self.bench = bench
        self.root = bench.root
        self.state = bench.state
        self.sshd = sshd
        self.hosts: dict[str, dict[str, Any]] = {
            "pc1": {
                **sshd.host_vars(),
                "ansible_python_interpreter": sys.executable,
                "guiwei_root": str(bench.root),
                "guiwei_state_dir": str(bench.state),
            }
        }
        (bench.folder / "known_hosts").write_text(sshd.known_host(), encoding="ascii")
        self.judge: Host = testinfra.get_host(
            f"ssh://{sshd.user}@127.0.0.1:{sshd.port}",
            ssh_config=str(self._ssh_config()),
            ssh_identity_file=str(sshd.key),
            # No connection may outlive the test.
            controlpersist=0,
        )

    def _ssh_config(self) -> Path:
        path = self.bench.folder / "ssh_config"
        # OpenSSH's first choice of key exchange costs seven times as much CPU.
        lines = ("IdentitiesOnly yes", "BatchMode yes", "StrictHostKeyChecking yes", "KexAlgorithms curve25519-sha256",
                 f"UserKnownHostsFile {self.bench.folder / 'known_hosts'}")  # fmt: skip
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return path

    def guiwei(self, *words: str) -> Result:
        """Run one command with the inventory as `hosts` has it, as a process of its own."""
        text = yaml.safe_dump({"all": {"hosts": self.hosts}}, allow_unicode=True, sort_keys=False)
        self.bench.write({"hosts.yml": text})
        home = self.bench.folder / "home"
        done = subprocess.run(
            [sys.executable, "-m", "guiwei", *words, "-i", "hosts.yml"],
            cwd=self.bench.work,
            env={
                **os.environ,
                "HOME": str(home),
                "GUIWEI_HOME": str(home / "guiwei"),
                "GUIWEI_KNOWN_HOSTS": str(self.bench.folder / "known_hosts"),
                "GUIWEI_LANG": "en",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def apply(self, playbook: str = "playbook.yml", *, code: int = 0) -> dict[str, Any]:
        """Apply a playbook and return the document; the exit code must be `code`."""
        done = self.guiwei("apply", playbook, "--yes", "--json")
        assert done.code == code, done
        document: dict[str, Any] = json.loads(done.out)
        return document

    def real(self, path: str) -> str:
        """Return where a path of the PC lies on the machine."""
        return str(self.root) + path

    def nothing_is_left(self) -> None:
        """Assert that no agent runs, and that nothing temporary lies on the PC or in guiwei's folder."""
        # The agent ends when its channel has closed: a moment after guiwei itself.
        assert eventually(lambda: not self._agents()), self._agents()
        for folder in (self.root, self.state):
            assert self.judge.check_output("find %s -name '*guiwei-*' -o -name '*.partial'", str(folder)) == ""

    def _agents(self) -> list[str]:
        """Return the processes that were started with guiwei's folder on this PC: that is an agent's argument."""
        found = self.judge.check_output("ps -eo args").splitlines()
        return [line for line in found if line.endswith(f" {self.state}")]


def looked_at(machine: Machine) -> str:
    """Return every path of the PC with kind, mode, owner, size, time and hash, as the machine's own tools see it."""
    root = str(machine.root)
    listed = machine.judge.check_output("cd %s && find . -printf '%%p %%y %%m %%u %%g %%s %%T@\\n' | sort", root)
    hashes = machine.judge.check_output("cd %s && find . -type f -exec sha256sum {} + | sort", root)
    return f"{listed}\n{hashes}"


def listening(machine: Machine, port: int) -> bool:
    """Tell whether something listens on a loopback port, as the kernel's own table says."""
    table = machine.judge.file("/proc/net/tcp").content_string.splitlines()[1:]
    return any(line.split()[1] == f"0100007F:{port:04X}" and line.split()[3] == "0A" for line in table)
