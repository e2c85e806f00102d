"""Probe: is a USB device, such as a tax disk, plugged in."""

from __future__ import annotations

import dataclasses
import os
import re
from typing import Any, ClassVar, Dict, List, Optional, Tuple

from guiwei.errors import ResourceError
from guiwei.target.contract import Resource, State, key, option, value
from guiwei.target.system import System

SYSFS = "/sys/bus/usb/devices"

_HEX = r"^[0-9A-Fa-f]{4}$|^\{\{"

#: A device's place (bus and number on it), and the strings that sysfs knows of it.
_Found = Dict[Tuple[int, int], Dict[str, Optional[str]]]


@dataclasses.dataclass(frozen=True)
class UsbDevice(Resource):
    """Look for devices by vendor, product and, where several kinds share an id, by their strings.

    A 金税盘 and a 税务UKey may both be 101d:0003: the product string tells them apart. Nothing is sent to a device:
    libusb lists descriptors that the kernel holds already, and the strings are sysfs's, or what Windows keeps of them:
    there a manufacturer string cannot be asked for.
    """

    kind: ClassVar[str] = "probe"
    summary: ClassVar[str] = "Whether a USB device, such as a tax disk, is plugged in."
    summary_zh: ClassVar[str] = "USB 设备（如税控盘）是否已插入。"

    vendor: str = key("Vendor id, 4 hex digits.", "厂商编号，4 位十六进制。", pattern=_HEX, example="101d")
    product_id: str = key("Product id, 4 hex digits.", "产品编号，4 位十六进制。", pattern=_HEX, example="0003")
    product_string: Optional[str] = option(
        "Regular expression that the product string has to match.",
        "产品字符串须匹配的正则表达式。",
        default=None,
        example="USB Flash Disk",
    )
    manufacturer_string: Optional[str] = option(
        "Regular expression that the manufacturer string has to match.",
        "厂商字符串须匹配的正则表达式。",
        default=None,
        example="Aisino",
    )
    present: Optional[bool] = value("Whether one is plugged in.", "是否已插入。", example=True)
    count: Optional[int] = value("How many are.", "插入数量。", example=1)
    manufacturer: Optional[str] = value("Manufacturer string.", "厂商字符串。", example="Aisino")
    product: Optional[str] = value("Product string.", "产品字符串。", example="USB Flash Disk")
    serial: Optional[str] = value("Serial number.", "序列号。", example="000000000001")

    def read(self, system: System) -> Optional[State]:
        """Return whether there is one, how many, and the strings of the first.

        Raises:
            ResourceError: strings are asked for and this PC cannot tell them (`usb-strings`).
        """
        devices = self._in_windows(system) if os.name == "nt" else self._in_sysfs(system)
        if system.root in ("/", "") and os.name != "nt":
            for place in self._in_libusb():
                devices.setdefault(place, {})
        matching = [devices[place] for place in sorted(devices) if self._matches(devices[place])]
        state: State = {"present": bool(matching), "count": len(matching)}
        if matching:
            state.update({name: text for name, text in matching[0].items() if text is not None})
        return state

    def _matches(self, strings: Dict[str, Optional[str]]) -> bool:
        for name, pattern in (("product", self.product_string), ("manufacturer", self.manufacturer_string)):
            if pattern is None:
                continue
            if name not in strings:
                raise ResourceError("usb-strings", device="%s:%s" % (self.vendor, self.product_id))
            if not re.search(pattern, strings[name] or ""):
                return False
        return True

    def _in_windows(self, system: System) -> _Found:
        """Simulated PCs on one Windows have no devices: Windows knows those of the machine alone."""
        if system.root not in ("/", ""):
            return {}
        from guiwei.target.usb_windows import plugged_in

        wanted = "%s:%s" % (self.vendor.lower(), self.product_id.lower())
        matching = [each for each in plugged_in() if each["id"] == wanted]
        return {
            (0, number): {part: each[part] for part in ("product", "serial") if each[part]}
            for number, each in enumerate(matching)
        }

    def _in_sysfs(self, system: System) -> _Found:
        devices: _Found = {}
        wanted = [self.vendor.lower(), self.product_id.lower()]
        for number, name in enumerate(system.files.list(SYSFS)):
            if ":" in name:
                continue  # an interface of a device
            folder = "%s/%s/" % (SYSFS, name)
            if [(_text(system, folder + part) or "").lower() for part in ("idVendor", "idProduct")] != wanted:
                continue
            place = [_text(system, folder + part) for part in ("busnum", "devnum")]
            # Simulated PCs may not number their devices: the place in the list does as well.
            bus, device = (int(part) if part and part.isdigit() else -1 - number for part in place)
            devices[bus, device] = {
                part: _text(system, folder + part) for part in ("manufacturer", "product", "serial")
            }
        return devices

    def _in_libusb(self) -> List[Tuple[int, int]]:
        """Enumerate by libusb; where it or pyusb is missing, sysfs alone has to do."""
        try:
            import usb.core

            found: Any = usb.core.find(find_all=True, idVendor=int(self.vendor, 16), idProduct=int(self.product_id, 16))
            return [(int(device.bus), int(device.address)) for device in found]
        except Exception:  # pyusb has errors of its own for a missing, an old and a forbidden libusb
            return []


def _text(system: System, path: str) -> Optional[str]:
    data = system.files.read(path)
    return None if data is None else data.decode("utf-8", "replace").strip()
