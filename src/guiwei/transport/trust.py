"""Trusted host keys: guiwei's own known_hosts file, in OpenSSH's format.

Format: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT". Certificate authorities (`@cert-authority`) are not used; a key marked
`@revoked` is refused.
"""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import paramiko
from paramiko.hostkeys import HostKeyEntry, HostKeys

from guiwei.errors import HostError, InputError, UnreachableError
from guiwei.model.inventory import Host
from guiwei.transport.variables import Login, read_login

__all__ = [
    "ScannedKey",
    "check_host_key",
    "fingerprint",
    "forget",
    "import_file",
    "known_types",
    "record",
    "record_login",
]

_RSA = ("rsa-sha2-512", "rsa-sha2-256")

_lock = threading.Lock()
_memo: dict[Path, tuple[tuple[int, int], _Known]] = {}


class ScannedKey(NamedTuple):
    """A key that a host showed: nothing is known yet of whose it is."""

    type: str
    fingerprint: str
    key: paramiko.PKey


class _Known:
    """What a file says: keys by name, and revoked ones."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.entries: list[HostKeyEntry] = []
        self.revoked: set[str] = set()
        for line in lines:
            if line.startswith("@"):
                marker, _, rest = line.partition(" ")
                if marker == "@revoked" and len(rest.split()) > 2:
                    self.revoked.add(rest.split()[2])
                continue
            entry = _entry(line)
            if entry is not None:
                self.entries.append(entry)

    def of(self, name: str) -> list[HostKeyEntry]:
        """Return the entries of a host."""
        return [entry for entry in self.entries if any(_is(other, name) for other in entry.hostnames)]


def fingerprint(key: paramiko.PKey) -> str:
    """Return a key's fingerprint as OpenSSH shows it: `SHA256:…`."""
    digest = base64.b64encode(hashlib.sha256(key.asbytes()).digest()).decode("ascii")
    return "SHA256:" + digest.rstrip("=")


def host_key_name(login: Login) -> str:
    """Return the name under which a host's key stands in the file: ssh's own, and `%` with the jump host's behind it.

    Branches behind different jump hosts may well share a private address.
    """
    name = _plain_name(login)
    return name if login.jump is None else f"{name}%{host_key_name(login.jump)}"


def _plain_name(login: Login) -> str:
    return login.address if login.port == 22 else f"[{login.address}]:{login.port}"


def known_types(login: Login, path: Path) -> tuple[str, ...]:
    """Return the host key types to ask for first: those whose key is known."""
    types = dict.fromkeys(entry.key.get_name() for entry in _entries(_load(path), login))
    return tuple(name for kind in types for name in (_RSA if kind == "ssh-rsa" else (kind,)))


def _entries(known: _Known, login: Login) -> list[HostKeyEntry]:
    """What ssh itself recorded of a host behind a jump host stands under the plain name."""
    return known.of(host_key_name(login)) or known.of(_plain_name(login))


def check_host_key(login: Login, path: Path, key: paramiko.PKey) -> None:
    """Accept only the key that the file has for this host.

    Raises:
        UnreachableError: `host-key-unknown`, `host-key-changed`, `host-key-revoked`.
    """
    name = host_key_name(login)
    shown: dict[str, Any] = {"host": login.name, "name": name, "type": key.get_name(), "fingerprint": fingerprint(key)}
    known = _load(path)
    if key.get_base64() in known.revoked:
        raise UnreachableError("host-key-revoked", **shown)
    found = _entries(known, login)
    if not found:
        raise UnreachableError("host-key-unknown", **shown)
    # Any of them: a host may have several keys of one type while it changes them.
    if any(entry.key == key for entry in found):
        return
    expected = ", ".join(f"{entry.key.get_name()} {fingerprint(entry.key)}" for entry in found)
    raise UnreachableError("host-key-changed", **shown, expected=expected)


