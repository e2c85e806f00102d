"""Planning one taxpayer's client: identity first, then parameters, registration, upgrades and the process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from guiwei.engine.conditions import plan_conditions, refuse_unreachable
from guiwei.engine.devices import device_told, not_awaited, wrong_kind
from guiwei.engine.drivers import DriverPlan, driver_stages, plan_drivers
from guiwei.engine.filing import filing_told, refuse_unsent
from guiwei.engine.ledgers import ledger_rows
from guiwei.engine.observation import Observation
from guiwei.engine.parameters import ParameterPlan, plan_parameters
from guiwei.engine.resources import plan_resources
from guiwei.engine.upgrades import InstanceSteps, software_stages
from guiwei.engine.work import InstanceWork, Work
from guiwei.errors import GuiweiError, ResourceError
from guiwei.model.plan import Condition, InstancePlan, Stage
from guiwei.model.product import Busy, Reading
from guiwei.target.contract import identity_of

__all__ = ["PlannedInstance", "in_use", "plan_instance"]


@dataclass(frozen=True)
class PlannedInstance:
    """An instance's plan with what the host's plan needs of it.

    Attributes:
        artifacts: sha256 → file of the packages that its stages install.
        desired: resource → field → wanted value, whether it differs or not.
    """

    plan: InstancePlan
    stages: tuple[Stage, ...] = ()
    artifacts: Mapping[str, str] = field(default_factory=dict)
    desired: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def plan_instance(work: Work, instance: InstanceWork, observation: Observation) -> PlannedInstance:
    """Plan one instance, with what is plugged in beside it; a device of another kind than the client's is refused."""
    planned = _planned(work, instance, observation)
    device = device_told(instance, observation)
    if not device:
        return planned
    plan = replace(planned.plan, facts={**planned.plan.facts, "device": device})
    if plan.status == "pending":
        return replace(planned, plan=replace(plan, error=not_awaited(instance, device)))
    refusal = wrong_kind(instance, device)
    if refusal is not None:
        return PlannedInstance(replace(plan, status="refused", error=refusal))
    return replace(planned, plan=plan)


def _planned(work: Work, instance: InstanceWork, observation: Observation) -> PlannedInstance:
    """Plan one instance.

    An instance whose disk is not plugged in is `pending`; one whose device says something else than the playbook is
    `refused`; neither gets a single step.
    """
    product = instance.product
    try:
        if product.present is not None and observation.value(product.present, instance.id) in (None, False):
            return PlannedInstance(InstancePlan(instance.id, "pending", product.name))
        drivers = plan_drivers(work, instance, observation)
        parameters = _parameters(work, instance, observation, drivers)
        if parameters.mismatches:
            return PlannedInstance(InstancePlan(instance.id, "refused", product.name, mismatches=parameters.mismatches))
        refuse_unsent(instance, parameters, observation)
        conditions = plan_conditions(work, instance, observation)
        refuse_unreachable(instance, conditions, observation)
        resources = plan_resources(work, instance, observation)
        parameters = resources.joined(parameters)
        stages, artifacts = _stages(work, instance, observation, parameters)
        stages = [*driver_stages(InstanceSteps(work, instance, observation), drivers), *stages]
        artifacts = {**drivers.artifacts, **resources.artifacts, **artifacts}
    except GuiweiError as error:
        status = "refused" if error.exit_code == 4 else "failed"
        return PlannedInstance(InstancePlan(instance.id, status, product.name, error))
    plan = InstancePlan(
        id=instance.id,
        status="differs" if _differs(stages, conditions) else "unchanged",
        product=product.name,
        ledger=ledger_rows(instance, observation),
        facts=_told(instance, observation),
        conditions=conditions,
    )
    desired = {**parameters.desired, **_software_wanted(instance, observation), **drivers.desired}
    return PlannedInstance(plan, tuple(stages), artifacts, desired)


def _differs(stages: list[Stage], conditions: tuple[Condition, ...]) -> bool:
    """A condition that is not met differs too, though nothing can be done about it."""
    return any(stage.steps for stage in stages) or not all(each.ok for each in conditions)


def _parameters(work: Work, instance: InstanceWork, observation: Observation, drivers: DriverPlan) -> ParameterPlan:
    """A device that an old driver cannot read is asked once the driver is new: what it says is for the next plan."""
    try:
        return plan_parameters(work, instance, observation)
    except ResourceError as error:
        if error.code == "device-unreadable" and drivers.steps:
            return ParameterPlan()
        raise


def _software_wanted(instance: InstanceWork, observation: Observation) -> dict[str, Mapping[str, Any]]:
    """The version is declared whether an upgrade is needed or not: a saved plan may find it there already."""
    software, wanted = instance.product.software, instance.wanted.get("software.version")
    if software is None or software.package is None or wanted is None:
        return {}
    identity = identity_of("package", {"name": software.package["name"]}, instance.id)
    return {identity: {"version": str(wanted.rendered(observation.context(instance.id)))}}


def _stages(
    work: Work, instance: InstanceWork, observation: Observation, parameters: ParameterPlan
) -> tuple[list[Stage], dict[str, str]]:
    steps = InstanceSteps(work, instance, observation)
    stages, artifacts = software_stages(steps, parameters)
    if not stages:
        stages = [Stage(0, "converge", steps.settled(parameters), instance.id)]
    return stages, artifacts


def _told(instance: InstanceWork, observation: Observation) -> dict[str, Any]:
    """What reports show of the instance: versions and whether it runs."""
    product = instance.product
    told: dict[str, Any] = {}
    if product.software:
        told["version"] = observation.value(product.software.version, instance.id)
        data_version = product.software.data_version
        told["data_version"] = data_version and observation.value(data_version, instance.id)
    if product.service is not None:
        told["running"] = observation.value(Reading("service", product.service, "running"), instance.id)
    if product.busy is not None:
        told["busy"] = in_use(product.busy, instance, observation)
    filing = filing_told(instance, observation)
    if filing is not None:
        told["filing"] = filing
    return told


def in_use(busy: Busy, instance: InstanceWork, observation: Observation) -> bool:
    """Return whether somebody was seen working with the client; one that cannot be asked is in nobody's use."""
    try:
        return bool(observation.value(busy.reading, instance.id) == busy.value)
    except GuiweiError:
        return False
