"""Planning one taxpayer's client: identity first, then parameters, registration, upgrades and the process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from guiwei.engine.ledgers import ledger_rows
from guiwei.engine.observation import Observation
from guiwei.engine.parameters import ParameterPlan, plan_parameters
from guiwei.engine.upgrades import InstanceSteps, software_stages
from guiwei.engine.work import InstanceWork, Work
from guiwei.errors import GuiweiError
from guiwei.model.plan import InstancePlan, Stage
from guiwei.model.product import Reading
from guiwei.target.contract import identity_of

__all__ = ["PlannedInstance", "plan_instance"]


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
    """Plan one instance.

    An instance whose disk is not plugged in is `pending`; one whose device says something else than the playbook is
    `refused`; neither gets a single step.
    """
    product = instance.product
    try:
        if product.present is not None and observation.value(product.present, instance.id) is None:
            return PlannedInstance(InstancePlan(instance.id, "pending", product.name))
        parameters = plan_parameters(work, instance, observation)
        if parameters.mismatches:
            return PlannedInstance(InstancePlan(instance.id, "refused", product.name, mismatches=parameters.mismatches))
        stages, artifacts = _stages(work, instance, observation, parameters)
    except GuiweiError as error:
        status = "refused" if error.exit_code == 4 else "failed"
        return PlannedInstance(InstancePlan(instance.id, status, product.name, error))
    plan = InstancePlan(
        id=instance.id,
        status="differs" if any(stage.steps for stage in stages) else "unchanged",
        product=product.name,
        ledger=ledger_rows(instance, observation),
        facts=_told(instance, observation),
    )
    desired = {**parameters.desired, **_software_wanted(instance, observation)}
    return PlannedInstance(plan, tuple(stages), artifacts, desired)


def _software_wanted(instance: InstanceWork, observation: Observation) -> dict[str, Mapping[str, Any]]:
    """The version is declared whether an upgrade is needed or not: a saved plan may find it there already."""
    software, wanted = instance.product.software, instance.wanted.get("software.version")
    if software is None or wanted is None:
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
        told["data_version"] = observation.value(product.software.data_version, instance.id)
    if product.service is not None:
        told["running"] = observation.value(Reading("service", product.service, "running"), instance.id)
    return told
