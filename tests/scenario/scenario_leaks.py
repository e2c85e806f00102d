"""Search everything that guiwei leaves or shows for a secret, in every form that a program gives a text."""

from __future__ import annotations

import base64
import html
import json
import os
import urllib.parse
from collections.abc import Iterable, Iterator
from pathlib import Path

__all__ = ["files_below", "forms", "found_in", "inputs_of", "processes_showing"]


def forms(secret: str) -> dict[str, bytes]:
    """Return form → bytes of a secret: as text, escaped, in other encodings, and encoded for transport."""
    texts = {
        "plain": secret,
        "json": json.dumps(secret, ensure_ascii=False)[1:-1],
        "json-ascii": json.dumps(secret)[1:-1],
        "html": html.escape(secret),
        "html-text": html.escape(secret, quote=False),
        "url": urllib.parse.quote(secret, safe=""),
        "url-path": urllib.parse.quote(secret),
        "form": urllib.parse.quote_plus(secret),
        "repr": repr(secret)[1:-1],
        "repr-bytes": repr(secret.encode())[2:-1],
        "shell": secret.replace("'", "'\"'\"'"),
        "sql": secret.replace("'", "''"),
        "unicode-escape": secret.encode("unicode_escape").decode(),
    }
    made = {name: text.encode() for name, text in texts.items()}
    for encoding in ("utf-16-le", "utf-16-be", "gb18030", "utf-8"):
        data = secret.encode(encoding)
        made[encoding] = data
        made[f"{encoding}-hex"] = data.hex().encode()
        made[f"{encoding}-HEX"] = data.hex().upper().encode()
        for shift in range(3):
            # Whatever stands before it moves the groups of three: what is cut off at both ends depends on neighbours.
            text = base64.b64encode(b"\0" * shift + data)
            made[f"{encoding}-base64-{shift}"] = text[4 if shift else 0 : -4]
            made[f"{encoding}-base64url-{shift}"] = made[f"{encoding}-base64-{shift}"].translate(
                bytes.maketrans(b"+/", b"-_")
            )
    return made


def found_in(data: bytes, needles: dict[str, bytes]) -> list[str]:
    """Return the forms that stand in some bytes."""
    return [name for name, needle in needles.items() if needle in data]


def files_below(folders: Iterable[Path]) -> Iterator[tuple[Path, bytes]]:
    """Yield every file with its bytes, and every name as if it were one."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            yield path, os.fsencode(path.name)
            if path.is_file() and not path.is_symlink():
                yield path, path.read_bytes()


def processes_showing(needles: dict[str, bytes]) -> list[str]:
    """Return where a process's command line or environment shows a secret; this process and its parents apart."""
    mine = set()
    pid = os.getpid()
    while pid > 1:
        mine.add(str(pid))
        pid = int(Path("/proc", str(pid), "stat").read_bytes().rpartition(b")")[2].split()[1])
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        for what in ("cmdline",) if name in mine else ("cmdline", "environ"):
            try:
                shown = found_in(Path("/proc", name, what).read_bytes(), needles)
            except OSError:
                continue
            found += [f"{name}/{what}: {form}" for form in shown]
    return found


def inputs_of(command: str) -> set[str]:
    """Return what the standard input is of the processes whose last argument begins with `command`."""
    found = set()
    for name in os.listdir("/proc"):
        try:
            words = Path("/proc", name, "cmdline").read_bytes().split(b"\0") if name.isdigit() else []
            if len(words) > 1 and words[-2].startswith(command.encode()):
                found.add(os.readlink(f"/proc/{name}/fd/0"))
        except OSError:
            continue
    return found
