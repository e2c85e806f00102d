"""The rehearsal of an upgrade: what its stages will do to the data, done on a copy first.

It is one step, in the first stage, after the backup and before anything is put in place. It goes the whole way at
once: that the second edge of three cannot be gone is found out before the first one is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from guiwei.engine.work import contexts
from guiwei.model.plan import Change, Stage, Step
from guiwei.target.contract import identity_of

if TYPE_CHECKING:
    from guiwei.engine.upgrades import InstanceSteps

__all__ = ["rehearsed"]


def rehearsed(steps: InstanceSteps, stages: Sequence[Stage]) -> list[Stage]:
    """Return an upgrade's stages with their rehearsal, where the product says how a copy is run; else as they are.

    Args:
        stages: one a version edge, in order, each with the backup that it needs.
    """
    how = steps.instance.product.rehearsal
    if not stages or how is None or steps.instance.product.service is None:
        return list(stages)
    first = stages[0]
    place = next((number for number, step in enumerate(first.steps) if step.module == "backup"), None)
    if place is None:
        return list(stages)
    step = _step(steps, stages, how, first.steps[place].id)
    made = (*first.steps[: place + 1], step, *first.steps[place + 1 :])
    return [dataclasses.replace(first, steps=made), *stages[1:]]


def _step(steps: InstanceSteps, stages: Sequence[Stage], how: Mapping[str, Any], backup: str) -> Step:
    instance = steps.instance
    known = contexts(steps.work)
    script = {
        "copy": list(how["copy"]),
        "exclude": list(how.get("exclude", ())),
        "instance": instance.id,
        "instances": {instance.id: known["instances"][instance.id]},
        "define": known["define"],
        "edges": [
            {"versions": list(stage.versions or ("", "")), "steps": list(_edge(steps, stage, how))} for stage in stages
        ],
        "service": dict(instance.product.service or {}),
        "ledger": dict(instance.product.ledger) if instance.product.ledger else None,
        "resume": steps.running,
    }
    identity = identity_of("rehearsal", {"label": instance.id}, instance.id)
    return Step(
        id=f"{identity}@1",
        resource=identity,
        module="rehearsal",
        name="rehearse",
        reading={"label": instance.id},
        state={"done": True, "script": script},
        changes=(Change("done", False, True, origin="guiwei"),),
        instance=instance.id,
        origin="guiwei",
        requires=backup,
        always=True,
    )


def _edge(steps: InstanceSteps, stage: Stage, how: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what is done on the copy: the stage's own steps on program and settings, then start and stop.

    The client's own programs that are given a secret are left out: a PIN is not tried for a rehearsal.
    """
    for step in stage.steps:
        if step.module in ("backup", "command") or (step.module == "service" and step.proof is None):
            continue
        if step.module == "service":
            # Last before the start: no step of the stage may undo what keeps the copy to itself.
            yield from (_setting(steps, number, each) for number, each in enumerate(how.get("settings", ()), 1))
        yield _wire(step)
    yield {
        "id": "stop",
        "module": "service",
        "with": dict(steps.instance.product.service or {}),
        "state": {"running": False},
        "guards": None,
        "instance": steps.instance.id,
    }


def _setting(steps: InstanceSteps, number: int, setting: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": f"setting {number}",
        "module": setting["module"],
        "with": dict(setting["with"]),
        "state": {setting["field"]: setting["value"]},
        "guards": None,
        "instance": steps.instance.id,
    }


def _wire(step: Step) -> dict[str, Any]:
    """A step without what ties it to the live PC: guards, backup, handlers."""
    wire: dict[str, Any] = {
        "id": step.id,
        "module": step.module,
        "with": dict(step.reading),
        "state": None if step.state is None else dict(step.state),
        "guards": None,
        "instance": step.instance,
    }
    if step.proof is not None:
        wire["proof"] = dict(step.proof)
    return wire
