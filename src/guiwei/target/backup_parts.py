"""A backup seen from outside: its receipt, its parts (paths within it, and its single values), and it as one file."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple

from guiwei.errors import ResourceError

__all__ = ["FORMAT", "VALUES", "chosen", "pack", "places", "receipt_of", "with_values"]

FORMAT = 1

#: Among the parts of a backup: its single values.
VALUES = "values"


def receipt_of(manifest: Mapping[str, Any]) -> Dict[str, Any]:
    """Return what of a backup's manifest travels and is shown."""
    files = [record for entry in manifest["entries"] for record in entry["files"].values()]
    return {
        "backup": manifest["backup"],
        "label": manifest["label"],
        "made": manifest["made"],
        "paths": [entry["path"] for entry in manifest["entries"]],
        "files": sum(1 for record in files if record["kind"] == "file"),
        "bytes": sum(record.get("size", 0) for record in files),
        "damaged": manifest.get("damaged", []),
        "note": manifest["note"],
    }


class _Pieces:
    """A file to write to that sends what it is given in large pieces."""

    SIZE = 512 << 10

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send
        self._kept = bytearray()

    def write(self, data: bytes) -> int:
        self._kept += data
        while len(self._kept) >= self.SIZE:
            self._send(bytes(self._kept[: self.SIZE]))
            del self._kept[: self.SIZE]
        return len(data)

    def end(self) -> None:
        self._send(bytes(self._kept))


def pack(folder: str, send: Callable[[bytes], None]) -> None:
    """Send a backup's folder as a .tar.gz, piece by piece; nothing is written on the PC, whose disk may be full."""
    import tarfile

    pieces: Any = _Pieces(send)
    with tarfile.open(fileobj=pieces, mode="w|gz") as tar:
        tar.add(folder, arcname=os.path.basename(folder))
    pieces.end()


def places(manifest: Mapping[str, Any], parts: Optional[List[str]]) -> Iterator[Tuple[int, Mapping[str, Any], str]]:
    """Yield what is to be put back: the entry's number, the entry, and the name in it; "" is all of it."""
    found = set()
    for number, entry in enumerate(manifest["entries"]):
        for part in parts or [entry["path"]]:
            name = _name_in(entry, part)
            if name is not None and name in entry["files"]:
                found.add(part)
                yield number, entry, name
    for part in parts or ():
        if part != VALUES and part not in found:
            raise ResourceError("backup-no-part", backup=manifest["backup"], path=part)


def _name_in(entry: Mapping[str, Any], part: str) -> Optional[str]:
    if part == entry["path"]:
        return ""
    return part[len(entry["path"]) + 1 :] if part.startswith(entry["path"] + "/") else None


def chosen(entry: Mapping[str, Any], name: str, parts: Optional[List[str]]) -> bool:
    """Tell whether a name within an entry is one of the parts, or in one."""
    path = (entry["path"] + "/" + name).rstrip("/")
    return not parts or any(path == part or path.startswith(part + "/") for part in parts)


def with_values(parts: Optional[List[str]]) -> bool:
    return not parts or VALUES in parts
