"""From what is wanted and what was observed to one host's plan. Pure: no clock, no network, no files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from guiwei.engine.instances import plan_instance
from guiwei.engine.observation import Observation
from guiwei.engine.people import first_is_by_hand, person_step
from guiwei.engine.steps import changes_of, guards_of, risk_of
from guiwei.engine.work import Work, contexts
from guiwei.errors import GateError, GuiweiError
from guiwei.model.plan import HostPlan, InstancePlan, Stage, Step
from guiwei.model.playbook import Declaration, Desired
from guiwei.target.contract import PRESENCE, Resource, compose, differences, fill, find_type, known_on

__all__ = ["plan_host"]


def plan_host(work: Work, observation: Observation) -> HostPlan:
    """Return what one host needs.

    A problem of one instance or resource refuses the whole host: nothing is half-planned.
    """
    artifacts: dict[str, str] = {}
    desired: dict[str, Mapping[str, Any]] = {}
    plans: list[InstancePlan] = []
    stages: list[Stage] = []
    for instance in work.instances:
        planned = plan_instance(work, instance, observation)
        plans.append(planned.plan)
        stages += planned.stages
        artifacts.update(planned.artifacts)
        desired.update(planned.desired)
    error: GuiweiError | None = None
    blocked = {plan.id for plan in plans if plan.status not in ("unchanged", "differs")}
    tasks = _TaskPlanner(work, observation, artifacts, desired, set())
    try:
        stages += tasks.stages(blocked)
    except GuiweiError as raised:
        error = raised
    numbered = tuple(_numbered(stage, number) for number, stage in enumerate(stages, 1) if stage.steps)
    return HostPlan(
        host=work.host.name,
        status=_status(numbered, plans, error),
        stages=numbered,
        instances=tuple(plans),
        error=error,
        seconds=observation.seconds,
        facts=observation.facts,
        artifacts=artifacts,
        # A declared resource has its one form there already; a step has what was written.
        desired={**{step.resource: step.state or {} for stage in numbered for step in stage.steps}, **desired},
        observing=contexts(work),
        closed=work.closed,
        not_compared=tuple(sorted(tasks.not_compared)),
    )


def _status(stages: tuple[Stage, ...], plans: list[InstancePlan], error: GuiweiError | None) -> str:
    if error is not None:
        return "refused" if error.exit_code == 4 else "failed"
    found = {plan.status for plan in plans}
    for status in ("failed", "refused"):
        if status in found:
            return status
    if stages:
        return "waiting" if first_is_by_hand(stages) else "differs"
    if "differs" in found:
        return "differs"
    return "pending" if found and found <= {"pending"} else "unchanged"


def _numbered(stage: Stage, number: int) -> Stage:
    return Stage(number, stage.title, stage.steps, stage.instance, stage.versions)


@dataclass(frozen=True)
class _TaskPlanner:
    """Plans the tasks of one host, and the handlers that they notify or that an earlier run left.

    `artifacts`, `desired` and `not_compared` (see `HostPlan`) are filled on the way.
    """

    work: Work
    observation: Observation
    artifacts: dict[str, str]
    desired: dict[str, Mapping[str, Any]]
    not_compared: set[str]

    def stages(self, blocked: set[str]) -> list[Stage]:
        """Return the stage of tasks and the stage of handlers; instances in `blocked` are left alone."""
        free = [each for each in self.work.declarations if each.instance not in blocked]
        steps: list[Step] = []
        notifiers: dict[str, list[str]] = {}
        for declaration in free:
            step = None if declaration.handler else self._step(declaration)
            if step is None:
                continue
            steps.append(step)
            for name in declaration.notify:
                notifiers.setdefault(name, []).append(step.id)
        handlers = [self._handler(each, notifiers) for each in free if each.handler]
        return [
            Stage(0, "converge", tuple(steps)),
            Stage(0, "handlers", tuple(step for step in handlers if step is not None)),
        ]

    def _step(self, declaration: Declaration) -> Step | None:
        assert self.work.finish is not None
        observed = self._observed(declaration)
        found = self.work.finish(declaration, self.observation.context(declaration.instance))
        if found.skipped:
            return None
        cls = find_type(declaration.module)
        wanted = (
            None if found.state is None else compose(declaration.module, declaration.reading).normal(dict(found.state))
        )
        known = known_on(str(self.observation.facts.get("system")), cls, wanted)
        self.not_compared.update(f"{declaration.module}.{field}" for field in set(wanted or ()) - set(known or ()))
        wanted = known
        self.desired[declaration.id] = _remembered(cls, wanted)
        changes = differences(cls, wanted, None if observed is None else dict(observed))
        if cls.by_hand and changes:
            return self._by_hand(declaration)
        if cls.kind == "probe" and changes:
            raise _unmet(declaration, found, observed)
        if not changes and declaration.handler is None:
            return None
        self.artifacts.update({sha256: str(path) for sha256, path in found.artifacts})
        return Step(
            id=declaration.id,
            resource=declaration.id,
            module=declaration.module,
            name=declaration.name,
            reading=declaration.reading,
            state=found.state,
            changes=changes_of(changes, declaration, self.work.applied.get(declaration.id)),
            guards=guards_of(cls, changes),
            instance=declaration.instance,
            place=declaration.place,
            risk=risk_of(cls),
            irreversible=cls.undo == "none",
            always=cls.kind == "action" and not _comparable(declaration),
            notify=tuple(declaration.notify),
        )

    def _by_hand(self, declaration: Declaration) -> Step | None:
        """What a person is to do; nothing if somebody has said that it is done."""
        reading = fill(dict(declaration.reading), self.observation.context(declaration.instance))
        return person_step(self.work, declaration, reading)

    def _observed(self, declaration: Declaration) -> Mapping[str, Any] | None:
        """Return the observed state; what the PC could not read is an error at the task that asked for it."""
        try:
            return self.observation.state(declaration.id)
        except GuiweiError as error:
            error.place = error.place or declaration.place
            raise

    def _handler(self, declaration: Declaration, notifiers: Mapping[str, list[str]]) -> Step | None:
        """A handler runs if a step that notifies it changes something, or if an earlier run did not get to it.

        It is planned though it has nothing to do as things are: the step before it may change that (a service that it
        starts again), and one that is owed from an earlier run must be struck off on the PC.
        """
        assert declaration.handler is not None
        pending = declaration.handler in self.observation.pending_handlers
        notified_by = tuple(notifiers.get(declaration.handler, ()))
        step = self._step(declaration) if pending or notified_by else None
        if step is None:
            return None
        when_changed = None if pending else notified_by
        return replace(step, guards=None, handler=declaration.handler, when_changed=when_changed)


def _remembered(cls: type[Resource], wanted: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """What the next plan tells drift by; that the thing is there at all is a part of it."""
    if cls.kind != "lens":
        return wanted or {}
    return {PRESENCE: "absent"} if wanted is None else {PRESENCE: "present", **wanted}


def _comparable(declaration: Declaration) -> bool:
    return any(declaration.reading.get(name) for name in ("creates", "unless"))


def _unmet(declaration: Declaration, desired: Desired, observed: Mapping[str, Any] | None) -> GuiweiError:
    """A probe that a task declares is a condition: nothing can be written to make it true."""
    return GateError(
        "probe-unmet",
        declaration.place,
        name=declaration.name,
        wanted=dict(desired.state or {}),
        found={name: (observed or {}).get(name) for name in (desired.state or {})},
    )
