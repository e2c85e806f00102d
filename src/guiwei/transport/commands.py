"""Start a command as the account that guiwei works as, and end one that hangs."""

from __future__ import annotations

import time

from guiwei.errors import GuiweiError, HostError
from guiwei.transport.command import Launch, launch_end
from guiwei.transport.link import Ended, Late, Link
from guiwei.transport.payload import program
from guiwei.transport.settings import Settings
from guiwei.transport.variables import Login

__all__ = ["become", "end_hung"]


def become(link: Link, launch: Launch, login: Login, settings: Settings, limit: float = float("inf")) -> None:
    """Give sudo the password when it asks, once; asked again, it was wrong.

    Args:
        limit: past this instant of `time.monotonic` nothing is waited for.

    Raises:
        HostError: sudo did not take the password (`sudo-password`), or did not say anything in time.
        Ended: the command ended.
    """
    if launch.password is None:
        return
    deadline = min(time.monotonic() + settings.auth_timeout, limit)
    try:
        _give_password(link, launch, login, launch.password.reveal(), deadline)
    except Late:
        link.close()
        raise HostError("deadline-passed", host=login.name, op="sudo", seconds=settings.auth_timeout) from None


def _give_password(link: Link, launch: Launch, login: Login, password: str, deadline: float) -> None:
    heard = b""
    given = False
    while launch.ready not in heard:
        if heard.count(launch.prompt) > (1 if given else 0):
            if given:
                link.close()
                user = login.become.user if login.become else ""
                raise HostError("sudo-password", host=login.name, user=user, login=login.user, detail="")
            link.send(password.encode() + b"\n", deadline)
            given = True
        piece = link.receive_error(deadline)
        if not piece:
            raise Ended
        heard += piece


def end_hung(link: Link, token: str, login: Login, settings: Settings) -> None:
    """End the process tree of a command that did not end in time, by a second command beside it.

    What cannot be ended is left: that the command was late is said already.

    Args:
        link: any command's link on the same connection.
        token: stands in the arguments of the command.
    """
    try:
        if link.lost():
            return
        deadline = time.monotonic() + settings.end_timeout
        end = launch_end(login, token, program("end"))
        beside = link.another()
        try:
            beside.start(end.command)
            become(beside, end, login, settings, deadline)
            beside.send(end.prelude, deadline)
            while beside.receive(deadline):
                pass
        finally:
            beside.finish()
    except (Ended, Late, GuiweiError):
        pass
