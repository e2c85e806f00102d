"""The client's registration of the tax disk (``Disk/register.ini``)."""

from __future__ import annotations

import os
import time

from . import config, device, errors, identity
from .inifile import IniFile
from .paths import Folder

__all__ = ["check", "register", "registered_number", "unregister"]


def registered_number(folder: Folder) -> str:
    """Return the number of the registered disk, or an empty text."""
    return IniFile(folder.registration).get("disk", "number") or ""


def check(folder: Folder, plugged: device.Device) -> None:
    """Check that the plugged disk is the registered one.

    :raises Refusal: UNREGISTERED when it is not.
    """
    number = registered_number(folder)
    if not number:
        raise errors.Refusal(errors.UNREGISTERED, "税控设备 {0} 未注册，请先注册".format(plugged.text("number")))
    if number != plugged.text("number"):
        raise errors.Refusal(
            errors.UNREGISTERED,
            "税控设备 {0} 未注册，已注册的是 {1}".format(plugged.text("number"), number),
            registered=number,
            plugged=plugged.text("number"),
        )


def register(folder: Folder, number: str, pin: str) -> None:
    """Register the plugged disk, which must be the one meant and this instance's.

    :raises Refusal: DISK, IDENTITY, PASSWORD or LOCKED; nothing is tried on a disk that is not the one meant.
    """
    plugged = device.plugged(folder.layout)
    if plugged.text("number") != number:
        raise errors.Refusal(
            errors.DISK,
            "插入的税控设备是 {0}，不是 {1}".format(plugged.text("number"), number),
            state="other",
        )
    identity.check_device(config.load(folder), plugged)
    plugged.check_pin(pin)
    os.makedirs(os.path.dirname(folder.registration), exist_ok=True)
    file = IniFile(folder.registration)
    file.set("disk", "number", number)
    file.set("disk", "taxpayer", plugged.text("taxpayer"))
    file.set("disk", "registered_at", time.strftime("%Y-%m-%d %H:%M:%S"))
    file.save()


def unregister(folder: Folder) -> bool:
    """Remove the registration; tell whether there was one."""
    if not os.path.exists(folder.registration):
        return False
    os.unlink(folder.registration)
    return True
