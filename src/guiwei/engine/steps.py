"""Small pieces that every step is made of: labelled changes, guards, the wire form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from guiwei.model.plan import Change, Step
from guiwei.model.playbook import Declaration
from guiwei.target.contract import PRESENCE, Resource, fields_of
from guiwei.target.contract import Change as Difference
from guiwei.target.secret import Secret

__all__ = ["cause_of", "changes_of", "guards_of", "risk_of", "wire_step"]


def changes_of(
    differences: Iterable[Difference], declaration: Declaration, applied: Mapping[str, Any] | None
) -> tuple[Change, ...]:
    """Return differences with their places and causes."""
    found = []
    for difference in differences:
        policy, place = declaration.ruled.get(difference.field.partition(".")[0], ("", None))
        found.append(
            Change(
                field=difference.field,
                before=difference.before,
                after=difference.after,
                place=place or _place_of(declaration, difference.field),
                origin="policy" if policy else "playbook",
                cause=cause_of(difference, applied),
                policy=policy,
            )
        )
    return tuple(found)


def risk_of(cls: type[Resource]) -> str:
    """Return who may do a step of a resource type: what a program does nobody knows, so that is for a professional."""
    return "professional" if cls.kind == "action" else "ordinary"


def _place_of(declaration: Declaration, field: str) -> Any:
    parts: tuple[str | int, ...] = tuple(field.split("."))
    while parts:
        for path in (parts, (declaration.module, *parts)):
            if path in declaration.places:
                return declaration.places[path]
        parts = parts[:-1]
    return declaration.place


def cause_of(difference: Difference, applied: Mapping[str, Any] | None) -> str:
    """Label a difference three ways: last applied, desired, observed.

    Args:
        applied: field → value as the last apply left it; None if this resource was never applied.
    """
    if applied is None or difference.field not in applied:
        return "new"
    last = applied[difference.field]
    moved_here = not _equal(difference.before, last)
    moved_there = not _equal(difference.after, last)
    if moved_here and moved_there:
        return "both"
    return "drift" if moved_here else "intended"


def _equal(value: Any, last: Any) -> bool:
    """A secret is remembered as nothing but a secret: it cannot tell who moved."""
    return bool(value == last) and not isinstance(value, Secret)


def guards_of(cls: type[Resource], differences: Iterable[Difference]) -> dict[str, Any]:
    """Return the before-values of the fields that change; a volatile field is never a guard."""
    volatile = {spec.name for spec in fields_of(cls) if spec.volatile}
    found = list(differences)
    if any(difference.field == PRESENCE for difference in found):
        # A thing that is to be made or removed is guarded by its existence alone.
        return {difference.field: difference.before for difference in found if difference.field == PRESENCE}
    return {difference.field: difference.before for difference in found if difference.field not in volatile}


def wire_step(step: Step, key: str) -> dict[str, Any]:
    """Return a step as the agent gets it.

    Args:
        key: the plan's HMAC key in hex, for guards over secrets.
    """
    guards = None if step.guards is None else {name: _guard(value, key) for name, value in step.guards.items()}
    wire: dict[str, Any] = {
        "id": step.id,
        "module": step.module,
        "with": dict(step.reading),
        "state": None if step.state is None else dict(step.state),
        "guards": guards,
        "guard_key": key,
        "instance": step.instance,
    }
    if step.requires:
        wire["requires"] = step.requires
    if step.when_changed is not None:
        wire["when_changed"] = list(step.when_changed)
    if step.proof is not None:
        wire["proof"] = dict(step.proof)
    if step.unless is not None:
        wire["unless"] = dict(step.unless)
    if step.notify:
        wire["notify"] = list(step.notify)
    if step.handler:
        wire["handler"] = step.handler
    return wire


def _guard(value: Any, key: str) -> Any:
    return {"hmac": value.fingerprint(bytes.fromhex(key))} if isinstance(value, Secret) else value
