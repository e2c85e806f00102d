"""The tax disk that is plugged in: who it was issued for, what it allows, its PIN.

The device decides and the client keeps a copy: taxpayer, region, machine number, kinds and limits come from here.
A wrong PIN is counted on the device itself, and at none left it is locked for good.
"""

from __future__ import annotations

import json
import os
import time

from . import errors
from .inifile import IniFile
from .paths import Layout, write_atomically

__all__ = ["PIN_TRIES", "Device", "describe", "plugged"]

PIN_TRIES = 5


class Device:
    """One readable device."""

    def __init__(self, path: str, data: dict[str, object]) -> None:
        self.path = path
        self.data = data

    def text(self, key: str) -> str:
        """Return a value as text: numbers of disks and regions keep their leading zeros."""
        return str(self.data.get(key, ""))

    @property
    def kinds(self) -> list[str]:
        """The kinds that the device allows, three-digit codes."""
        kinds = self.data.get("kinds")
        return [str(kind) for kind in kinds] if isinstance(kinds, list) else []

    @property
    def limit_fen(self) -> int:
        """The single-invoice limit: 10ⁿ − 0.01 yuan."""
        return int(10 ** (int(self.text("limit_exponent")) + 2)) - 1

    @property
    def offline(self) -> dict[str, str]:
        """The offline limits: hours, count, amount in yuan."""
        limits = self.data.get("offline")
        return {key: str(value) for key, value in limits.items()} if isinstance(limits, dict) else {}

    @property
    def periods(self) -> dict[str, dict[str, object]]:
        """Per kind: last_report, next_report, locked (dates) and filed."""
        periods = self.data.get("periods")
        if not isinstance(periods, dict):
            raise errors.Refusal(errors.DISK, "税控设备 {0} 无法读取：没有报送资料".format(self.text("number")))
        return periods

    def locked_since(self, kind: str) -> str | None:
        """Return the lock date (锁死期) that has passed for a kind, or None."""
        today = time.strftime("%Y-%m-%d")
        for date in (self.text("lock_date"), str(self.periods.get(kind, {}).get("locked", ""))):
            if date and today > date:
                return date
        return None

    def check_pin(self, pin: str) -> None:
        """Check the PIN on the device, which counts a wrong try and takes a right one as a fresh start.

        :raises Refusal: PASSWORD for a wrong PIN, LOCKED when no try is left.
        """
        from . import passwords

        left = int(self.text("pin_tries_left"))
        if left <= 0:
            raise errors.Refusal(
                errors.LOCKED,
                "税控设备 {0} 已锁死，请到税务机关解锁".format(self.text("number")),
                tries_left=0,
            )
        if passwords.matches(pin, self.text("pin_hash")):
            if left != PIN_TRIES:
                self._set_tries(PIN_TRIES)
            return
        self._set_tries(left - 1)
        raise errors.Refusal(
            errors.PASSWORD, "设备口令错误，剩余 {0} 次，用尽后设备锁死".format(left - 1), tries_left=left - 1
        )

    def save(self) -> None:
        """Write what changed to the device."""
        text = json.dumps(self.data, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
        write_atomically(self.path, text.encode("utf-8"))

    def _set_tries(self, left: int) -> None:
        self.data["pin_tries_left"] = left
        self.save()


def plugged(layout: Layout) -> Device:
    """Return the one device that is plugged in.

    :raises Refusal: DISK when there is none, more than one, or the driver or the device cannot be read.
    """
    names = _names(layout)
    if not names:
        raise errors.Refusal(errors.DISK, "未检测到税控设备，请插入税控盘", state="missing")
    if len(names) > 1:
        raise errors.Refusal(
            errors.DISK,
            "检测到多个税控设备，只能插入一个（more than one disk）：{0}".format(" ".join(names)),
            state="multiple",
        )
    path = os.path.join(layout.devices, names[0] + ".json")
    try:
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
    except (OSError, ValueError) as error:
        raise errors.Refusal(errors.DISK, "税控设备 {0} 无法读取".format(names[0]), state="unreadable") from error
    if not isinstance(data, dict):
        raise errors.Refusal(errors.DISK, "税控设备 {0} 无法读取".format(names[0]), state="unreadable")
    driver = (IniFile(layout.driver).get("driver", "version") or "") if os.path.exists(layout.driver) else ""
    needed = str(data.get("min_driver", ""))
    if _numbers(driver) < _numbers(needed):
        raise errors.Refusal(
            errors.DISK,
            "税控设备无法读取：驱动版本 {0} 过低，设备要求 {1}".format(driver or "（未安装）", needed),
            state="driver",
            driver=driver,
            min_driver=needed,
        )
    return Device(path, data)


def describe(layout: Layout) -> dict[str, object]:
    """Return what may be told of the device without a PIN; ``state`` is ``ok`` or says what is wrong."""
    try:
        device = plugged(layout)
    except errors.Refusal as refusal:
        return dict(refusal.data, message=refusal.message)
    told = {key: value for key, value in device.data.items() if key != "pin_hash"}
    return dict(told, state="ok", locked=int(device.text("pin_tries_left")) <= 0)


def _names(layout: Layout) -> list[str]:
    try:
        names = os.listdir(layout.devices)
    except OSError:
        return []
    return sorted(name[:-5] for name in names if name.endswith(".json") and len(name) == 17 and name[:-5].isdigit())


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
