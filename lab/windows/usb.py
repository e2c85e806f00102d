"""USB devices of a Windows PC: plugged in and pulled out through Windows' own device installation."""

from __future__ import annotations

from guiwei.lab.windows.wine import WinePc

__all__ = ["plug", "unplug"]


def plug(pc: WinePc, id: str, serial: str, product: str, *, hub: bool = False) -> None:
    """Plug a device in.

    Args:
        id: vendor and product, as `101d:0003`.
        product: the string that it reports of itself; empty if it reports none.
        hub: it is one.
    """
    _ask(pc, "plug", id, serial, product, "hub" if hub else "")


def unplug(pc: WinePc, id: str, serial: str) -> None:
    """Pull a device out; unlike Windows, Wine then forgets it."""
    _ask(pc, "unplug", id, serial)


def _ask(pc: WinePc, what: str, id: str, serial: str, *more: str) -> None:
    vendor, product_id = id.upper().split(":")
    name = f"USB\\VID_{vendor}&PID_{product_id}\\{serial}"
    pc.run_python(_PROGRAM, what, name, *more)


#: SetupDiRegisterDeviceInfo makes a device one that is present; 18 is DEVPROP_TYPE_STRING, 4 the number of
#: DEVPKEY_Device_BusReportedDeviceDesc; 2 is SPDRP_COMPATIBLEIDS.
_PROGRAM = r"""
import ctypes, sys, uuid
what, name, *more = sys.argv[1:]
setup = ctypes.WinDLL("setupapi", use_last_error=True)
setup.SetupDiCreateDeviceInfoList.restype = ctypes.c_void_p
class Data(ctypes.Structure):
    _fields_ = [("size", ctypes.c_ulong), ("guid", ctypes.c_ubyte * 16), ("node", ctypes.c_ulong),
                ("reserved", ctypes.c_size_t)]
def must(done):
    if not done:
        raise ctypes.WinError(ctypes.get_last_error())
usb = uuid.UUID("36fc9e60-c465-11cf-8056-444553540000").bytes_le
described = uuid.UUID("540b947e-8b40-45bc-a8a2-6a0b894cbda2").bytes_le + (4).to_bytes(4, "little")
devices = ctypes.c_void_p(setup.SetupDiCreateDeviceInfoList(None, None))
data = Data(size=ctypes.sizeof(Data))
device = ctypes.byref(data)
if what == "plug":
    product, hub = more
    must(setup.SetupDiCreateDeviceInfoW(devices, name, usb, "USB", None, 0, device))
    if product:
        text = ctypes.create_unicode_buffer(product)
        must(setup.SetupDiSetDevicePropertyW(devices, device, described, 18, text, ctypes.sizeof(text), 0))
    ids = ctypes.create_unicode_buffer("USB\\Class_09&SubClass_00\0USB\\Class_09\0" if hub else "USB\\Class_08\0")
    must(setup.SetupDiSetDeviceRegistryPropertyW(devices, device, 2, ids, ctypes.sizeof(ids)))
    must(setup.SetupDiRegisterDeviceInfo(devices, device, 0, None, None, None))
else:
    must(setup.SetupDiOpenDeviceInfoW(devices, name, None, 0, device))
    must(setup.SetupDiRemoveDevice(devices, device))
setup.SetupDiDestroyDeviceInfoList(devices)
"""
