"""Asking a host which keys it has, without trusting any of them."""

from __future__ import annotations

from guiwei.model.inventory import Host
from guiwei.transport.jumps import Jumps
from guiwei.transport.settings import Settings
from guiwei.transport.ssh import end_transport, handshake, open_wire
from guiwei.transport.trust import ScannedKey, fingerprint
from guiwei.transport.variables import Login, read_login

__all__ = ["scan", "scan_login"]

#: Types that a host may have, as asked for one by one; RSA keys are `ssh-rsa` in the file, whatever their signature.
_SCAN = (("ssh-ed25519",), ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
         ("rsa-sha2-512", "rsa-sha2-256"))  # fmt: skip


def scan(host: Host, settings: Settings | None = None) -> list[ScannedKey]:
    """Return the keys that a host shows, one of each type. Whether they are its own must be checked by other means.

    Raises:
        UnreachableError: it cannot be reached or does not speak SSH.
    """
    with Jumps() as jumps:
        return scan_login(read_login(host), settings or Settings(), jumps)


def scan_login(login: Login, settings: Settings, jumps: Jumps) -> list[ScannedKey]:
    """Return the keys that a host shows; see `scan`. Its jump hosts must be trusted already."""
    timeout = login.connect_timeout or settings.connect_timeout
    found: list[ScannedKey] = []
    for types in _SCAN:
        wire = open_wire(login, settings, jumps)
        transport = handshake(login, wire, types, timeout)
        key = transport.get_remote_server_key()
        end_transport(transport, wire)
        # A host without a key of the asked type shows the one that it has.
        if all(item.key != key for item in found):
            found.append(ScannedKey(key.get_name(), fingerprint(key), key))
    return found