def record(host: Host, keys: Iterable[ScannedKey], path: Path) -> None:
    """Trust these keys for the host, instead of others that the file has for it."""
    record_login(read_login(host), keys, path)


def record_login(login: Login, keys: Iterable[ScannedKey], path: Path) -> None:
    """Trust these keys for what a login leads to, such as a jump host that no inventory names."""
    name = host_key_name(login)
    fresh = [f"{name} {item.key.get_name()} {item.key.get_base64()}" for item in keys]
    with _changing(path) as lines:
        lines[:] = list(_without(lines, name)) + fresh


def forget(host: Host, path: Path) -> bool:
    """Take a host's keys out of the file; tell whether there were any."""
    name = host_key_name(read_login(host))
    with _changing(path) as lines:
        kept = list(_without(lines, name))
        changed = kept != lines
        lines[:] = kept
    return changed


def import_file(source: Path, path: Path) -> int:
    """Add every host key of another known_hosts file (OpenSSH's, hashed names as well); return how many were new.

    Raises:
        InputError: `known-hosts-unreadable`, or no line of it is a host key (`known-hosts-empty`).
    """
    try:
        given = source.read_text("utf-8", "replace").splitlines()
    except OSError as error:
        raise InputError("known-hosts-unreadable", path=str(source), detail=error.strerror or str(error)) from error
    usable = [line.strip() for line in given if line.startswith("@revoked ") or _entry(line) is not None]
    if not usable:
        raise InputError("known-hosts-empty", path=str(source))
    with _changing(path) as lines:
        new = [line for line in dict.fromkeys(usable) if line not in lines]
        lines.extend(new)
    return len(new)


def _entry(line: str) -> HostKeyEntry | None:
    line = line.strip()
    if not line or line.startswith(("#", "@")):
        return None
    try:
        return HostKeyEntry.from_line(line)
    except Exception:
        # Whatever paramiko and its libraries raise here, it says that the line holds no usable key.
        return None


def _is(written: str, name: str) -> bool:
    """Tell whether a name in the file, hashed or plain, is this one."""
    return written == name or (written.startswith("|1|") and HostKeys.hash_host(name, written) == written)


def _without(lines: Iterable[str], name: str) -> Iterator[str]:
    """Yield the lines without this name; a line that names other hosts too keeps those."""
    for line in lines:
        entry = _entry(line)
        if entry is None:
            yield line
            continue
        left = [other for other in entry.hostnames if not _is(other, name)]
        if left == entry.hostnames:
            yield line
        elif left:
            yield ",".join(left) + " " + line.strip().split(" ", 1)[1]


def _load(path: Path) -> _Known:
    """Return what the file says, read again when it has changed: many hosts ask for it at once."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return _Known(())
    except OSError as error:
        raise HostError("known-hosts-unreadable", path=str(path), detail=error.strerror or str(error)) from error
    stamp = (found.st_mtime_ns, found.st_size)
    with _lock:
        memo = _memo.get(path)
        if memo is None or memo[0] != stamp:
            try:
                memo = _memo[path] = (stamp, _Known(path.read_text("utf-8", "replace").splitlines()))
            except OSError as error:
                detail = error.strerror or str(error)
                raise HostError("known-hosts-unreadable", path=str(path), detail=detail) from error
        return memo[1]


@contextmanager
def _changing(path: Path) -> Iterator[list[str]]:
    """Give the lines of the file to change; they replace it at once and durably, and nobody changes it meanwhile."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(path.with_name(path.name + ".lock"), "ab") as lock:
        _hold(lock.fileno())
        lines = path.read_text("utf-8", "replace").splitlines() if path.exists() else []
        before = list(lines)
        yield lines
        if lines == before:
            return
        handle, temporary = tempfile.mkstemp(prefix=path.name + ".", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write("".join(line + "\n" for line in lines))
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise


def _hold(handle: int) -> None:
    try:
        import fcntl
    except ImportError:  # Windows: the last writer wins there
        return
    fcntl.flock(handle, fcntl.LOCK_EX)
