"""A real OpenSSH server on a loopback port, with keys of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

__all__ = ["SSHD", "Sshd", "free_port"]

SSHD = shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def free_port() -> int:
    """Return a loopback port that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


class Sshd:
    """`sshd -D` for the current user and for `extra_users`; a context manager.

    Args:
        folder: for its keys, configuration and log.
        options: lines of `sshd_config` that come first, and so win.
        home: the HOME of every command.
        passwords: whether password logins are allowed (by PAM, so root is needed).
    """

    def __init__(
        self, folder: Path, *, options: tuple[str, ...] = (), home: Path | None = None, passwords: bool = False
    ) -> None:
        self.folder = folder / "sshd"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.home = home or self.folder / "home"
        self.home.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
        self.key = self.folder / "user_key"
        self.host_key = self.folder / "host_key"
        self.log = self.folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        for path in (self.key, self.host_key):
            self.new_key(path)
        lines = [
            *options,
            f"Port {self.port}",
            "ListenAddress 127.0.0.1",
            f"HostKey {self.host_key}",
            f"PidFile {self.folder / 'pid'}",
            f"AuthorizedKeysFile {self.key}.pub",
            "PermitRootLogin yes",
            f"PasswordAuthentication {'yes' if passwords else 'no'}",
            "KbdInteractiveAuthentication no",
            f"UsePAM {'yes' if passwords else 'no'}",
            "StrictModes no",
            "UseDNS no",
            "PrintMotd no",
            "PrintLastLog no",
            "MaxStartups 1000",
            "MaxSessions 1000",
            "LogLevel VERBOSE",
            f"SetEnv HOME={self.home}",
        ]
        (self.folder / "config").write_text("".join(line + "\n" for line in lines))

    @staticmethod
    def new_key(path: Path) -> None:
        """Make an Ed25519 key pair."""
        for old in (path, path.with_name(path.name + ".pub")):
            old.unlink(missing_ok=True)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)

    def __enter__(self) -> Sshd:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start and wait until it listens."""
        if SSHD is None:
            raise RuntimeError("sshd is not installed (apt-get install openssh-server)")
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)
        self._process = subprocess.Popen(
            [SSHD, "-D", "-f", str(self.folder / "config"), "-E", str(self.log)],
            stdin=subprocess.DEVNULL,
            env={"PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
            start_new_session=True,
        )
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if self._process.poll() is not None:
                    raise RuntimeError(self.log.read_text()) from None
                time.sleep(0.02)
        raise RuntimeError(f"sshd does not listen: {self.log.read_text()}")

    def stop(self) -> None:
        """End the server and the connections that it has."""
        process, self._process = self._process, None
        if process is None:
            return
        children = _children(process.pid)
        process.send_signal(signal.SIGTERM)
        process.wait()
        for pid in children:
            try:
                os.kill(pid, signal.SIGTERM)
            except ProcessLookupError:
                pass

    def known_host(self) -> str:
        """Return the line for known_hosts."""
        kind, key = (self.folder / "host_key.pub").read_text().split()[:2]
        return f"[127.0.0.1]:{self.port} {kind} {key}\n"

    def host_vars(self) -> dict[str, Any]:
        """Return Ansible's connection variables for this PC."""
        return {
            "ansible_host": "127.0.0.1",
            "ansible_port": self.port,
            "ansible_user": self.user,
            "ansible_ssh_private_key_file": str(self.key),
        }

    def sessions(self) -> int:
        """Return how many commands have been started."""
        return self.log.read_text().count("Starting session: command")


def _children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
