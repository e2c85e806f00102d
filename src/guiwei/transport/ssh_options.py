"""What ssh arguments in an inventory mean here: jump hosts are honoured, harmless options said, the rest refused.

The forms are those of ssh(1) and ssh_config(5): `-J`, `-o ProxyJump=…`, and `-o ProxyCommand="ssh -W %h:%p …"`.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from guiwei.errors import InputError
from guiwei.model.inventory import Host, Notice

__all__ = ["Hop", "SshOptions", "read_options"]

#: ssh options that change nothing that matters here: connections are not shared, and are watched anyway.
_HARMLESS = frozenset(
    {
        "controlmaster", "controlpersist", "controlpath", "compression", "serveraliveinterval", "serveralivecountmax",
        "tcpkeepalive", "batchmode", "loglevel", "connecttimeout", "connectionattempts", "preferredauthentications",
        "identitiesonly", "gssapiauthentication", "pubkeyauthentication", "passwordauthentication", "kexalgorithms",
        "ciphers", "macs", "hostkeyalgorithms", "addressfamily", "forwardagent", "forwardx11", "checkhostip", "ipqos",
        "visualhostkey", "hashknownhosts", "updatehostkeys", "addkeystoagent",
    }
)  # fmt: skip
_HOST_KEYS = frozenset({"stricthostkeychecking", "userknownhostsfile", "globalknownhostsfile"})
_INSTEAD = {
    "port": "ansible_port",
    "p": "ansible_port",
    "user": "ansible_user",
    "l": "ansible_user",
    "hostname": "ansible_host",
    "identityfile": "ansible_ssh_private_key_file",
    "i": "ansible_ssh_private_key_file",
    "proxycommand": "-o ProxyJump=user@host:port, or guiwei_jump: HOST",
}
#: One-letter options of ssh that take a value, and those that do not and matter nothing.
_WITH_VALUE = "bcDEeFIiJLlmOopQRSWw"
_BARE = "CqvnTx46aAkK"


class Hop(NamedTuple):
    """One jump host as ssh arguments name it; None is what ssh takes by itself."""

    address: str
    port: int = 22
    user: str | None = None
    key_file: Path | None = None


@dataclass(frozen=True)
class SshOptions:
    """What the arguments say.

    Attributes:
        hops: jump hosts, the one nearest to the controller first.
        notices: what is not done as ssh would do it.
    """

    hops: tuple[Hop, ...] = ()
    notices: tuple[Notice, ...] = ()


def read_options(host: Host, arguments: list[str]) -> SshOptions:
    """Return what ssh arguments mean; of several jump settings the first counts, as for ssh.

    Args:
        arguments: the texts of `ansible_ssh_args`, `…_common_args` and `…_extra_args`, in this order.

    Raises:
        InputError: one that would reach another host or log in otherwise (`ssh-option-unsupported`), or a jump host
            that is none (`jump-unreadable`).
    """
    hops: tuple[Hop, ...] | None = None
    notices: list[Notice] = []
    for option, value in (pair for text in arguments for pair in _pairs(host, text)):
        name = option.lower() if len(option) > 1 else option
        if name in ("J", "proxyjump", "proxycommand"):
            found, more = _command(host, value) if name == "proxycommand" else (_jumps(host, value), [])
            if hops is None:
                hops = found
                notices += more
        else:
            notices.append(_notice(host, option))
    return SshOptions(hops or (), tuple(notices))


def _notice(host: Host, option: str) -> Notice:
    name = option.lower()
    if name in _HOST_KEYS:
        return Notice("host-key-checking-stays", host.place, {"host": host.name})
    if name in _HARMLESS:
        return Notice("ssh-option-ignored", host.place, {"host": host.name, "option": option})
    instead = _INSTEAD.get(name, "-")
    raise InputError("ssh-option-unsupported", host.place, host=host.name, option=option, instead=instead)


def _pairs(host: Host, text: str) -> Iterator[tuple[str, str]]:
    """Yield options with their values: `-o Name=value` gives (Name, value), `-J host` gives (J, host)."""
    words = _words(host, text)
    while words:
        word = words.pop(0)
        letter = word[1:2]
        if not word.startswith("-") or not letter:
            continue
        value = word[2:]
        if letter in _WITH_VALUE and not value and words:
            value = words.pop(0)
        if letter == "o":
            name, _, setting = value.strip().replace("=", " ", 1).partition(" ")
            if name:
                yield name, setting.strip()
        elif letter not in _BARE:
            yield letter, value


def _words(host: Host, text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise InputError("jump-unreadable", host.place, host=host.name, text=text) from error


def _jumps(host: Host, text: str) -> tuple[Hop, ...]:
    """Read `[user@]host[:port][,…]`, also as `ssh://…`; `none` is no jump at all."""
    if text.strip().lower() == "none":
        return ()
    return tuple(_hop(host, part.strip(), text) for part in text.split(","))


def _hop(host: Host, part: str, whole: str) -> Hop:
    part = part.removeprefix("ssh://").rstrip("/")
    user, _, rest = part.rpartition("@")
    address, port = rest, ""
    if rest.startswith("["):
        address, _, port = rest[1:].partition("]")
        port = port.removeprefix(":")
    elif rest.count(":") == 1:
        address, _, port = rest.partition(":")
    wrong = not address or "%" in part or any(letter.isspace() for letter in part)
    if wrong or (port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536)):
        raise InputError("jump-unreadable", host.place, host=host.name, text=whole)
    return Hop(address, int(port or 22), user or None)


def _command(host: Host, text: str) -> tuple[tuple[Hop, ...], list[Notice]]:
    """Read `ssh … -W %h:%p … [user@]host`, which is what ProxyJump does; no other program is run."""
    refusal = InputError(
        "ssh-option-unsupported", host.place, host=host.name, option="ProxyCommand", instead=_INSTEAD["proxycommand"]
    )
    if text.strip().lower() == "none":
        return (), []
    words = _words(host, text)
    if not words or words[0].rpartition("/")[2] != "ssh":
        raise refusal
    hop = Hop("")
    before: tuple[Hop, ...] = ()
    passes = False
    notices: list[Notice] = []
    rest = words[1:]
    while rest:
        word = rest.pop(0)
        if not word.startswith("-"):
            if hop.address:
                raise refusal
            named = _hop(host, word, text)
            hop = hop._replace(address=named.address, port=max(hop.port, named.port), user=named.user or hop.user)
            continue
        taken = rest.pop(0) if word[1:2] in _WITH_VALUE and not word[2:] and rest else ""
        for option, value in _pairs(host, shlex.join([word, taken] if taken else [word])):
            name = option.lower() if len(option) > 1 else option
            if name == "W":
                passes = value in ("%h:%p", "[%h]:%p")
            elif name in ("i", "identityfile"):
                hop = hop._replace(key_file=Path(value).expanduser())
            elif name in ("l", "user"):
                hop = hop._replace(user=value)
            elif name in ("p", "port"):
                hop = hop._replace(port=_hop(host, f"x:{value}", text).port)
            elif name in ("J", "proxyjump"):
                before = _jumps(host, value)
            else:
                notices.append(_notice(host, option))
    if not passes or not hop.address:
        raise refusal
    return (*before, hop), notices
