"""Steps of people: planned from what nobody has done yet, and waited for when their turn comes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from guiwei.engine.observation import Observation
from guiwei.engine.ports import Session
from guiwei.engine.work import Work, read_of
from guiwei.invoicing.policies import same_month
from guiwei.model.plan import HostPlan, Stage, Step
from guiwei.model.playbook import Declaration
from guiwei.model.run import StepResult

__all__ = ["by_hand", "first_is_by_hand", "parts_of", "person_step"]


def person_step(work: Work, declaration: Declaration, reading: Mapping[str, Any]) -> Step | None:
    """Return what a person is to do on a host, None if somebody has said that it is done.

    Args:
        reading: the declaration's, with what the PC filled in.
    """
    if _said_done(work, declaration.id, reading):
        return None
    named = declaration.name if declaration.name != declaration.module else ""
    return Step(
        id=declaration.id,
        resource=declaration.id,
        module=declaration.module,
        name=str(reading.get("name") or named or reading["do"]),
        reading=reading,
        state={"done": True},
        instance=declaration.instance,
        place=declaration.place,
    )


def _said_done(work: Work, resource: str, reading: Mapping[str, Any]) -> bool:
    """Another text is another request; what is to be done each month counts in the month in which it was done."""
    said = work.done.get(resource)
    if said is None or said["wanted"] != reading["do"]:
        return False
    if reading.get("again", "never") == "never" or work.at is None:
        return True
    return same_month(datetime.fromisoformat(said["done"]), work.at)


def first_is_by_hand(stages: Iterable[Stage]) -> bool:
    """Return whether nothing can be done on a host before a person has done something.

    Handlers that an earlier run left do not wait.
    """
    stages = tuple(stages)
    if any(step.when_changed is None for stage in stages if stage.title == "handlers" for step in stage.steps):
        return False
    return next((step.by_hand for stage in stages for step in stage.steps), False)


def parts_of(steps: tuple[Step, ...]) -> Iterator[tuple[Step, ...]]:
    """Yield a stage's steps in parts: what a person does stands alone, the rest goes to the PC together."""
    part: list[Step] = []
    for step in steps:
        if step.by_hand:
            if part:
                yield tuple(part)
            yield (step,)
            part = []
        else:
            part.append(step)
    if part:
        yield tuple(part)


def by_hand(session: Session, step: Step, plan: HostPlan, before: Iterable[StepResult]) -> StepResult:
    """Return that a person's step is done if what came before has brought it about, else that it waits.

    Args:
        before: the run's results so far on this host.
    """
    if step.reading.get("done_when") and any(result.status == "changed" for result in before):
        read = read_of(step.id, step.module, step.reading, step.instance)
        answer = session.ask({"op": "observe", "reads": [read], **plan.observing})
        if (Observation.from_answer(answer, 0.0).state(step.id) or {}).get("done"):
            return StepResult(step.id, "unchanged", step.name, step.instance)
    told = {"wanted": step.reading["do"], "evidence": step.reading.get("evidence")}
    return StepResult(step.id, "waiting", step.name, step.instance, receipt=told)
