"""The identity gate: record, settings and device must agree on 地区编号, 税号 and 开票机号."""

from __future__ import annotations

from . import errors
from .config import Settings
from .device import Device
from .record import Entry

__all__ = ["check", "check_device"]


def check(entry: Entry, settings: Settings, device: Device) -> None:
    """Compare the three places with each other.

    :raises Refusal: IDENTITY, naming both values, at the first that differs.
    """
    for label, key, recorded, configured in (
        ("地区编号", "orgcode", entry.orgcode, settings.orgcode),
        ("税号", "taxpayer", entry.code, settings.taxpayer),
        ("开票机号", "machine", entry.machine, settings.machine),
    ):
        on_device = device.text(key)
        if configured != on_device:
            _refuse(label, "配置文件", configured, "税控设备", on_device)
        if recorded != on_device:
            _refuse(label, "注册信息", recorded, "税控设备", on_device)


def check_device(settings: Settings, device: Device) -> None:
    """Check that the device now plugged in is still this instance's.

    :raises Refusal: IDENTITY when it was issued for another taxpayer or machine.
    """
    for label, key, configured in (
        ("税号", "taxpayer", settings.taxpayer),
        ("开票机号", "machine", settings.machine),
    ):
        if configured != device.text(key):
            _refuse(label, "配置文件", configured, "税控设备", device.text(key))


def _refuse(label: str, where: str, value: str, elsewhere: str, other: str) -> None:
    raise errors.Refusal(
        errors.IDENTITY,
        "{0}不一致：{1} {2}，{3} {4}，禁止登录".format(label, where, value, elsewhere, other),
        parameter=label,
        client=value,
        device=other,
    )
