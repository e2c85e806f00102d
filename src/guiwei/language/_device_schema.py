"""`device_usb` of a product profile: how the client's tax device shows on the USB bus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from guiwei.model.product import DeviceUsb

__all__ = ["device_of", "device_schema"]


def device_schema() -> dict[str, Any]:
    """Return the schema of `device_usb`."""
    return {
        "type": "object",
        "description": "Which tax devices the client works with, by USB id and strings. 软件支持的税控设备。",
        "properties": {
            "kinds": {
                "type": "array",
                "items": {"type": "string"},
                "minItems": 1,
                "description": "Kinds that it works with; another one plugged in is refused. 支持的设备种类。",
            },
            "number": {
                "enum": ["serial", "product"],
                "description": "The USB string that is the disk number, if one is. 即税控盘编号的 USB 字符串。",
            },
            "devices": {
                "type": "array",
                "description": "Devices that guiwei does not know by itself. 补充的设备。",
                "items": {
                    "type": "object",
                    "properties": {
                        "kind": {"type": "string"},
                        "id": {"type": "string", "pattern": "^[0-9a-f]{4}:[0-9a-f]{4}$"},
                        "product": {"type": "string", "format": "regex"},
                        "manufacturer": {"type": "string", "format": "regex"},
                    },
                    "required": ["kind", "id"],
                    "additionalProperties": False,
                },
            },
        },
        "required": ["kinds"],
        "additionalProperties": False,
    }


def device_of(entry: Mapping[str, Any] | None) -> DeviceUsb | None:
    """Return what a profile says of the device."""
    if entry is None:
        return None
    return DeviceUsb(tuple(entry["kinds"]), entry.get("number"), tuple(entry.get("devices", ())))
