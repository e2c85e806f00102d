"""Planning one taxpayer's client: identity first, then parameters, registration, upgrades and the process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from guiwei.engine.observation import Observation
from guiwei.engine.parameters import ParameterPlan, plan_parameters
from guiwei.engine.upgrades import InstanceSteps, software_stages
from guiwei.engine.work import InstanceWork, Work, reading_id
from guiwei.errors import GateError, GuiweiError
from guiwei.model.plan import InstancePlan, Mismatch, Stage
from guiwei.model.product import Reading

__all__ = ["ledger_rows", "plan_instance"]


def plan_instance(
    work: Work, instance: InstanceWork, observation: Observation
) -> tuple[InstancePlan, list[Stage], dict[str, str]]:
    """Return an instance's plan, its stages and the artifacts that they need.

    An instance whose disk is not plugged in is `pending`; one whose device says something else than the playbook is
    `refused`; neither gets a single step.
    """
    product = instance.product
    try:
        if product.present is not None and observation.value(product.present, instance.id) is None:
            return InstancePlan(instance.id, "pending", product.name), [], {}
        parameters = plan_parameters(work, instance, observation)
        if parameters.mismatches:
            return _refused(instance, parameters.mismatches), [], {}
        stages, artifacts = _stages(work, instance, observation, parameters)
    except GuiweiError as error:
        status = "refused" if error.exit_code == 4 else "failed"
        return InstancePlan(instance.id, status, product.name, error), [], {}
    plan = InstancePlan(
        id=instance.id,
        status="differs" if any(stage.steps for stage in stages) else "unchanged",
        product=product.name,
        ledger=ledger_rows(instance, observation),
        facts=_told(instance, observation),
    )
    return plan, stages, artifacts


def _refused(instance: InstanceWork, mismatches: tuple[Mismatch, ...]) -> InstancePlan:
    error = GateError(
        "identity-mismatch",
        mismatches[0].place,
        instance=instance.id,
        field=mismatches[0].field,
        wanted=str(mismatches[0].wanted),
        found=str(mismatches[0].found),
    )
    return InstancePlan(instance.id, "refused", instance.product.name, error, mismatches)


def _stages(
    work: Work, instance: InstanceWork, observation: Observation, parameters: ParameterPlan
) -> tuple[list[Stage], dict[str, str]]:
    steps = InstanceSteps(work, instance, observation)
    stages, artifacts = software_stages(steps, parameters)
    if not stages:
        stages = [Stage(0, "converge", steps.settled(parameters), instance.id)]
    return stages, artifacts


def ledger_rows(instance: InstanceWork, observation: Observation) -> tuple[Mapping[str, Any], ...]:
    """Return the ledger as rows of kind, month, count, amount and tax in yuan; empty if the product has none."""
    ledger = instance.product.ledger
    if not ledger:
        return ()
    state = observation.state(reading_id(Reading("query", ledger, "rows"), instance.id))
    return tuple(_in_yuan(row) for row in (state or {}).get("rows", ()))


def _in_yuan(row: Mapping[str, Any]) -> dict[str, Any]:
    """Fen are integers in the database; people read yuan."""
    from decimal import Decimal

    told = dict(row)
    for name in ("amount", "tax"):
        fen = told.pop(f"{name}_fen", None)
        if fen is not None:
            told[name] = str((Decimal(int(fen)) / 100).quantize(Decimal("0.01")))
    return told


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
