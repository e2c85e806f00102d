"""Parameters of one client: asserted ones are compared, mirrored ones follow the device, settable ones converge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from guiwei.engine.observation import Observation
from guiwei.engine.steps import cause_of
from guiwei.engine.work import InstanceWork, Wanted, Work, parameter_wanted, value_at
from guiwei.errors import InputError, Place, ResourceError
from guiwei.invoicing.parameters import check_value
from guiwei.model.plan import Change, Mismatch, Step
from guiwei.model.product import Action, Parameter, Reading
from guiwei.target.contract import Change as Difference
from guiwei.target.contract import fill
from guiwei.target.secret import Secret

__all__ = ["ParameterPlan", "action_step", "plan_parameters"]


@dataclass(frozen=True)
class ParameterPlan:
    """What the parameters of an instance need.

    Attributes:
        steps: in the profile's order, lens writes first, then the client's own programs.
        restart: ids of steps after which a running client must be restarted.
        destructive: the taxpayer id changes: back up first.
        desired: resource → field → wanted value, whether it differs or not.
    """

    mismatches: tuple[Mismatch, ...] = ()
    steps: tuple[Step, ...] = ()
    restart: tuple[str, ...] = ()
    destructive: bool = False
    desired: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def plan_parameters(work: Work, instance: InstanceWork, observation: Observation) -> ParameterPlan:
    """Compare every wanted parameter with the device and with the client's copies.

    Raises:
        GuiweiError: something that is wanted cannot be read.
    """
    mismatches: list[Mismatch] = []
    steps: list[Step] = []
    actions: list[Step] = []
    restart: list[str] = []
    desired: dict[str, Mapping[str, Any]] = {}
    destructive = False
    for parameter in instance.product.parameters:
        wanted = parameter_wanted(parameter, instance)
        if wanted is None:
            continue
        value = _rendered(instance, parameter, wanted, observation)
        if value is None:
            continue
        mismatch = _against_device(parameter, instance, value, wanted.place, observation)
        if mismatch is not None:
            mismatches.append(mismatch)
            continue
        if parameter.reading is None:
            continue
        for reading in (parameter.reading, *parameter.copies):
            desired[observation.identity(reading.module, reading.arguments, instance.id)] = {reading.field: value}
        if parameter.write is not None:
            step = _action(work, instance, parameter, parameter.write, value, wanted, observation)
            actions += [step] if step else []
            continue
        for reading in (parameter.reading, *parameter.copies):
            step = _copy_step(work, instance, parameter, reading, value, wanted, observation)
            if step is not None:
                steps.append(step)
                restart += [step.id] if parameter.restart else []
                destructive = destructive or parameter.type == "taxpayer"
    return ParameterPlan(tuple(mismatches), tuple(steps + actions), tuple(restart), destructive, desired)


def _rendered(instance: InstanceWork, parameter: Parameter, wanted: Wanted, observation: Observation) -> str | None:
    context = observation.context(instance.id)
    value = wanted.rendered(context)
    if parameter.when_true is not None:
        if not isinstance(value, bool):
            raise InputError("value-boolean", wanted.place, parameter=".".join(parameter.path), value=str(value))
        if not value:
            return None
        value = fill(parameter.when_true, context)
    if isinstance(value, Secret):
        raise InputError("parameter-secret", wanted.place, parameter=".".join(parameter.path))
    return check_value(parameter.type, value, ".".join(parameter.path), wanted.place)


def _against_device(
    parameter: Parameter, instance: InstanceWork, value: str, place: Place | None, observation: Observation
) -> Mismatch | None:
    """The device has the last word: a playbook that says something else is wrong, whatever the client's copy says."""
    device = instance.product.device
    if parameter.device is None or device is None:
        return None
    answer = observation.value(device, instance.id)
    found = value_at(answer, parameter.device)
    if found is None:
        detail = value_at(answer, "message") or ""
        raise ResourceError("device-unreadable", instance=instance.id, field=parameter.device, detail=str(detail))
    told = _canonical(parameter, found)
    if told == value:
        return None
    kind = "asserted" if parameter.kind == "asserted" else "device"
    return Mismatch(".".join(parameter.path), value, told, kind, place, parameter.label)


def _canonical(parameter: Parameter, found: Any) -> str:
    """Bring what was read to the form in which values compare; what has no such form stays as it is."""
    try:
        return check_value(parameter.type, found, parameter.name)
    except InputError:
        return str(found)


def _copy_step(
    work: Work,
    instance: InstanceWork,
    parameter: Parameter,
    reading: Reading,
    value: str,
    wanted: Wanted,
    observation: Observation,
) -> Step | None:
    found = observation.value(reading, instance.id)
    if found is not None and _canonical(parameter, found) == value:
        return None
    identity = observation.identity(reading.module, reading.arguments, instance.id)
    return Step(
        id=identity,
        resource=identity,
        module=reading.module,
        name=parameter.label["en"],
        reading=reading.arguments,
        state={reading.field: value},
        changes=(_change(work, parameter, identity, reading.field, found, value, wanted),),
        guards={reading.field: found} if found is not None else {"state": "absent"},
        instance=instance.id,
        place=wanted.place,
        origin=wanted.origin,
        risk=parameter.risk,
        label=parameter.label,
    )


def _change(
    work: Work, parameter: Parameter, identity: str, field: str, found: Any, value: Any, wanted: Wanted
) -> Change:
    return Change(
        field=field,
        before=found,
        after=value,
        place=wanted.place,
        origin=wanted.origin,
        cause=cause_of(Difference(field, found, value), work.applied.get(identity)),
        label=parameter.label,
    )


def _action(
    work: Work,
    instance: InstanceWork,
    parameter: Parameter,
    action: Action,
    value: str,
    wanted: Wanted,
    observation: Observation,
) -> Step | None:
    assert parameter.reading is not None
    found = observation.value(parameter.reading, instance.id)
    if found is not None and _canonical(parameter, found) == value:
        return None
    identity = observation.identity(parameter.reading.module, parameter.reading.arguments, instance.id)
    change = _change(work, parameter, identity, parameter.reading.field, found, value, wanted)
    step = action_step(
        instance, action, identity, parameter.label["en"], parameter.reading, value, (change,), wanted.place
    )
    return replace(step, label=parameter.label)


def action_step(
    instance: InstanceWork,
    action: Action,
    identity: str,
    name: str,
    reading: Reading,
    value: Any,
    changes: tuple[Change, ...],
    place: Place | None,
    known_after: int | None = None,
) -> Step:
    """Return a step that runs a client's own program and proves it by a reading.

    Raises:
        InputError: the program needs a secret that no variable gives (`secret-missing`).
    """
    state: dict[str, Any] = {"done": True}
    if action.given is not None:
        state["given"] = secret_of(instance, action.given)
    return Step(
        id=f"{identity}!",
        resource=identity,
        module="command",
        name=name,
        reading={"argv": list(action.argv), "timeout": action.timeout},
        state=state,
        changes=changes,
        guards=None,
        instance=instance.id,
        place=place,
        origin="product",
        risk="professional",
        irreversible=True,
        known_after=known_after,
        proof={"module": reading.module, "with": dict(reading.arguments), "field": reading.field, "value": value},
    )


def secret_of(instance: InstanceWork, name: str) -> Any:
    """Return the variable that a profile's action gives to standard input.

    Raises:
        InputError: the inventory does not say it (`secret-missing`).
    """
    found: Mapping[str, Any] = instance.secrets
    if found.get(name) is None:
        raise InputError("secret-missing", instance=instance.id, variable=name)
    return found[name]
