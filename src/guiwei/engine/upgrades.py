"""Stages of a software upgrade: one stage an edge, each with its own backup before anything is touched.

The order within a stage is fixed, because a wrong order loses data: stop the client, back the instance up, settle its
parameters (a client with a wrong identity refuses to start), put the program in place, start it (which migrates the
data) and prove the data's version, activate it where this edge demands that.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from guiwei.engine.ledgers import ledger_rows
from guiwei.engine.observation import Observation
from guiwei.engine.parameters import ParameterPlan, action_step
from guiwei.engine.rehearsal import rehearsed
from guiwei.engine.work import InstanceWork, Work
from guiwei.errors import GateError, InputError, Place, ResourceError
from guiwei.invoicing.parameters import check_value
from guiwei.invoicing.versions import Edge, VersionGraph, same_version
from guiwei.model.plan import Change, Stage, Step
from guiwei.model.product import Busy, Reading, Software
from guiwei.target.contract import identity_of

__all__ = ["InstanceSteps", "busy_reading", "software_stages"]


@dataclass(frozen=True)
class InstanceSteps:
    """Makes the recurring steps of one instance: stop, start, restart, backup."""

    work: Work
    instance: InstanceWork
    observation: Observation

    @property
    def running(self) -> bool:
        """Whether the client was seen running."""
        service = self.instance.product.service
        if service is None:
            return False
        return bool(self.observation.value(Reading("service", service, "running"), self.instance.id))

    @property
    def restart_name(self) -> str:
        """Name under which an owed restart is noted on the PC, like a handler."""
        return f"{self.instance.id}/restart"

    def service(self, suffix: str, state: dict[str, Any], before: Any, **extra: Any) -> Step:
        """Return a step on the client's process."""
        arguments = self.instance.product.service or {}
        busy = self.instance.product.busy
        if busy is not None and ("restarted" in state or state.get("running") is False):
            # Nobody is stopped in the middle of an invoice, unless the play says that one may.
            if not self.work.interrupts:
                extra["unless"] = busy_reading(busy)
            elif busy.stop is not None:
                arguments = {**arguments, "stop": list(busy.stop)}
        identity = self.observation.identity("service", arguments, self.instance.id)
        (field, after), *_ = state.items()
        if after is True:
            # Whatever starts it is the restart that an earlier run may owe.
            extra.setdefault("handler", self.restart_name)
        # After stage 1 the process is what the earlier step left: there is nothing to guard.
        guards = {"running": before} if suffix == "stop@1" and isinstance(before, bool) else None
        return Step(
            id=f"{identity}@{suffix}",
            resource=identity,
            module="service",
            name=suffix.split("@", maxsplit=1)[0],
            reading=arguments,
            state=state,
            changes=(Change(field, before, after, origin="guiwei"),),
            guards=guards,
            instance=self.instance.id,
            origin="guiwei",
            risk="restart",
            **extra,
        )

    def backup(self, stage: int, why: str, damaged: bool = False) -> Step:
        """Return the backup step of a stage; what is damaged is kept too, before something else is put in its place."""
        backup = self.instance.product.backup
        if not backup:
            raise InputError("product-no-backup", self.instance.product.place, product=self.instance.product.name)
        arguments = {
            "label": self.instance.id,
            "paths": list(backup["paths"]),
            "exclude": list(backup.get("exclude", ())),
            "values": list(backup.get("values", ())),
            "note": {
                "product": self.instance.product.name,
                "why": why,
                "ledger": [] if damaged else [dict(row) for row in ledger_rows(self.instance, self.observation)],
            },
            **({"allow_damaged": True} if damaged else {}),
        }
        identity = identity_of("backup", {"label": self.instance.id}, self.instance.id)
        return Step(
            id=f"{identity}@{stage}",
            resource=identity,
            module="backup",
            name="backup",
            reading=arguments,
            state={"done": True},
            changes=(Change("done", False, True, origin="guiwei"),),
            guards=None,
            instance=self.instance.id,
            origin="guiwei",
            always=True,
        )

    def settled(self, parameters: ParameterPlan) -> tuple[Step, ...]:
        """Return the steps of an instance whose software stays: parameters, registration, and the process."""
        steps: list[Step] = []
        has_service = self.instance.product.service is not None
        needs_backup = parameters.destructive and bool(parameters.steps)
        own = self._owing(parameters)
        if needs_backup and has_service and self.running:
            steps.append(self.service("stop@1", {"running": False}, True))
        if needs_backup:
            steps.append(self.backup(1, "parameters"))
            steps += [dataclasses.replace(step, requires=steps[-1].id) if n == 0 else step
                      for n, step in enumerate(own)]  # fmt: skip
        else:
            steps += own
        if not has_service:
            return tuple(steps)
        if not self.wants_running:
            # Stopped only where the play says so: a play that wants nothing of the client stops nothing.
            if self.wants_rest and self.running and not needs_backup:
                steps.append(self.service("stop@1", {"running": False}, True))
            return tuple(steps)
        if needs_backup or not self.running:
            steps.append(self.service("start@1", {"running": True}, False))
        elif self.restart_name in self.observation.pending_handlers:
            steps.append(self.service("restart@1", {"restarted": True}, False))
        elif parameters.restart:
            steps.append(self.service("restart@1", {"restarted": True}, False, when_changed=parameters.restart))
        return tuple(steps)

    def _owing(self, parameters: ParameterPlan) -> tuple[Step, ...]:
        """A client that runs on with what it has read must be restarted, even if this run never gets to it."""
        if not (self.running and self.wants_running):
            return parameters.steps
        return tuple(
            dataclasses.replace(step, notify=(self.restart_name,)) if step.id in parameters.restart else step
            for step in parameters.steps
        )

    @property
    def wants_running(self) -> bool:
        """Whether the client is to run in the end: as soon as anything is wanted of it, unless the play says no."""
        wanted = self.instance.wanted.get("software.running")
        if wanted is None:
            return bool(self.instance.wanted)
        if not isinstance(wanted.value, bool):
            raise InputError("value-boolean", wanted.place, parameter="software.running", value=str(wanted.value))
        return wanted.value

    @property
    def wants_rest(self) -> bool:
        """Whether the play says that the client is not to run."""
        return "software.running" in self.instance.wanted and not self.wants_running


