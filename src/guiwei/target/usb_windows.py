"""USB devices that are plugged in at a Windows PC, as Windows tells of them: nothing is sent to a device.

Windows keeps the product string that a device reports (`DEVPKEY_Device_BusReportedDeviceDesc`, since Windows 7) and its
serial number, but not its manufacturer string. What stands in the registry below `Enum\\USB` will not do: it stays
there when a device is pulled out. Facts: https://learn.microsoft.com/windows-hardware/drivers/install/standard-usb-identifiers,
…/install/devpkey-device-busreporteddevicedesc, https://learn.microsoft.com/windows/win32/api/setupapi/
"""

from __future__ import annotations

import importlib
import re
import uuid
from typing import Any, Dict, Iterator, List

__all__ = ["plugged_in"]

#: A device, not one of the interfaces of a composite one (`&MI_00`).
_DEVICE = re.compile(r"USB\\VID_([0-9A-F]{4})&PID_([0-9A-F]{4})\\([^\\]*)\Z", re.I)
_PRESENT_OF_ALL_CLASSES = 0x2 | 0x4
_COMPATIBLE_IDS = 2
_HUB = "USB\\CLASS_09"
_PRODUCT_FORMAT, _PRODUCT_NUMBER = uuid.UUID("540b947e-8b40-45bc-a8a2-6a0b894cbda2"), 4
_STRING = 18  # DEVPROP_TYPE_STRING
_LENGTH = 1024


def plugged_in() -> List[Dict[str, str]]:
    """Return every device on the bus but hubs: `id` (vendor:product), `product` and `serial`, empty if not told."""
    ctypes = importlib.import_module("ctypes")
    api = ctypes.windll.setupapi
    api.SetupDiGetClassDevsW.restype = ctypes.c_void_p
    devices = ctypes.c_void_p(api.SetupDiGetClassDevsW(None, "USB", None, _PRESENT_OF_ALL_CLASSES))
    found = []
    try:
        for device in _each(ctypes, api, devices):
            text = ctypes.create_unicode_buffer(_LENGTH)
            known = api.SetupDiGetDeviceInstanceIdW(devices, ctypes.byref(device), text, _LENGTH, None)
            name = _DEVICE.match(text.value) if known else None
            if name is not None and not _is_hub(ctypes, api, devices, device):
                vendor, product_id, serial = name.groups()
                told = {"id": ("%s:%s" % (vendor, product_id)).lower()}
                told["product"] = _product(ctypes, api, devices, device)
                # With "&" in the second place Windows made it up, because the device has none.
                told["serial"] = "" if serial[1:2] == "&" else serial
                found.append(told)
    finally:
        api.SetupDiDestroyDeviceInfoList(devices)
    return sorted(found, key=lambda one: (one["id"], one["serial"]))


def _each(ctypes: Any, api: Any, devices: Any) -> Iterator[Any]:
    class DeviceData(ctypes.Structure):  # type: ignore[misc, name-defined, unused-ignore]
        _fields_ = [
            ("size", ctypes.c_ulong),
            ("setup_class", ctypes.c_ubyte * 16),
            ("node", ctypes.c_ulong),
            ("reserved", ctypes.c_size_t),
        ]

    number = 0
    device = DeviceData(size=ctypes.sizeof(DeviceData))
    while api.SetupDiEnumDeviceInfo(devices, number, ctypes.byref(device)):
        yield device
        number += 1


def _is_hub(ctypes: Any, api: Any, devices: Any, device: Any) -> bool:
    ids = ctypes.create_unicode_buffer(_LENGTH)
    told = api.SetupDiGetDeviceRegistryPropertyW(
        devices, ctypes.byref(device), _COMPATIBLE_IDS, None, ids, ctypes.sizeof(ids), None
    )
    return bool(told) and any(one.upper().startswith(_HUB) for one in ids[:].split("\0"))


def _product(ctypes: Any, api: Any, devices: Any, device: Any) -> str:
    # A DEVPROPKEY is a GUID and a number of 32 bits.
    key = _PRODUCT_FORMAT.bytes_le + _PRODUCT_NUMBER.to_bytes(4, "little")
    text, kind = ctypes.create_unicode_buffer(_LENGTH), ctypes.c_ulong()
    told = api.SetupDiGetDevicePropertyW(
        devices, ctypes.byref(device), key, ctypes.byref(kind), text, ctypes.sizeof(text), None, 0
    )
    return str(text.value).strip() if told and kind.value == _STRING else ""
