"""Tax disks for the lab: make one, plug it in, pull it out."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
from typing import Any, Sequence

__all__ = ["DEVICES", "KINDS", "make_disk", "plug", "plugged", "unplug"]

KINDS = ("004", "007", "026", "028")
# USB ids and strings as public integrations list them.
DEVICES = {
    "金税盘": {
        "idVendor": "101d",
        "idProduct": "0003",
        "manufacturer": "Aisino",
        "product": "USB Flash Disk",
    },
    "税务UKey": {"idVendor": "14d6", "idProduct": "a002", "manufacturer": "ChinaTax", "product": "SWUKey"},
}
_ROUNDS = 20000


def make_disk(
    number: str,
    taxpayer: str,
    pin: str,
    *,
    orgcode: str = "990100",
    machine: str = "0",
    kinds: Sequence[str] = KINDS,
    limit_exponent: int = 5,
    kind: str = "金税盘",
    min_driver: str = "2.0.0",
    today: datetime.date | None = None,
) -> dict[str, Any]:
    """Return a disk's contents: issued for a taxpayer, its periods around ``today`` (the real one by default).

    :param number: 12 digits, leading zeros matter.
    :param limit_exponent: n of the single-invoice limit 10ⁿ − 0.01 yuan.
    :raises ValueError: for another form of number.
    """
    if len(number) != 12 or not number.isdigit():
        raise ValueError("a disk number has 12 digits: {0!r}".format(number))
    month = (today or datetime.date.today()).replace(day=1)
    following = (month + datetime.timedelta(days=31)).replace(day=1)
    locked = following.replace(day=15).isoformat()
    salt = hashlib.sha256(number.encode("ascii")).digest()[:16]
    digest = hashlib.pbkdf2_hmac("sha256", pin.encode("utf-8"), salt, _ROUNDS)
    return {
        "number": number,
        "taxpayer": taxpayer,
        "orgcode": orgcode,
        "machine": machine,
        "kind": kind,
        "kinds": list(kinds),
        "limit_exponent": limit_exponent,
        "offline": {"hours": 72, "count": 100, "amount": "1000000.00"},
        "lock_date": locked,
        "periods": {
            each: {
                "last_report": month.isoformat(),
                "next_report": following.isoformat(),
                "locked": locked,
                "filed": False,
            }
            for each in kinds
        },
        "filing": "open",
        "pin_hash": "pbkdf2_sha256${0}${1}${2}".format(_ROUNDS, salt.hex(), digest.hex()),
        "pin_tries_left": 5,
        "min_driver": min_driver,
    }


def plug(root: str, disk: dict[str, Any]) -> str:
    """Plug a disk in: the device file and its USB entry in sysfs form; return the device file's path."""
    folder = os.path.join(root, "dev", "taxdisk")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, disk["number"] + ".json")
    usb = os.path.join(root, "sys", "bus", "usb", "devices")
    port = 1
    while os.path.exists(os.path.join(usb, "1-{0}".format(port))):
        port += 1
    entry = os.path.join(usb, "1-{0}".format(port))
    os.makedirs(entry)
    for name, value in dict(DEVICES[disk["kind"]], serial=disk["number"]).items():
        _write(os.path.join(entry, name), value + "\n")
    _write(path, json.dumps(disk, ensure_ascii=False, indent=1, sort_keys=True) + "\n")
    return path


def unplug(root: str, number: str | None = None) -> dict[str, Any]:
    """Pull a disk out (the only one by default) and return its contents, to be plugged in again.

    :raises LookupError: when there is no such disk, or the choice is open.
    """
    present = plugged(root)
    if number is None and len(present) == 1:
        number = next(iter(present))
    if number is None or number not in present:
        raise LookupError("plugged in: {0}".format(sorted(present) or "nothing"))
    usb = os.path.join(root, "sys", "bus", "usb", "devices")
    for entry in os.listdir(usb):
        folder = os.path.join(usb, entry)
        with open(os.path.join(folder, "serial"), encoding="utf-8") as file:
            if file.read().strip() != number:
                continue
        for name in os.listdir(folder):
            os.unlink(os.path.join(folder, name))
        os.rmdir(folder)
    os.unlink(os.path.join(root, "dev", "taxdisk", number + ".json"))
    return present[number]


def plugged(root: str) -> dict[str, dict[str, Any]]:
    """Return the disks that are plugged in, by their numbers."""
    folder = os.path.join(root, "dev", "taxdisk")
    found = {}
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        if name.endswith(".json"):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                found[name[:-5]] = json.load(file)
    return found


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write(text)
