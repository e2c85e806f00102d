"""Open the transport that a host's variables ask for."""

from __future__ import annotations

import time

from guiwei.model.inventory import Host
from guiwei.transport.jumps import Jumps
from guiwei.transport.link import Ended, Link
from guiwei.transport.local import LocalLink
from guiwei.transport.session import Session
from guiwei.transport.settings import Settings
from guiwei.transport.ssh_library import load_paramiko
from guiwei.transport.variables import read_login

__all__ = ["Settings", "connect"]


def connect(host: Host, settings: Settings, jumps: Jumps | None = None) -> Session:
    """Connect to a host, log in and start its agent; whether the agent comes up is seen by the first `ask`.

    Args:
        jumps: jump hosts' connections, to be shared with other hosts; by default the session has its own.

    Raises:
        InputError: the variables ask for what cannot be done; see `read_login`.
        UnreachableError: the host cannot be reached, its key is not trusted, or the login fails.
    """
    started = time.monotonic()
    login = read_login(host)
    link: Link
    if login.local:
        link = LocalLink()
    else:
        # SSH is not loaded where it is not needed: it costs a tenth of a second.
        load_paramiko()
        from guiwei.transport.ssh import open_ssh

        if jumps is not None:
            link = open_ssh(login, settings, jumps)
        else:
            with Jumps() as own:
                # Left at once: what the session uses stays until the session ends.
                link = open_ssh(login, settings, own)
    session = Session(link, login, settings, started)
    try:
        session.start()
    except Ended:
        # The first `ask` finds out why.
        pass
    return session
