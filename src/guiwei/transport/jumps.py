"""Connections to jump hosts: one each, shared by all PCs behind it.

A jump host is logged in to as strictly as a PC: its own host key, its own login, each way tried once. What fails there
fails for every PC behind it at once, instead of being tried again for each of them: that is what locks accounts.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from guiwei.errors import GuiweiError, UnreachableError
from guiwei.transport.settings import Settings
from guiwei.transport.variables import Login

if TYPE_CHECKING:
    # Loaded only where SSH is needed: it costs a tenth of a second.
    import paramiko

    from guiwei.transport.ssh import Wire

__all__ = ["Jumps", "Tunnel"]

#: What SSH servers say when a connection cannot be passed on (RFC 4254, section 5.1).
_PROHIBITED = 1


class Tunnel:
    """A channel through a jump host in the place of a socket.

    Args:
        release: called once, when the tunnel is closed.
    """

    def __init__(self, channel: paramiko.Channel, release: Callable[[], None]) -> None:
        self._channel = channel
        self._release: Callable[[], None] | None = release
        self._closing = threading.Lock()
        #: Past this instant of `time.monotonic` a write gives up: paramiko would try again for ever.
        self.send_deadline = float("inf")

    @property
    def _closed(self) -> bool:
        """What paramiko looks at in a socket while it ends its thread."""
        return self._channel.closed

    def send(self, data: bytes) -> int:
        """Send what fits and return how much that was."""
        try:
            sent = self._channel.send(data)
        except TimeoutError:
            if time.monotonic() > self.send_deadline:
                raise ConnectionAbortedError from None
            raise
        if not sent:
            raise ConnectionAbortedError
        return sent

    def recv(self, size: int) -> bytes:
        """Return up to `size` bytes; nothing at the end."""
        return self._channel.recv(size)

    def settimeout(self, timeout: float | None) -> None:
        """Let reads and writes wait for so many seconds."""
        self._channel.settimeout(timeout)

    def getpeername(self) -> Any:
        """Return the jump host's address: the PC's own is not known here."""
        return self._channel.getpeername()

    def shutdown(self, _how: int) -> None:
        """End both directions; whoever waits for bytes wakes."""
        self.close()

    def close(self) -> None:
        """Close the channel and give the jump host's connection back."""
        with self._closing:
            release, self._release = self._release, None
        if release is None:
            return
        import paramiko

        try:
            self._channel.close()
        except (paramiko.SSHException, OSError, EOFError):
            # The jump host is gone, and the channel with it.
            pass
        finally:
            release()


class _Shared:
    """One jump host's connection, or why there is none."""

    def __init__(self, key: tuple[Any, ...]) -> None:
        self.key = key
        self.ready = threading.Event()
        self.failure: BaseException | None = None
        self.transport: paramiko.Transport | None = None
        self.wire: Wire | None = None
        self.users = 0

    @property
    def gone(self) -> bool:
        """Whether it was there and has ended."""
        return self.ready.is_set() and self.transport is not None and not self.transport.is_active()


class Jumps:
    """The jump hosts' connections of one run, used by many threads.

    They stay from the first PC to the last; closed, each ends as soon as no PC uses it any more.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shared: dict[tuple[Any, ...], _Shared] = {}
        self._closed = False

    def __enter__(self) -> Jumps:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def tunnel(self, login: Login, settings: Settings) -> Tunnel:
        """Return a way to a host through its jump host.

        Raises:
            UnreachableError: the jump host cannot be reached or logged in to (as for any host, with `role` `jump`), or
                does not pass the connection on (`jump-forbidden`, `jump-unreached`, `jump-timeout`).
        """
        jump = login.jump
        assert jump is not None
        shared = self._joined(jump, settings)
        try:
            channel = _open(shared, login, jump, login.connect_timeout or settings.connect_timeout)
        except BaseException:
            self._leave(shared)
            raise
        return Tunnel(channel, lambda: self._leave(shared))

    def close(self) -> None:
        """End every connection that no PC uses; the others end with their last PC."""
        with self._lock:
            self._closed = True
            idle = [shared for shared in self._shared.values() if not shared.users]
        for shared in idle:
            _end(shared)

    def _joined(self, jump: Login, settings: Settings) -> _Shared:
        """Return the jump host's connection; the first who asks makes it, the others wait for that one."""
        key = _key(jump)
        with self._lock:
            shared = self._shared.get(key)
            first = shared is None or shared.gone
            if shared is None or first:
                shared = self._shared[key] = _Shared(key)
            shared.users += 1
        if first:
            self._connect(shared, jump, settings)
        else:
            # Its maker is bound by the deadlines of connecting.
            shared.ready.wait()
        failure = shared.failure
        if failure is None:
            return shared
        self._leave(shared)
        if isinstance(failure, GuiweiError):
            # An error of its own for each PC: a shared one would gather the tracebacks of all.
            raise type(failure)(failure.code, failure.place, **{**failure.arguments, "role": "jump"})
        raise failure

    def _connect(self, shared: _Shared, jump: Login, settings: Settings) -> None:
        from guiwei.transport.ssh import open_transport

        try:
            shared.transport, shared.wire = open_transport(jump, settings, self)
        except BaseException as error:
            shared.failure = error
        finally:
            shared.ready.set()

    def _leave(self, shared: _Shared) -> None:
        with self._lock:
            shared.users -= 1
            last = not shared.users and (self._closed or self._shared.get(shared.key) is not shared)
        if last:
            _end(shared)


def _open(shared: _Shared, login: Login, jump: Login, timeout: float) -> paramiko.Channel:
    import paramiko

    where: dict[str, Any] = {"host": login.name, "jump": jump.name, "address": login.address, "port": login.port}
    started = time.monotonic()
    assert shared.transport is not None
    try:
        channel = shared.transport.open_channel(
            "direct-tcpip", (login.address, login.port), ("127.0.0.1", 0), timeout=timeout
        )
    except paramiko.ChannelException as error:
        if error.code == _PROHIBITED:
            raise UnreachableError("jump-forbidden", **where, detail=error.text) from error
        raise UnreachableError("jump-unreached", **where, detail=error.text) from error
    except (paramiko.SSHException, OSError, EOFError) as error:
        if time.monotonic() - started >= timeout:
            raise UnreachableError("jump-timeout", **where, seconds=timeout) from error
        raise UnreachableError("jump-unreached", **where, detail=str(error) or type(error).__name__) from error
    return channel


def _end(shared: _Shared) -> None:
    from guiwei.transport.ssh import end_transport

    if shared.wire is not None:
        end_transport(shared.transport, shared.wire)


def _key(login: Login) -> tuple[Any, ...]:
    """What makes two logins one: where, who, by which means, over which further jump hosts."""
    before = None if login.jump is None else _key(login.jump)
    return login.address, login.port, login.user, login.key_file, login.password, login.passphrase, before
