"""What the agent says of its PC: small, fast, and true without any program being run."""

from __future__ import annotations

import os
import sys
import time
from typing import Any, Dict

from guiwei.target.files import Files

__all__ = ["gather"]


def gather(files: Files, state_dir: str) -> Dict[str, Any]:
    """Return the facts of this PC.

    `root` is the prefix of simulated PCs ("/" on a real one), `prefix` the same without a final slash, for joining;
    `utc_offset` and `clock` (seconds since 1970) are volatile.
    """
    root = files.root or "/"
    return {
        "hostname": _first_line(files, "/etc/hostname") or _node(),
        "system": "windows" if sys.platform == "win32" else "linux",
        "distribution": _distribution(files),
        "architecture": _machine(),
        "python": "%d.%d.%d" % sys.version_info[:3],
        "interpreter": sys.executable,
        "user": _user(),
        "machine_id": _first_line(files, "/etc/machine-id"),
        "pc_id": pc_id(state_dir, _first_line(files, "/etc/machine-id")),
        "root": root,
        "prefix": "" if root == "/" else root.rstrip("/"),
        "state_dir": state_dir,
        "utc_offset": -(time.altzone if time.localtime().tm_isdst > 0 else time.timezone),
        "clock": time.time(),
    }


def pc_id(state_dir: str, machine_id: str) -> str:
    """Return the id minted at first contact; empty if none was, or if this is a clone of the PC that got it."""
    try:
        with open(os.path.join(state_dir, "pc-id"), encoding="utf-8") as file:
            minted, _, of_machine = file.read().strip().partition(" ")
    except (OSError, UnicodeDecodeError):
        return ""
    return minted if of_machine == machine_id else ""


def mint_pc_id(state_dir: str, machine_id: str) -> str:
    """Return this PC's id, minting one if it has none or is a clone."""
    found = pc_id(state_dir, machine_id)
    if found:
        return found
    minted = os.urandom(8).hex()
    path = os.path.join(state_dir, "pc-id")
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write("%s %s\n" % (minted, machine_id))
    os.replace(path + ".new", path)
    return minted


def _first_line(files: Files, path: str) -> str:
    data = files.read(path) if os.name != "nt" else None
    return data.decode("utf-8", "replace").split("\n")[0].strip() if data else ""


def _distribution(files: Files) -> Dict[str, str]:
    data = files.read("/etc/os-release") if os.name != "nt" else None
    found = {}
    for line in (data or b"").decode("utf-8", "replace").splitlines():
        name, equals, text = line.partition("=")
        if equals:
            found[name] = text.strip().strip("\"'")
    return {"id": found.get("ID", ""), "version": found.get("VERSION_ID", ""), "name": found.get("PRETTY_NAME", "")}


def _node() -> str:
    if sys.platform == "win32":
        return os.environ.get("COMPUTERNAME", "")
    return os.uname().nodename


def _machine() -> str:
    if sys.platform == "win32":
        return os.environ.get("PROCESSOR_ARCHITECTURE", "").lower()
    return os.uname().machine


def _user() -> str:
    if sys.platform == "win32":
        return os.environ.get("USERNAME", "")
    import pwd

    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
