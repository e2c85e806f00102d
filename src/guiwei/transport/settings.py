"""What the controller decides about connections, whatever the host."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Settings", "default_known_hosts"]


def default_known_hosts() -> Path:
    """Return guiwei's own known_hosts file: `GUIWEI_KNOWN_HOSTS`, else `~/.config/guiwei/known_hosts`."""
    given = os.environ.get("GUIWEI_KNOWN_HOSTS")
    return Path(given).expanduser() if given else Path.home() / ".config" / "guiwei" / "known_hosts"


@dataclass(frozen=True)
class Settings:
    """Deadlines in seconds, and the file of trusted host keys.

    Attributes:
        connect_timeout: for the TCP connection, and again for the key exchange.
        auth_timeout: for logging in, and for sudo to accept its password.
        step_timeout: for one answer, or for the next result of a request that gives several.
        host_deadline: for everything with one host, counted from `connect`; None is no limit.
        keepalive: a quiet connection is checked this often.
        end_timeout: how long ending a hung process tree on the PC may take.
        known_hosts: trusted host keys in OpenSSH's format.
    """

    connect_timeout: float = 10.0
    auth_timeout: float = 15.0
    step_timeout: float = 900.0
    host_deadline: float | None = None
    keepalive: float = 15.0
    end_timeout: float = 10.0
    known_hosts: Path = field(default_factory=default_known_hosts)