def busy_reading(busy: Busy) -> dict[str, Any]:
    """Return what the agent must not find just before it stops a client."""
    return busy.reading.holding(busy.value)


def software_stages(steps: InstanceSteps, parameters: ParameterPlan) -> tuple[list[Stage], dict[str, str]]:
    """Return one stage for each edge of the way to the wanted version; none if it is there, data and all.

    Raises:
        InputError: the version or its package is unknown.
        GateError: there is no way, or only a downgrade.
    """
    instance, observation = steps.instance, steps.observation
    wanted = instance.wanted.get("software.version")
    software = instance.product.software
    if wanted is None or software is None:
        return [], {}
    rendered = wanted.rendered(observation.context(instance.id))
    want = check_value("version", rendered, "software.version", wanted.place)
    have = observation.value(software.version, instance.id)
    if have is None:
        raise ResourceError("software-missing", instance=instance.id, product=instance.product.name)
    data = None if software.data_version is None else observation.value(software.data_version, instance.id)
    if software.package is None:
        _compare_alone(instance, str(have), want, data, wanted.place)
        return [], {}
    graph = VersionGraph.from_profile(software.versions)
    goal = graph.known(want, wanted.place)
    route = graph.route(str(have), goal, wanted.place)
    stages, artifacts = [], {}
    if not same_version(str(data), software.data_at(graph.known(str(have)))):
        # A new program over old data: the first start has not finished. Starting it again finishes it, and must do so
        # before the next program is put in place: a first start migrates one step only.
        stages.append(_unfinished(steps, software, parameters, str(data), graph.known(str(have))))
    for number, edge in enumerate(route, len(stages) + 1):
        stage, needed = _edge_stage(steps, software, parameters, edge, number, wanted.place)
        stages.append(_of_policy(stage, wanted.policy) if wanted.policy else stage)
        artifacts.update(needed)
    return rehearsed(steps, stages), artifacts


def _of_policy(stage: Stage, policy: str) -> Stage:
    """The version that a policy wants is the policy's."""
    steps = []
    for step in stage.steps:
        if step.module == "package":
            changes = tuple(dataclasses.replace(each, origin="policy", policy=policy) for each in step.changes)
            step = dataclasses.replace(step, origin="policy", changes=changes)
        steps.append(step)
    return dataclasses.replace(stage, steps=tuple(steps))


