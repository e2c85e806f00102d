"""Gates on one host's plan; the ones that only the PC can judge (its lock, a moved guard) are the agent's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from guiwei.errors import GateError
from guiwei.model.plan import HostPlan, Sealed, Step
from guiwei.target.secret import Secret

__all__ = ["missing_backup", "staleness", "wrong_identity"]


def wrong_identity(plan: HostPlan) -> GateError | None:
    """Return the first disagreement between playbook and tax device, None if there is none.

    The device decides on taxpayer, machine and limits: no plan may go on against it.
    """
    for instance in plan.instances:
        for mismatch in instance.mismatches:
            return GateError(
                "identity-mismatch",
                mismatch.place,
                instance=instance.id,
                field=mismatch.field,
                wanted=str(mismatch.wanted),
                found=str(mismatch.found),
            )
    return None


def missing_backup(plan: HostPlan) -> GateError | None:
    """Return a refusal if a program is to be replaced without a backup of the same stage before it."""
    for stage in plan.stages:
        made: set[str] = set()
        for step in stage.steps:
            if step.module == "backup":
                made.add(step.id)
            if step.module == "package" and step.risk == "data" and step.requires not in made:
                return GateError("backup-not-planned", step.place, step=step.name)
    return None


def staleness(saved: HostPlan, fresh: HostPlan, key: str) -> GateError | None:
    """Return why a saved plan of a host may no longer be applied, None if it may.

    Only the before-values of fields that the saved plan changes count, and what it wants; something else that moved
    on the PC does not make it stale. A step that is no longer needed is fine: it will find nothing to do. But where
    guiwei itself needs a further step for the same client by now (to stop it: it has been started since), the saved
    steps alone would be wrong.

    Args:
        key: the plan's HMAC key.
    """
    now = {step.id: step for step in fresh.steps}
    waiting = {instance.id for instance in fresh.instances if instance.status == "pending"}
    for step in saved.steps:
        if step.instance in waiting:
            # Its disk has been unplugged since: it is left alone, and the rest of the plan is as good as before.
            continue
        current = now.get(step.id)
        if current is None:
            # What follows from an earlier step (an activation after an upgrade) goes with it.
            if step.resource not in fresh.desired and step.origin != "guiwei" and step.known_after is None:
                return GateError("plan-inputs-changed", step.place, step=step.name or step.resource)
            continue
        if not _same(_wanted(step), _wanted(current), key) or not _same(_asked(step), _asked(current), key):
            return GateError("plan-inputs-changed", step.place, step=step.name or step.resource)
        if step.guards is not None and not _same(step.guards, current.guards, key):
            return GateError("plan-stale", step.place, step=step.name or step.resource, fields=sorted(step.guards))
    return _unforeseen(saved, fresh)


def _unforeseen(saved: HostPlan, fresh: HostPlan) -> GateError | None:
    known = {step.id for step in saved.steps}
    busy = {step.instance for step in fresh.steps if step.id in known}
    for step in fresh.steps:
        own = step.origin == "guiwei" and step.when_changed is None and step.instance in busy
        if own and step.id not in known:
            fields = sorted(change.field for change in step.changes)
            return GateError("plan-stale", step.place, step=step.name or step.resource, fields=fields)
    return None


def _wanted(step: Step) -> Mapping[str, Any] | None:
    """What a step makes; a rehearsal's script is made of the other steps, and of whether the client runs just then."""
    if step.state is None or step.module != "rehearsal" or step.origin != "guiwei":
        return step.state
    return {name: item for name, item in step.state.items() if name != "script"}


def _asked(step: Step) -> Mapping[str, Any]:
    """What a step works on.

    A backup's note is about the data, which go on living until the backup is made; how a client is stopped is a matter
    of who works with it when that is done.
    """
    without = {"backup": "note", "service": "stop"}.get(step.module) if step.origin == "guiwei" else None
    return {name: item for name, item in step.reading.items() if name != without}


def _same(saved: Any, fresh: Any, key: str) -> bool:
    if isinstance(saved, Sealed):
        return isinstance(fresh, Secret) and fresh.fingerprint(bytes.fromhex(key)) == saved.hmac
    if isinstance(saved, Mapping):
        if not isinstance(fresh, Mapping) or set(saved) != set(fresh):
            return False
        return all(_same(item, fresh[name], key) for name, item in saved.items())
    if isinstance(saved, (list, tuple)):
        if not isinstance(fresh, (list, tuple)) or len(saved) != len(fresh):
            return False
        return all(_same(one, other, key) for one, other in zip(saved, fresh, strict=True))
    return bool(saved == fresh)
