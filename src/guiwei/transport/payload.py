"""What runs on the PC: the payload and the small programs that start, install and end it."""

from __future__ import annotations

import hashlib
import importlib.util
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from guiwei.errors import HostError

__all__ = ["Payload", "build_payload", "program"]

#: Modules that need pyusb beside them (found through libusb where the PC has it).
USB_MODULES = frozenset({"usb_device"})


@dataclass(frozen=True)
class Payload:
    """The agent and its resource types as one canonical text.

    Attributes:
        sha256: of the unpacked bytes; it names the payload in the PC's cache.
        packed: the bytes, zlib-compressed.
    """

    sha256: str
    packed: bytes


_building = threading.Lock()


def build_payload(usb: bool = False) -> Payload:
    """Return the payload of this guiwei, built once per process.

    Args:
        usb: with pyusb, for a request that looks at USB devices.

    Raises:
        HostError: `payload-incomplete`, pyusb is not installed on the controller.
    """
    with _building:
        return _build(usb)


@cache
def _build(usb: bool) -> Payload:
    entries = {"guiwei/__init__.py": b""}
    root = files("guiwei")
    entries["guiwei/errors.py"] = root.joinpath("errors.py").read_bytes()
    for folder in ("target", "modules"):
        entries.update(_sources(root.joinpath(folder), f"guiwei/{folder}"))
    if usb:
        found = importlib.util.find_spec("usb")
        if found is None or not found.submodule_search_locations:
            raise HostError("payload-incomplete", package="pyusb")
        entries.update(_sources(Path(found.submodule_search_locations[0]), "usb"))
    # The form that `pc/install.py` reads: "<size> <name>\n" and the bytes, in order of names.
    whole = b"".join(b"%d %s\n%s" % (len(entries[name]), name.encode(), entries[name]) for name in sorted(entries))
    return Payload(hashlib.sha256(whole).hexdigest(), zlib.compress(whole, 9))


def _sources(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for item in folder.iterdir():
        if item.is_dir() and item.name.isidentifier() and item.name != "__pycache__":
            yield from _sources(item, f"{prefix}/{item.name}")
        elif item.name.endswith(".py"):
            yield f"{prefix}/{item.name}", item.read_bytes()


@cache
def program(name: str) -> bytes:
    """Return the text of a program in `guiwei.transport.pc`, without what only its reader needs.

    Args:
        name: `start`, `install` or `end`.
    """
    text = files("guiwei.transport").joinpath("pc", f"{name}.py").read_text("utf-8")
    # It travels on every connection: comments stay here, lines keep their order.
    lines = (line for line in text.splitlines() if line.strip() and not line.lstrip().startswith(("#", '"""')))
    return "".join(line + "\n" for line in lines).encode()
