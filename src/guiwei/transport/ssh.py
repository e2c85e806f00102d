"""SSH by paramiko: one connection a host, strict host keys, one channel a command."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Sequence
from typing import Any, TypeAlias

import paramiko
from paramiko.common import cMSG_CHANNEL_REQUEST
from paramiko.message import Message

from guiwei.errors import UnreachableError
from guiwei.transport.jumps import Jumps, Tunnel
from guiwei.transport.link import TAIL, Ended, Late
from guiwei.transport.settings import Settings
from guiwei.transport.ssh_login import log_in
from guiwei.transport.trust import check_host_key, known_types
from guiwei.transport.variables import Login

__all__ = ["SshLink", "Wire", "end_transport", "handshake", "open_ssh", "open_transport", "open_wire"]

# A library says nothing on the terminal by itself; whoever wants paramiko's log adds a handler.
logging.getLogger("paramiko").addHandler(logging.NullHandler())

#: What costs the controller least comes first: a post-quantum exchange costs many times curve25519's 15 ms of CPU.
_KEX = ("curve25519-sha256@libssh.org", "curve25519-sha256")
_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com")
#: A quiet connection is looked at this often (for keepalive): paramiko's own tenth of a second is 320 wake-ups a second
#: with 32 hosts.
_IDLE = 5.0
#: How long a read waits before standard error is looked at, so that a talkative program never blocks on it.
_SLICE = 0.5


class _Socket(socket.socket):
    """A socket whose `send` gives up at a deadline: paramiko would try again for ever."""

    send_deadline = float("inf")

    def send(self, data: bytes, flags: int = 0) -> int:  # type: ignore[override]
        try:
            return super().send(data, flags)
        except TimeoutError:
            if time.monotonic() > self.send_deadline:
                raise ConnectionAbortedError from None
            raise


#: What a connection's bytes go through: a socket, or a channel of a jump host's connection.
Wire: TypeAlias = _Socket | Tunnel


def open_wire(login: Login, settings: Settings, jumps: Jumps) -> Wire:
    """Return a way to a host's SSH server, through its jump hosts if it has some.

    Raises:
        UnreachableError: `host-name-unknown`, `connect-refused`, `connect-timeout`, `connect-failed`; for a host behind
            a jump host see `Jumps.tunnel`.
    """
    if login.jump is not None:
        return jumps.tunnel(login, settings)
    return _open_socket(login, login.connect_timeout or settings.connect_timeout)


def _open_socket(login: Login, timeout: float) -> _Socket:
    """Return a connected socket, with Nagle's delay off and a limit on unacknowledged data."""
    where: dict[str, Any] = {"host": login.name, "address": login.address, "port": login.port}
    try:
        plain = socket.create_connection((login.address, login.port), timeout)
    except (socket.gaierror, UnicodeError) as error:
        # UnicodeError: a name that no DNS can hold, such as one with two dots in a row.
        raise UnreachableError("host-name-unknown", **where) from error
    except TimeoutError as error:
        raise UnreachableError("connect-timeout", **where, seconds=timeout) from error
    except ConnectionRefusedError as error:
        raise UnreachableError("connect-refused", **where) from error
    except OSError as error:
        detail = getattr(error, "strerror", None) or str(error)
        raise UnreachableError("connect-failed", **where, detail=detail) from error
    sock = _Socket(fileno=plain.detach())
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # A peer that vanished is noticed a minute after the next keepalive, not after a quarter of an hour.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 60_000)
    return sock


def handshake(login: Login, wire: Wire, key_types: tuple[str, ...], timeout: float) -> paramiko.Transport:
    """Return a transport whose key exchange is done; nobody is logged in and the host key is not judged yet.

    Args:
        key_types: host key types to ask for first.

    Raises:
        UnreachableError: `connect-timeout` (it accepted and then said nothing), `ssh-incompatible`, `ssh-failed`.
    """
    where: dict[str, Any] = {"host": login.name, "address": login.address, "port": login.port}
    transport: paramiko.Transport | None = None
    started = time.monotonic()
    try:
        transport = paramiko.Transport(wire)  # type: ignore[arg-type]
        transport.daemon = True
        transport.banner_timeout = transport.handshake_timeout = transport.channel_timeout = timeout
        options = transport.get_security_options()
        options.kex = _first(_KEX, options.kex)
        options.ciphers = _first(_CIPHERS, options.ciphers)
        options.key_types = _first(key_types, options.key_types)
        transport.start_client(timeout=timeout)
        # Past the time-out `start_client` just returns; then there is no key yet, and asking for it says so.
        transport.get_remote_server_key()
        return transport
    except paramiko.ssh_exception.IncompatiblePeer as error:
        failure = UnreachableError("ssh-incompatible", **where, detail=str(error))
    except (paramiko.SSHException, OSError, EOFError) as error:
        # paramiko has one exception for everything; a peer that never said anything is a time-out.
        failure = UnreachableError("ssh-failed", **where, detail=str(error) or type(error).__name__)
        if time.monotonic() - started >= timeout:
            failure = UnreachableError("connect-timeout", **where, seconds=timeout)
    end_transport(transport, wire)
    raise failure


