"""Tax devices on the USB bus: which kind one is, by its id and, where kinds share an id, by its strings.

Source of the table: public device lists and open-source integrations of the vendors' drivers (udev rules, INF files);
unverified beyond that. A device whose id is here and whose strings fit no kind is not guessed at.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

__all__ = ["DEVICE_KINDS", "FAMILIES", "ROLES", "UNKNOWN", "Device", "DeviceRow", "tax_devices"]

#: Type of an instance's field in a product profile → what it identifies.
ROLES = {"taxpayer": "taxpayer", "machine": "machine", "digits12": "disk"}

#: Kind → how it signs, which decides the upload address of its province. Source: vendors' notices on 安全接入地址.
FAMILIES = {"金税盘": "RSA", "税控盘": "RSA", "税务UKey": "国密"}

#: Kind of a device whose id is a tax device's and whose strings fit none.
UNKNOWN = "未知税务设备"


class DeviceRow(NamedTuple):
    """One kind of device: its USB id, and what its strings must hold (regular expressions; empty fits all)."""

    kind: str
    id: str
    product: str = ""
    manufacturer: str = ""


class Device(NamedTuple):
    """One tax device that is plugged in."""

    kind: str
    id: str
    manufacturer: str
    product: str
    serial: str


_UKEY = "税务UKey"
_TABLE = (
    # One id, two kinds: the product string alone tells them apart.
    DeviceRow("金税盘", "101d:0003", r"USB Flash Disk"),
    DeviceRow(_UKEY, "101d:0003", r"(?i)u-?key"),
    DeviceRow("税控盘", "1432:07dc"),
    DeviceRow("百望勾选key", "1432:07e2"),
    DeviceRow(_UKEY, "14d6:a002"),
    DeviceRow(_UKEY, "3254:ff10"),
    DeviceRow(_UKEY, "1677:6101"),
    DeviceRow(_UKEY, "2012:2010"),
    DeviceRow(_UKEY, "1432:07d0"),
    DeviceRow(_UKEY, "287f:00d4"),
    DeviceRow(_UKEY, "1ea8:b00b"),
    DeviceRow(_UKEY, "163c:5480"),
    DeviceRow(_UKEY, "2ec9:1001"),
    DeviceRow(_UKEY, "d449:0001"),
    DeviceRow(_UKEY, "101d:0005"),
    DeviceRow(_UKEY, "3a59:4458"),
)
#: Every kind that is known by its id.
DEVICE_KINDS = frozenset(row.kind for row in _TABLE)


def tax_devices(usb: Iterable[Mapping[str, Any]], also: Iterable[DeviceRow] = ()) -> tuple[Device, ...]:
    """Return the tax devices among what is on a PC's USB bus.

    Args:
        usb: the fact `usb`: mappings with `id` (vendor:product, hex), `manufacturer`, `product` and `serial`.
        also: rows of a product profile; they come before the table's own.
    """
    rows = (*also, *_TABLE)
    found = []
    for entry in usb:
        told = {name: str(entry.get(name) or "") for name in ("id", "manufacturer", "product", "serial")}
        kinds = [row for row in rows if row.id == told["id"].lower()]
        if kinds:
            kind = next((row.kind for row in kinds if _fits(row, told)), UNKNOWN)
            found.append(Device(kind, told["id"].lower(), told["manufacturer"], told["product"], told["serial"]))
    return tuple(found)


def _fits(row: DeviceRow, told: Mapping[str, str]) -> bool:
    return bool(re.search(row.product, told["product"]) and re.search(row.manufacturer, told["manufacturer"]))
