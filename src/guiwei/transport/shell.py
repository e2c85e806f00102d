"""Shell commands on one host, over one connection, as the account that guiwei works as there.

For those who look at a PC by themselves; guiwei's own work is done by the agent.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from guiwei.errors import GuiweiError, HostError, UnreachableError
from guiwei.transport.command import launch_shell
from guiwei.transport.commands import become, end_hung
from guiwei.transport.jumps import Jumps
from guiwei.transport.link import Ended, Late, Link
from guiwei.transport.local import LocalLink
from guiwei.transport.settings import Settings
from guiwei.transport.variables import Login

__all__ = ["Said", "Shell"]


class Said(NamedTuple):
    """How a command ended and what it said; of standard error the last 8 KiB."""

    code: int
    out: bytes
    errors: bytes


class Shell:
    """One host's connection, made when the first command is run; used by one thread.

    Args:
        jumps: jump hosts' connections, shared with other hosts.
    """

    def __init__(self, login: Login, settings: Settings, jumps: Jumps) -> None:
        self._login = login
        self._settings = settings
        self._jumps = jumps
        self._link: Link | None = None
        self._broken: GuiweiError | None = None

    def run(self, command: str) -> Said:
        """Run a command by the PC's /bin/sh, with nothing on its standard input, and return what it said.

        Raises:
            UnreachableError: the host cannot be reached or logged in to, or the connection went.
            HostError: the command did not end within the step's deadline (`deadline-passed`), and was ended; sudo
                refuses (`sudo-password`); or the host has no /bin/sh (`shell-windows`).

        All of them but a late command are final: nothing is tried twice, for what is tried is counted somewhere.
        """
        if self._broken is not None:
            raise type(self._broken)(self._broken.code, **self._broken.arguments)
        try:
            if self._link is None:
                self._link = self._opened()
                self._try_sudo()
            return self._run(self._link, command)
        except GuiweiError as error:
            if error.arguments.get("op") != "shell":
                self._broken = error
            raise

    def _run(self, connection: Link, command: str) -> Said:
        launch = launch_shell(self._login, command)
        deadline = time.monotonic() + self._settings.step_timeout
        try:
            link = connection.another()
        except Ended:
            raise UnreachableError("connection-lost", host=self._login.name, detail="") from None
        try:
            link.start(launch.command)
            become(link, launch, self._login, self._settings, deadline)
            return self._heard(link, deadline, launch.ready)
        except Late:
            end_hung(connection, launch.token, self._login, self._settings)
            seconds = self._settings.step_timeout
            raise HostError("deadline-passed", host=self._login.name, op="shell", seconds=seconds) from None
        except Ended:
            # sudo, that will not do it, or the connection.
            return self._ended(link, b"", launch.ready)
        finally:
            link.finish()

    def close(self) -> None:
        """Close the connection."""
        if self._link is not None:
            self._link.close()
            self._link = None

    def _opened(self) -> Link:
        if self._login.windows_shell:
            raise HostError("shell-windows", host=self._login.name)
        if self._login.local:
            return LocalLink()
        from guiwei.transport.ssh import open_ssh

        return open_ssh(self._login, self._settings, self._jumps)

    def _try_sudo(self) -> None:
        """See that sudo lets us: what it says otherwise must not be taken for what a command says."""
        become = self._login.become
        if become is None or self._link is None:
            return
        said = self._run(self._link, "exit 0")
        if said.code:
            detail = said.errors.decode("utf-8", "replace").strip()
            raise HostError(
                "sudo-password", host=self._login.name, user=become.user, login=self._login.user, detail=detail
            )

    def _heard(self, link: Link, deadline: float, ready: bytes) -> Said:
        out = b""
        while piece := link.receive(deadline):
            out += piece
        return self._ended(link, out, ready, deadline)

    def _ended(self, link: Link, out: bytes, ready: bytes, deadline: float = 0.0) -> Said:
        code = link.exit_code()
        while code is None and not link.ended() and not link.lost() and time.monotonic() < deadline:
            # It has closed its output and goes on.
            code = link.exit_code()
        if code is None and link.lost():
            raise UnreachableError("connection-lost", host=self._login.name, detail=link.errors().strip())
        if code is None and deadline and not link.ended():
            raise Late
        errors = link.errors().encode()
        if ready and ready in errors:
            errors = errors.partition(ready)[2].lstrip(b"\n")
        return Said(255 if code is None else code, out, errors)
