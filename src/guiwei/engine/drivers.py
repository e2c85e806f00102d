"""Drivers of the tax disk: kept at the wanted version or newer, before anything that must ask the device.

An outdated driver is a classic failure at the month's end: the disk cannot be read, and nothing else can be judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from guiwei.engine.observation import Observation
from guiwei.engine.upgrades import InstanceSteps
from guiwei.engine.work import InstanceWork, Wanted, Work, reading_id
from guiwei.errors import GuiweiError, InputError
from guiwei.invoicing.parameters import check_value
from guiwei.invoicing.versions import older
from guiwei.model.plan import Change, Stage, Step
from guiwei.model.product import Driver, Reading
from guiwei.target.contract import identity_of
from guiwei.target.files import hash_file

__all__ = ["DriverPlan", "driver_readings", "driver_stages", "plan_drivers"]


@dataclass(frozen=True)
class DriverPlan:
    """What the drivers of one client's disk need.

    Attributes:
        steps: one for each driver that is older than it should be.
        found, wanted: versions of the first of them, for people.
        artifacts: sha256 → package on the controller.
        desired: resource → field → wanted value, whether it differs or not.
    """

    steps: tuple[Step, ...] = ()
    found: str | None = None
    wanted: str | None = None
    artifacts: Mapping[str, str] = field(default_factory=dict)
    desired: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def driver_readings(instance: InstanceWork, every: bool = False) -> list[Reading]:
    """Return what must be read of the drivers that are wanted, or of every driver that the product has."""
    return [
        reading
        for driver in instance.product.drivers
        if every or _wanted(driver, instance)
        for reading in (driver.version, Reading("package", driver.package, "version"))
    ]


def plan_drivers(work: Work, instance: InstanceWork, observation: Observation, newest: bool = False) -> DriverPlan:
    """Compare every wanted driver with the one that is installed; a newer one stays.

    Args:
        newest: where the playbook wants no version, want the newest one whose package is at hand.

    Raises:
        InputError: a version is wrong, or its package is nowhere (`artifact-missing`).
        GuiweiError: what is installed cannot be read.
    """
    steps: list[Step] = []
    artifacts: dict[str, str] = {}
    desired: dict[str, Mapping[str, Any]] = {}
    behind: list[tuple[str | None, str]] = []
    for driver in instance.product.drivers:
        wanted = _wanted(driver, instance) or (_newest(driver, instance) if newest else None)
        if wanted is None:
            continue
        path = f"drivers.{driver.name}"
        value = check_value("version", wanted.rendered(observation.context(instance.id)), path, wanted.place)
        found = observation.value(driver.version, instance.id)
        identity = identity_of("package", {"name": driver.package["name"]}, instance.id)
        desired[identity] = {"version": value}
        if found is not None and not older(str(found), value):
            continue
        step, file = _step(driver, instance, observation, wanted, value, found)
        steps.append(step)
        artifacts[str((step.state or {})["sha256"])] = file
        behind.append((None if found is None else str(found), value))
    found_first, wanted_first = behind[0] if behind else (None, None)
    return DriverPlan(tuple(steps), found_first, wanted_first, artifacts, desired)


def driver_stages(steps: InstanceSteps, plan: DriverPlan) -> list[Stage]:
    """Return the stage that installs drivers, none if all are as wanted; a running client is stopped for it."""
    if not plan.steps:
        return []
    made = list(plan.steps)
    if steps.running:
        stop = steps.service("stop@drivers", {"running": False}, True)
        made = [stop, *made, steps.service("start@drivers", {"running": True}, False)]
    return [Stage(0, "drivers", tuple(made), steps.instance.id)]


def _wanted(driver: Driver, instance: InstanceWork) -> Wanted | None:
    return instance.wanted.get(f"drivers.{driver.name}")


def _newest(driver: Driver, instance: InstanceWork) -> Wanted | None:
    at_hand = [version for version in driver.versions if f"{driver.name} {version}" in instance.artifacts]
    best = at_hand[0] if at_hand else None
    for version in at_hand:
        best = version if best is not None and older(best, version) else best
    return None if best is None else Wanted(best, None, "guiwei")


def _step(
    driver: Driver, instance: InstanceWork, observation: Observation, wanted: Wanted, version: str, found: Any
) -> tuple[Step, str]:
    file = instance.artifacts.get(f"{driver.name} {version}")
    if file is None:
        name = driver.source.replace("{version}", version)
        raise InputError("artifact-missing", wanted.place, file=name, version=version)
    identity = identity_of("package", {"name": driver.package["name"]}, instance.id)
    there = _installed(driver, instance, observation)
    step = Step(
        id=identity,
        resource=identity,
        module="package",
        name=driver.label["en"],
        reading=driver.package,
        state={"version": version, "sha256": hash_file(file)},
        changes=(Change("version", found, version, wanted.place, wanted.origin, "intended", driver.label),),
        guards={"version": there["version"]} if there and there.get("version") is not None else None,
        instance=instance.id,
        place=wanted.place,
        origin=wanted.origin,
        risk="professional",
        label=driver.label,
    )
    return step, file


def _installed(driver: Driver, instance: InstanceWork, observation: Observation) -> Mapping[str, Any] | None:
    """What the package's own folder says: an old driver may have come another way."""
    try:
        return observation.state(reading_id(Reading("package", driver.package, "version"), instance.id))
    except GuiweiError:
        return None
