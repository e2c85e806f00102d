"""The busy gate: a client in use is never stopped under its user's hands."""

from __future__ import annotations

from guiwei.errors import GateError
from guiwei.model.plan import HostPlan

__all__ = ["client_busy"]


def client_busy(plan: HostPlan) -> GateError | None:
    """Return a refusal if a plan stops or restarts a client that somebody is working with.

    A step whose play says that the user agreed, or whose window is open, has nothing that it must not find
    (`Step.unless`); the PC looks at the same reading once more just before the step.
    """
    busy = {instance.id for instance in plan.instances if instance.facts.get("busy")}
    for step in plan.steps:
        if step.instance in busy and step.unless is not None:
            return GateError("client-busy", step.place, instance=step.instance)
    return None
