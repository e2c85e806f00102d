"""What the agent says of its PC: small, fast, and true without any program being run."""

from __future__ import annotations

import os
import sys
import time
from typing import Any, Dict, List, Tuple

from guiwei.target.files import Files

__all__ = ["SYSTEM", "gather"]

SYSTEM = "windows" if sys.platform == "win32" else "linux"

_USB = "/sys/bus/usb/devices"
_USB_PARTS = ("idVendor", "idProduct", "bDeviceClass", "manufacturer", "product", "serial")


def gather(files: Files, state_dir: str) -> Dict[str, Any]:
    """Return the facts of this PC.

    `pc_id` was minted at first contact; an id that was minted for another machine is a copy's, and stands in
    `copied_pc_id`. `usb` lists what is plugged in, as the system tells without a word to the devices; Windows knows no
    manufacturer strings. `root` is the prefix of simulated PCs ("/" on a real one), `prefix` the same without a
    final slash, for joining; `utc_offset` and `clock` (seconds since 1970) are volatile.
    """
    root = files.root or "/"
    machine_id = _machine_id(files)
    minted, of_machine = _minted(state_dir)
    return {
        "hostname": _first_line(files, "/etc/hostname") or _node(),
        "system": SYSTEM,
        "distribution": _distribution(files),
        "architecture": _machine(),
        "python": "%d.%d.%d" % sys.version_info[:3],
        "interpreter": sys.executable,
        "user": _user(),
        "machine_id": machine_id,
        "pc_id": minted if of_machine == machine_id else "",
        "copied_pc_id": "" if of_machine == machine_id else minted,
        "usb": _usb(files),
        "root": root,
        "prefix": "" if root == "/" else root.rstrip("/"),
        "state_dir": state_dir,
        "utc_offset": -(time.altzone if time.localtime().tm_isdst > 0 else time.timezone),
        "clock": time.time(),
    }


def pc_id(state_dir: str, machine_id: str) -> str:
    """Return the id minted at first contact; empty if none was, or if this is a clone of the PC that got it."""
    minted, of_machine = _minted(state_dir)
    return minted if of_machine == machine_id else ""


def _minted(state_dir: str) -> Tuple[str, str]:
    """Return the id that lies on this PC and the machine that it was minted for."""
    try:
        with open(os.path.join(state_dir, "pc-id"), encoding="utf-8") as file:
            minted, _, of_machine = file.read().strip().partition(" ")
    except (OSError, UnicodeDecodeError):
        return "", ""
    return minted, of_machine


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


def _usb(files: Files) -> List[Dict[str, str]]:
    """Return every device on the USB bus but hubs: id (vendor:product), manufacturer, product and serial string."""
    if SYSTEM == "windows":
        if files.root not in ("/", ""):
            return []
        from guiwei.target.usb_windows import plugged_in

        return [dict(each, manufacturer="") for each in plugged_in()]
    found = []
    for name in sorted(files.list(_USB)):
        # With a colon: an interface of a device. "usb1": a controller's own root.
        if ":" in name or name.startswith("usb"):
            continue
        told = {part: _first_line(files, "%s/%s/%s" % (_USB, name, part)) for part in _USB_PARTS}
        vendor, product = told.pop("idVendor").lower(), told.pop("idProduct").lower()
        if vendor and told.pop("bDeviceClass") != "09":
            found.append(dict(told, id="%s:%s" % (vendor, product)))
    return found


def _first_line(files: Files, path: str) -> str:
    data = files.read(path) if SYSTEM != "windows" else None
    return data.decode("utf-8", "replace").split("\n")[0].strip() if data else ""


def _machine_id(files: Files) -> str:
    """What tells a clone from its original: systemd's id, or that of a Windows installation."""
    if sys.platform != "win32":
        return _first_line(files, "/etc/machine-id")
    from guiwei.target.registry import text_of

    return text_of("HKLM\\SOFTWARE\\Microsoft\\Cryptography", "MachineGuid", files.root)


def _distribution(files: Files) -> Dict[str, str]:
    if sys.platform == "win32":
        from guiwei.target.registry import text_of

        # Without a manifest for it a program is told of an older Windows: this is the true one.
        version = ".".join(map(str, sys.getwindowsversion().platform_version))
        name = text_of("HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion", "ProductName")
        return {"id": "windows", "version": version, "name": name}
    data = files.read("/etc/os-release")
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
