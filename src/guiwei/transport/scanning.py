"""Asking a host which keys it has, without trusting any of them."""

from __future__ import annotations

from guiwei.model.inventory import Host
from guiwei.transport.settings import Settings
from guiwei.transport.ssh import end_transport, handshake, open_socket
from guiwei.transport.trust import ScannedKey, fingerprint
from guiwei.transport.variables import read_login

__all__ = ["scan"]

#: Types that a host may have, as asked for one by one; RSA keys are `ssh-rsa` in the file, whatever their signature.
_SCAN = (("ssh-ed25519",), ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
         ("rsa-sha2-512", "rsa-sha2-256"))  # fmt: skip


def scan(host: Host, settings: Settings | None = None) -> list[ScannedKey]:
    """Return the keys that a host shows, one of each type. Whether they are its own must be checked by other means.

    Raises:
        UnreachableError: it cannot be reached or does not speak SSH.
    """
    login = read_login(host)
    chosen = settings or Settings()
    timeout = login.connect_timeout or chosen.connect_timeout
    found: list[ScannedKey] = []
    for types in _SCAN:
        sock = open_socket(login, timeout)
        transport = handshake(login, sock, types, timeout)
        key = transport.get_remote_server_key()
        end_transport(transport, sock)
        # A host without a key of the asked type shows the one that it has.
        if all(item.key != key for item in found):
            found.append(ScannedKey(key.get_name(), fingerprint(key), key))
    return found
