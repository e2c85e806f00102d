"""Parameters of one client: asserted ones are compared, mirrored ones follow the device, settable ones converge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from guiwei.engine.observation import Observation
from guiwei.engine.steps import cause_of
from guiwei.engine.tries import keep_tries, tries_left
from guiwei.engine.work import InstanceWork, Wanted, Work, parameter_wanted, value_at
from guiwei.errors import InputError, Place, ResourceError
from guiwei.invoicing.parameters import check_value
from guiwei.invoicing.stored import from_stored, to_stored
from guiwei.model.plan import Change, Mismatch, Step
from guiwei.model.product import Action, Parameter, Reading
from guiwei.target.contract import Change as Difference
from guiwei.target.contract import fill
from guiwei.target.secret import Secret, reveal

__all__ = ["ParameterPlan", "action_step", "given_of", "plan_parameters"]


@dataclass(frozen=True)
class ParameterPlan:
    """What the parameters of an instance need.

    Attributes:
        steps: in the profile's order, lens writes first, then the client's own programs.
        restart: ids of steps after which a running client must be restarted.
        destructive: a copy of the taxpayer id changes: back up first.
        taxpayer_changes: no copy has the wanted taxpayer id: it is another taxpayer, not a typing error.
        desired: resource → field → wanted value, whether it differs or not.
    """

    mismatches: tuple[Mismatch, ...] = ()
    steps: tuple[Step, ...] = ()
    restart: tuple[str, ...] = ()
    destructive: bool = False
    desired: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    taxpayer_changes: bool = False


def plan_parameters(
    work: Work, instance: InstanceWork, observation: Observation, programs: bool = True
) -> ParameterPlan:
    """Compare every wanted parameter with the device and with the client's copies.

    Args:
        programs: whether those that only the client's own program can set are planned too.

    Raises:
        GateError: a program would need the device's last try of a PIN (`pin-last-try`).
        GuiweiError: something that is wanted cannot be read.
    """
    mismatches: list[Mismatch] = []
    steps: list[Step] = []
    actions: list[Step] = []
    restart: list[str] = []
    desired: dict[str, Mapping[str, Any]] = {}
    destructive = taxpayer_changes = False
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
            identity = observation.identity(reading.module, reading.arguments, instance.id)
            desired[identity] = {**desired.get(identity, {}), reading.field: to_stored(value, reading.stored)}
        if parameter.write is not None:
            if not programs:
                continue
            step = _action(work, instance, parameter, parameter.write, value, wanted, observation)
            actions += [step] if step else []
            continue
        readings = (parameter.reading, *parameter.copies)
        made = [_copy_step(work, instance, parameter, each, value, wanted, observation) for each in readings]
        changing = [step for step in made if step is not None]
        steps += changing
        restart += [step.id for step in changing] if parameter.restart else []
        if parameter.type == "taxpayer" and changing:
            destructive = True
            taxpayer_changes = len(changing) == len(readings)
    wanting = tuple(steps + actions)
    return ParameterPlan(tuple(mismatches), wanting, tuple(restart), destructive, desired, taxpayer_changes)


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
        return _against_client(parameter, instance, value, place, observation)
    answer = observation.value(device, instance.id)
    found = value_at(answer, parameter.device)
    if found is None:
        detail = value_at(answer, "message") or ""
        raise ResourceError("device-unreadable", instance=instance.id, field=parameter.device, detail=str(detail))
    told = _canonical(parameter, found, parameter.device_stored)
    if told == value:
        return None
    kind = "asserted" if parameter.kind == "asserted" else "device"
    return Mismatch(".".join(parameter.path), value, told, kind, place, parameter.label)


def _against_client(
    parameter: Parameter, instance: InstanceWork, value: str, place: Place | None, observation: Observation
) -> Mismatch | None:
    """Where nobody knows how to ask the device, what is asserted is compared with the client's own copy."""
    if parameter.kind != "asserted" or parameter.reading is None:
        return None
    found = observation.value(parameter.reading, instance.id)
    told = None if found is None else _canonical(parameter, found, parameter.reading.stored)
    if told == value:
        return None
    return Mismatch(".".join(parameter.path), value, told, "asserted", place, parameter.label)


def _canonical(parameter: Parameter, found: Any, stored: Mapping[str, Any] | None) -> str:
    """Bring what was read to the form in which values compare; what has no such form stays as it is."""
    try:
        return check_value(parameter.type, from_stored(found, stored), parameter.name)
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
    if found is not None and _canonical(parameter, found, reading.stored) == value:
        return None
    identity = observation.identity(reading.module, reading.arguments, instance.id)
    kept = to_stored(value, reading.stored)
    head, dot, below = reading.field.partition(".")
    return Step(
        # Several parameters may be columns of one row.
        id=f"{identity}{dot}{below}",
        resource=identity,
        module=reading.module,
        name=parameter.label["en"],
        reading=reading.arguments,
        state={head: {below: kept} if dot else kept},
        changes=(_change(work, parameter, identity, reading.field, found, kept, wanted),),
        guards={reading.field: found} if found is not None else {"state": "absent"},
        instance=instance.id,
        place=wanted.place,
        origin=wanted.origin,
        # Another 税号 marks every old invoice as filed: never something to do alone, or shortly before a deadline.
        risk="data" if parameter.type == "taxpayer" else parameter.risk,
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
        policy=wanted.policy,
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
    if found is not None and _is_met(parameter, _canonical(parameter, found, parameter.reading.stored), value):
        return None
    identity = observation.identity(parameter.reading.module, parameter.reading.arguments, instance.id)
    left = tries_left(instance, action, wanted.place, observation)
    keep_tries(work, instance, identity, left, wanted.place)
    kept = to_stored(value, parameter.reading.stored)
    change = _change(work, parameter, identity, parameter.reading.field, found, kept, wanted)
    step = action_step(
        instance, action, identity, parameter.label["en"], parameter.reading, kept, (change,), wanted.place
    )
    if parameter.at_least:
        step = replace(step, proof={**(step.proof or {}), "at_least": True})
    return replace(step, label=parameter.label, tries_left=left)


def _is_met(parameter: Parameter, found: str, value: str) -> bool:
    return found >= value if parameter.at_least else found == value


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
    if action.given:
        state["given"] = given_of(instance, action)
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
        proof=reading.holding(value),
    )


def given_of(instance: InstanceWork, action: Action) -> Any:
    """Return what a profile's action gives to standard input: one variable as it is, several a line each.

    Raises:
        InputError: the inventory does not say one of them (`secret-missing`).
    """
    found = []
    for name in action.given:
        if instance.secrets.get(name) is None:
            raise InputError("secret-missing", instance=instance.id, variable=name)
        found.append(instance.secrets[name])
    if len(found) == 1:
        return found[0]
    return Secret("".join(f"{reveal(item)}\n" for item in found))