def _first(wanted: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    found = tuple(name for name in wanted if name in known)
    return found + tuple(name for name in known if name not in found)


def open_ssh(login: Login, settings: Settings, jumps: Jumps) -> SshLink:
    """Connect, check the host key, log in and open a channel.

    Raises:
        UnreachableError: any of these failed; see `open_transport`.
    """
    transport, wire = open_transport(login, settings, jumps)
    try:
        timeout = login.connect_timeout or settings.connect_timeout
        return SshLink(transport, wire, _open_channel(login, transport, timeout))
    except BaseException:
        end_transport(transport, wire)
        raise


def open_transport(login: Login, settings: Settings, jumps: Jumps) -> tuple[paramiko.Transport, Wire]:
    """Connect, check the host key and log in.

    Raises:
        UnreachableError: any of these failed; see `open_wire`, `handshake`, `check_host_key` and `log_in`.
    """
    timeout = login.connect_timeout or settings.connect_timeout
    wire = open_wire(login, settings, jumps)
    transport = handshake(login, wire, known_types(login, settings.known_hosts), timeout)
    try:
        check_host_key(login, settings.known_hosts, transport.get_remote_server_key())
        log_in(login, transport, settings.auth_timeout)
        transport.set_keepalive(int(settings.keepalive))
        wire.settimeout(_IDLE)
        return transport, wire
    except BaseException:
        end_transport(transport, wire)
        raise


def _open_channel(login: Login, transport: paramiko.Transport, timeout: float) -> paramiko.Channel:
    try:
        return transport.open_session(timeout=timeout)
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise UnreachableError(
            "ssh-failed", host=login.name, address=login.address, port=login.port, detail=str(error)
        ) from error


def end_transport(transport: paramiko.Transport | None, wire: Wire) -> None:
    """End a connection at once; paramiko's thread wakes by the shutdown instead of by its next time-out."""
    try:
        wire.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    if transport is not None:
        transport.close()
    wire.close()


class SshLink:
    """One channel of a connection."""

    def __init__(
        self, transport: paramiko.Transport, wire: Wire, channel: paramiko.Channel, owner: bool = True
    ) -> None:
        self._transport = transport
        self._wire = wire
        self._channel = channel
        self._owner = owner
        self._tail = b""

    def start(self, command: str) -> None:
        """Send the exec request and do not wait: a refusal closes the channel, which the first read sees."""
        request = Message()
        request.add_byte(cMSG_CHANNEL_REQUEST)
        request.add_int(self._channel.remote_chanid)
        request.add_string("exec")
        request.add_boolean(True)
        request.add_string(command)
        try:
            self._transport._send_user_message(request)  # type: ignore[attr-defined]
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise Ended from error

    def send(self, data: bytes, deadline: float) -> None:
        """Write all of `data`, in packets."""
        start = 0
        self._wire.send_deadline = deadline
        while start < len(data):
            self._set_slice(deadline)
            try:
                sent = self._channel.send(data[start : start + 32768])
            except TimeoutError:
                self._take_errors()
                continue
            except (OSError, EOFError, paramiko.SSHException) as error:
                raise Ended from error
            if not sent:
                raise Ended
            start += sent

    def receive(self, deadline: float) -> bytes:
        """Return bytes of standard output."""
        while True:
            self._set_slice(deadline)
            try:
                return self._channel.recv(1 << 16)
            except TimeoutError:
                self._take_errors()

    def receive_error(self, deadline: float) -> bytes:
        """Return bytes of standard error."""
        while True:
            self._set_slice(deadline)
            try:
                piece = self._channel.recv_stderr(1 << 16)
            except TimeoutError:
                continue
            self._tail = (self._tail + piece)[-TAIL:]
            return piece

    def errors(self) -> str:
        """Return the end of standard error."""
        self._take_errors()
        return self._tail.decode("utf-8", "replace")

    def exit_code(self) -> int | None:
        """Return the exit code; None if there is none (the connection went, or a signal ended the command)."""
        self._channel.status_event.wait(2)
        return self._channel.exit_status if self._channel.exit_status >= 0 else None

    def ended(self) -> bool:
        """Tell whether the exit code has come, or the channel was closed without one."""
        return self._channel.status_event.is_set()

    def lost(self) -> bool:
        """Tell whether the connection itself is gone."""
        return not self._transport.is_active()

    def another(self) -> SshLink:
        """Return a link over a second channel."""
        try:
            channel = self._transport.open_session(timeout=5)
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise Ended from error
        return SshLink(self._transport, self._wire, channel, owner=False)

    def finish(self) -> None:
        """Close the channel."""
        try:
            self._channel.close()
        except (paramiko.SSHException, OSError, EOFError):
            pass

    def close(self) -> None:
        """Close the connection, where this link opened it."""
        if not self._owner:
            self.finish()
            return
        end_transport(self._transport, self._wire)

    def _set_slice(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise Late
        self._channel.settimeout(min(left, _SLICE))

    def _take_errors(self) -> None:
        while self._channel.recv_stderr_ready():
            piece = self._channel.recv_stderr(1 << 16)
            if not piece:
                return
            self._tail = (self._tail + piece)[-TAIL:]
