"""The device that is plugged in at a client: which kind it is, what it says of itself, whether it is the right one."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from guiwei.engine.observation import Observation
from guiwei.engine.work import InstanceWork, value_at
from guiwei.errors import GateError, GuiweiError, InputError
from guiwei.invoicing.devices import ROLES, Device, DeviceRow, tax_devices
from guiwei.invoicing.parameters import check_value
from guiwei.model.product import Product

__all__ = ["device_told", "not_awaited", "wrong_kind"]


def device_told(instance: InstanceWork, observation: Observation) -> dict[str, str]:
    """Return `kind` and `usb` of the plugged device, and `number`, `taxpayer` and `machine` as far as it tells them.

    Nothing is refused and nothing fails here: a client that cannot be asked leaves what the bus says.
    """
    product, told = instance.product, dict[str, str]()
    devices = _on_the_bus(product, observation)
    if devices:
        # The one that the client works with, if there is one: a 勾选 key may be plugged in beside it.
        device = next((each for each in devices if product.usb and each.kind in product.usb.kinds), devices[0])
        told.update(kind=device.kind, usb=device.id)
        if product.usb and product.usb.number:
            told["number"] = getattr(device, product.usb.number)
    for role, value in _answered(instance, observation).items():
        told[role] = value
    return {name: value for name, value in told.items() if value}


def wrong_kind(instance: InstanceWork, device: Mapping[str, str]) -> GateError | None:
    """Return why a plugged device is not the client's: it is another kind, whatever its USB id says."""
    usb = instance.product.usb
    kind = device.get("kind")
    if usb is None or kind is None or kind in usb.kinds:
        return None
    found = f"{kind} ({device['usb']})"
    return GateError("identity-device-kind", instance=instance.id, found=found, wanted=", ".join(usb.kinds))


def not_awaited(instance: InstanceWork, device: Mapping[str, str]) -> GateError | None:
    """Return what is plugged in where another disk is waited for; None if nothing is, or nothing is known of it."""
    wanted = next((instance.values.get(f.name) for f in instance.product.fields if ROLES.get(f.type) == "disk"), None)
    if not device or wanted is None or device.get("number") == wanted:
        return None
    told = (device.get(name) for name in ("kind", "number", "taxpayer"))
    found = ", ".join(text for text in told if text)
    return GateError("disk-awaited", instance=instance.id, disk=str(wanted), found=found)


def _on_the_bus(product: Product, observation: Observation) -> tuple[Device, ...]:
    also = [DeviceRow(**row) for row in product.usb.also] if product.usb else []
    return tax_devices(observation.facts.get("usb") or (), also)


def _answered(instance: InstanceWork, observation: Observation) -> dict[str, str]:
    """What the client's own look at the device says of whose it is."""
    product = instance.product
    answer: Any = None
    if product.device is not None:
        with suppress(GuiweiError):
            answer = observation.value(product.device, instance.id)
    types = {field.name: field.type for field in product.fields}
    found = {}
    for parameter in product.parameters:
        role = ROLES.get(types.get(parameter.identity or "", ""))
        value = value_at(answer, parameter.device) if role and parameter.device else None
        if role is None or value is None:
            continue
        with suppress(InputError):
            found["number" if role == "disk" else role] = str(check_value(parameter.type, value, parameter.name))
    return found
