"""An SSH server on loopback that runs commands as its own user: a branch PC to log in to, without root or sshd.

It knows nothing of guiwei. Every exec request runs `/bin/sh -c COMMAND` with the three streams piped. When the client
goes, the command sees the end of its input first and is ended, with all it started, a grace later.
"""

from __future__ import annotations

import hmac
import io
import logging
import os
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import paramiko
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from paramiko.common import (
    AUTH_FAILED,
    AUTH_SUCCESSFUL,
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_FAILED_CONNECT_FAILED,
    OPEN_SUCCEEDED,
)

__all__ = ["Endpoint", "new_key"]

logging.getLogger("paramiko").addHandler(logging.NullHandler())

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def new_key() -> paramiko.PKey:
    """Return a new Ed25519 key."""
    text = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    return paramiko.Ed25519Key.from_private_key(io.StringIO(text.decode("ascii")))


class Endpoint:
    """A branch PC's SSH server on 127.0.0.1; use it as a context manager, or `start` and `stop`.

    Args:
        root: the PC's folder; `HOME` of every command is `<root>/root` if that is there, else the folder itself.
        host_key: a new one by default.
        users: name → password, or public key.
        port: 0 takes a free one.
        env: of every command, beside PATH, HOME, USER and LANG.
        grace: seconds from the client's going to the end of what it started.
        forward: whether it passes connections on to other ports of this machine, as a jump host does.
    """

    def __init__(
        self,
        root: Path,
        *,
        host_key: paramiko.PKey | None = None,
        users: Mapping[str, str | paramiko.PKey],
        port: int = 0,
        env: Mapping[str, str] | None = None,
        grace: float = 10.0,
        forward: bool = False,
    ) -> None:
        self.root = root
        self.forward = forward
        self.logins = self.refused = 0
        self.host_key = host_key or new_key()
        self.users = dict(users)
        self.grace = grace
        self.execs: list[str] = []
        self.forwarded: list[int] = []
        self._env = dict(env or {})
        self._port = port
        self._listener: socket.socket | None = None
        self._transports: list[paramiko.Transport] = []
        self._commands: list[_Command] = []
        self._lock = threading.Lock()

    def __enter__(self) -> Endpoint:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """Return the port that it listens on."""
        return self._port

    def start(self) -> None:
        """Listen and serve in the background."""
        self._listener = socket.create_server(("127.0.0.1", self._port), backlog=64)
        self._port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def stop(self) -> None:
        """Close every connection and end every command."""
        if self._listener is not None:
            # Closing alone would leave the thread in accept().
            try:
                self._listener.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            self._listener.close()
            self._listener = None
        with self._lock:
            transports, commands = self._transports, self._commands
            self._transports, self._commands = [], []
        for transport in transports:
            transport.close()
        for command in commands:
            command.end(min(self.grace, 2.0))

    def environment(self, user: str) -> dict[str, str]:
        """Return the environment of a user's commands."""
        home = self.root / "root"
        plain = {
            "PATH": _PATH,
            "HOME": str(home if home.is_dir() else self.root),
            "USER": user,
            "LOGNAME": user,
            "LANG": "C.UTF-8",
        }
        return {**plain, **self._env}

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            transport = paramiko.Transport(sock)
            transport.daemon = True
            transport.add_server_key(self.host_key)
            with self._lock:
                self._transports = [t for t in self._transports if t.is_active()] + [transport]
            try:
                transport.start_server(event=threading.Event(), server=_Server(self, transport))
            except (paramiko.SSHException, OSError, EOFError):
                transport.close()

    def run(self, transport: paramiko.Transport, channel: paramiko.Channel, command: str, user: str) -> None:
        """Run one command for a channel."""
        self.execs.append(command)
        running = _Command(transport, channel, command, self.environment(user), self.root, self.grace)
        with self._lock:
            self._commands = [c for c in self._commands if not c.ended()] + [running]
        running.start()


class _Server(paramiko.ServerInterface):
    """What one connection may do: log in, open sessions, run commands."""

    def __init__(self, endpoint: Endpoint, transport: paramiko.Transport) -> None:
        self._endpoint = endpoint
        self._transport = transport
        self._onward: dict[int, socket.socket] = {}
        self._forwarding = False

    def get_allowed_auths(self, username: str) -> str:
        return "publickey" if isinstance(self._endpoint.users.get(username), paramiko.PKey) else "password"

    def check_auth_password(self, username: str, password: str) -> int:
        known = self._endpoint.users.get(username)
        return self._counted(isinstance(known, str) and hmac.compare_digest(known.encode(), password.encode()))

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        known = self._endpoint.users.get(username)
        same = isinstance(known, paramiko.PKey) and known.asbytes() == key.asbytes()
        return self._counted(same)

    def _counted(self, good: bool) -> int:
        self._endpoint.logins += good
        self._endpoint.refused += not good
        return AUTH_SUCCESSFUL if good else AUTH_FAILED

    def check_channel_direct_tcpip_request(
        self, chanid: int, origin: tuple[str, int], destination: tuple[str, int]
    ) -> int:
        if not self._endpoint.forward or destination[0] not in ("127.0.0.1", "localhost"):
            return OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED
        try:
            onward = socket.create_connection(("127.0.0.1", destination[1]), 5)
        except OSError:
            return OPEN_FAILED_CONNECT_FAILED
        onward.settimeout(None)
        onward.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._endpoint.forwarded.append(destination[1])
        self._onward[chanid] = onward
        if not self._forwarding:
            # The channel itself is there only once this has returned.
            self._forwarding = True
            threading.Thread(target=self._forward, daemon=True).start()
        return OPEN_SUCCEEDED

    def _forward(self) -> None:
        while self._transport.is_active():
            channel = self._transport.accept(1.0)
            onward = None if channel is None else self._onward.pop(channel.get_id(), None)
            if channel is not None and onward is not None:
                for pump in (_to_socket, _to_channel):
                    threading.Thread(target=pump, args=(channel, onward), daemon=True).start()
        for onward in self._onward.values():
            onward.close()

    def check_channel_request(self, kind: str, chanid: int) -> int:
        allowed = kind == "session"
        return OPEN_SUCCEEDED if allowed else OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        user = self._transport.get_username() or ""
        # Beside the connection's own thread, which has other channels to serve.
        work = (self._transport, channel, os.fsdecode(command), user)
        threading.Thread(target=self._endpoint.run, args=work, daemon=True).start()
        return True