def _compare_alone(instance: InstanceWork, have: str, want: str, data: Any, place: Place | None) -> None:
    """A program that nobody knows how to install: its version is compared, and a difference is a person's work."""
    if not same_version(have, want):
        raise GateError("software-by-hand", place, instance=instance.id, have=have, want=want)
    if data is not None and not same_version(str(data), have):
        raise GateError("upgrade-unfinished", place, instance=instance.id, version=have, data=str(data))


def _unfinished(steps: InstanceSteps, software: Software, parameters: ParameterPlan, data: str, goal: str) -> Stage:
    made = [steps.service("stop@1", {"running": False}, True)] if steps.running else []
    made.append(steps.backup(1, f"unfinished upgrade {data} → {goal}"))
    made += parameters.steps
    made.append(_start(steps, software, goal, data, 1))
    if software.activation is not None:
        made.append(_activation(steps, software, 1))
    if not steps.wants_running:
        made.append(steps.service("rest@1", {"running": False}, True))
    return Stage(0, "upgrade", tuple(made), steps.instance.id, (data, goal))


def _edge_stage(
    steps: InstanceSteps,
    software: Software,
    parameters: ParameterPlan,
    edge: Edge,
    number: int,
    place: Place | None,
) -> tuple[Stage, dict[str, str]]:
    first = number == 1
    made: list[Step] = []
    if not first or steps.running:
        made.append(steps.service(f"stop@{number}", {"running": False}, True))
    made.append(steps.backup(number, f"upgrade {edge.source} → {edge.target}"))
    package, artifacts = _package(steps.instance, software, edge, number, made[-1].id, place)
    # The package comes right after its backup: it demands that the data are still what the backup holds.
    made.append(package)
    if first:
        made += parameters.steps
    made.append(_start(steps, software, edge.target, software.data_at(edge.source), number))
    if edge.reactivate and software.activation is not None:
        made.append(_activation(steps, software, number))
    if not steps.wants_running:
        made.append(steps.service(f"rest@{number}", {"running": False}, True))
    return Stage(0, "upgrade", tuple(made), steps.instance.id, (edge.source, edge.target)), artifacts


def _package(
    instance: InstanceWork, software: Software, edge: Edge, number: int, backup: str, place: Place | None
) -> tuple[Step, dict[str, str]]:
    assert software.package is not None
    path = instance.artifacts.get(edge.target)
    name = software.source.replace("{version}", edge.target)
    if path is None:
        raise InputError("artifact-missing", place, file=name, version=edge.target)
    sha256 = _file_hash(path)
    identity = identity_of("package", {"name": software.package["name"]}, instance.id)
    step = Step(
        id=f"{identity}@{number}",
        resource=identity,
        module="package",
        name=name,
        reading=software.package,
        state={"version": edge.target, "sha256": sha256},
        changes=(Change("version", edge.source, edge.target, place, "playbook", "intended"),),
        guards={"version": edge.source},
        instance=instance.id,
        place=place,
        origin="playbook",
        risk="data",
        requires=backup,
    )
    return step, {sha256: path}


def _start(steps: InstanceSteps, software: Software, goal: str, data: str, number: int) -> Step:
    """The first start of a new version migrates the data: its proof is the data's version, not an exit code."""
    reading, good = software.data_version, software.data_at(goal)
    assert reading is not None
    step = steps.service(f"start@{number}", {"running": True}, False, irreversible=False)
    migrates = () if data == good else (Change("data_version", data, good, origin="product"),)
    return dataclasses.replace(
        step,
        changes=(*step.changes, *migrates),
        risk="data",
        proof=reading.holding(good),
    )


def _activation(steps: InstanceSteps, software: Software, number: int) -> Step:
    assert software.activation is not None
    assert software.activate is not None
    return action_step(
        steps.instance,
        software.activate,
        f"{steps.instance.id}/activation@{number}",
        "activate",
        software.activation,
        software.active,
        (Change("activated", None, True, software.place, "product"),),
        software.place,
        known_after=number,
    )


def _file_hash(path: str) -> str:
    from guiwei.target.files import hash_file

    return hash_file(path)
