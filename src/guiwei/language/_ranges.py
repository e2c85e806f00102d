"""Host names with ports and ranges, as Ansible writes them: `pc[01:20:2].branch`, `pc[a:f]`, `pc7:2222`, `[::1]:22`.

Source of the grammar: https://docs.ansible.com/ansible/latest/inventory_guide/intro_inventory.html, "Adding ranges
of hosts"; the corner cases were compared with ansible-core itself.
"""

from __future__ import annotations

import ipaddress
import re
import string

from guiwei.errors import InputError, Place

__all__ = ["expand", "is_address", "split_port"]

#: More hosts than this from one line is a slip of the pen (`pc[1:100000000]`), not a fleet.
_MAX_HOSTS = 100_000

_BRACKETED = re.compile(r"\[(?P<host>.+)\]:(?P<port>[0-9]+)\Z")
_PORT = re.compile(r"(?P<host>(?:[^:\[\]]|\[[^\]]*\])*):(?P<port>[0-9]+)\Z")
_RANGE = r"\[(?:[a-z]:[a-z]|[0-9]+:[0-9]+)(?::[0-9]+)?\]"
_LABEL = rf"(?:\w|{_RANGE})(?:[\w-]|{_RANGE})*(?<![_-])"
_HOSTNAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\Z", re.IGNORECASE)
_HEX_RANGE = re.compile(r"\[[0-9a-f]+:[0-9a-f]+(?::[0-9]+)?\]", re.IGNORECASE)


def split_port(text: str) -> tuple[str, int | None] | None:
    """Split a host name (ranges allowed) from its port.

    Returns:
        The name and the port, or None when the text is not a host name or address at all.
    """
    port: int | None = None
    for pattern in (_BRACKETED, _PORT):
        match = pattern.match(text)
        if match:
            text, port = match["host"], int(match["port"])
    return (text, port) if is_address(text) else None


def is_address(text: str) -> bool:
    """Tell whether a text is a host name, an IPv4 or an IPv6 address; ranges may stand for parts of it."""
    if _HOSTNAME.match(text):
        return True
    if ":" not in text:
        return False
    try:
        ipaddress.IPv6Address(_HEX_RANGE.sub("1", text))
    except ValueError:
        return False
    return "%" not in text


def expand(text: str, place: Place) -> tuple[list[str], int | None]:
    """Return the host names that an inventory's host entry stands for, and their port.

    A text that is no host name (`web_`, `a b`) is taken as it is, as Ansible does.

    Raises:
        InputError: `inventory-bad-range`, `inventory-too-many-hosts` or `inventory-bad-host`.
    """
    name, port = split_port(text) or (text, None)
    if port is None and text.endswith(":"):
        raise InputError("inventory-bad-host", place, host=text)
    if "[" not in name:
        return [name], port
    names = [name]
    while any("[" in each for each in names):
        names = [each for one in names for each in _first_range(one, text, place)]
        if len(names) > _MAX_HOSTS:
            raise InputError("inventory-too-many-hosts", place, host=text, limit=_MAX_HOSTS)
    return names, port


def _first_range(name: str, text: str, place: Place) -> list[str]:
    """Expand the leftmost range of a name."""
    wrong = InputError("inventory-bad-range", place, host=text)
    head, _, rest = name.partition("[")
    inside, closed, tail = rest.partition("]")
    bounds = inside.split(":")
    if not closed or len(bounds) not in (2, 3) or not bounds[1]:
        raise wrong
    first, last = bounds[0] or "0", bounds[1]
    step = bounds[2] if len(bounds) == 3 else "1"
    if not re.fullmatch("[0-9]+", step) or int(step) == 0:
        raise wrong
    letters = string.ascii_letters
    if len(first) == len(last) == 1 and first in letters and last in letters:
        sequence = list(letters[letters.index(first) : letters.index(last) + 1 : int(step)])
    elif re.fullmatch("[0-9]+", first) and re.fullmatch("[0-9]+", last):
        padded = len(first) > 1 and first[0] == "0"
        if padded and len(first) != len(last):
            raise wrong
        numbers = range(int(first), int(last) + 1, int(step))
        if len(numbers) > _MAX_HOSTS:
            raise InputError("inventory-too-many-hosts", place, host=text, limit=_MAX_HOSTS)
        sequence = [str(number).zfill(len(first) if padded else 0) for number in numbers]
    else:
        raise wrong
    if not sequence:
        raise wrong
    return [f"{head}{each}{tail}" for each in sequence]