def _to_socket(channel: paramiko.Channel, onward: socket.socket) -> None:
    """Move bytes until the client goes."""
    try:
        while piece := channel.recv(1 << 16):
            onward.sendall(piece)
    except (OSError, EOFError):
        pass
    try:
        onward.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


def _to_channel(channel: paramiko.Channel, onward: socket.socket) -> None:
    """Move bytes until the other end goes."""
    try:
        while piece := onward.recv(1 << 16):
            channel.sendall(piece)
        channel.close()
    except (OSError, EOFError, paramiko.SSHException):
        pass
    onward.close()


class _Command:
    """One command and the threads that move its bytes."""

    def __init__(
        self,
        transport: paramiko.Transport,
        channel: paramiko.Channel,
        command: str,
        environment: Mapping[str, str],
        folder: Path,
        grace: float,
    ) -> None:
        self._transport = transport
        self._channel = channel
        self._grace = grace
        # Its write end is closed when the client goes: that wakes whoever waits for output.
        self._gone, self._client = os.pipe()
        self._leaving = threading.Lock()
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env=dict(environment),
            cwd=folder,
            start_new_session=True,
        )

    def start(self) -> None:
        """Move bytes until the command ends or the client goes."""
        output = [
            threading.Thread(target=self._copy_out, args=(self._process.stdout, self._channel.sendall), daemon=True),
            threading.Thread(
                target=self._copy_out, args=(self._process.stderr, self._channel.sendall_stderr), daemon=True
            ),
        ]
        for thread in output:
            thread.start()
        threading.Thread(target=self._copy_in, daemon=True).start()
        # A service that the command left behind may hold the pipes; its end is the command's all the same.
        code = self._process.wait()
        for thread in output:
            thread.join(1.0)
        self._leave()
        for thread in output:
            thread.join()
        os.close(self._gone)
        try:
            self._channel.send_exit_status(code if code >= 0 else 128 - code)
            self._channel.shutdown_write()
            self._channel.close()
        except (OSError, EOFError, paramiko.SSHException):
            pass

    def ended(self) -> bool:
        """Tell whether the command has ended."""
        return self._process.poll() is not None

    def end(self, grace: float) -> None:
        """End the command and all that it started, after a grace."""
        limit = time.monotonic() + grace
        while self._process.poll() is None and time.monotonic() < limit:
            time.sleep(0.02)
        if self._process.poll() is None:
            for pid in [*_below(self._process.pid), self._process.pid]:
                try:
                    os.kill(pid, signal.SIGKILL)
                except OSError:
                    pass

    def _copy_in(self) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        try:
            while piece := self._channel.recv(1 << 16):
                rest = memoryview(piece)
                while rest:
                    rest = rest[stdin.write(rest) :]
        except (OSError, EOFError):
            pass
        try:
            stdin.close()
        except OSError:
            pass
        while self._process.poll() is None:
            # End of input is not the client's going: it may wait for the answer.
            if self._channel.closed or not self._transport.is_active():
                break
            time.sleep(0.05)
        self._leave()
        self.end(self._grace)

    def _leave(self) -> None:
        with self._leaving:
            if self._client >= 0:
                os.close(self._client)
            self._client = -1

    def _copy_out(self, stream: io.RawIOBase, send: Callable[[bytes], None]) -> None:
        poll = select.poll()
        poll.register(stream, select.POLLIN)
        poll.register(self._gone, select.POLLIN)
        # Leaving closes our end of the pipe: the command's next write fails, and so it learns that nobody listens.
        with stream:
            while True:
                ready = [handle for handle, _ in poll.poll()]
                if stream.fileno() not in ready:
                    return
                piece = stream.read(1 << 16)
                if not piece:
                    return
                try:
                    send(piece)
                except (OSError, EOFError, paramiko.SSHException):
                    return


def _below(pid: int) -> list[int]:
    """Return every process that comes from `pid`, children before parents; empty where there is no /proc."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        if name.isdigit():
            try:
                after = Path("/proc", name, "stat").read_bytes().rpartition(b")")[2].split()
            except OSError:
                continue
            children.setdefault(int(after[1]), []).append(int(name))
    found: list[int] = []
    level = children.get(pid, [])
    while level:
        found = level + found
        level = [child for parent in level for child in children.get(parent, [])]
    return found
