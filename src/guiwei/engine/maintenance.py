"""Backup, restore and rollback of one host: plans of their own, under the same journal and locks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from guiwei.engine.instances import in_use
from guiwei.engine.ledgers import ledger_rows, refuse_if_moved
from guiwei.engine.observation import Observation
from guiwei.engine.ports import Session
from guiwei.engine.upgrades import InstanceSteps
from guiwei.engine.work import InstanceWork, Work, contexts, observation_request
from guiwei.errors import GateError, GuiweiError, ResourceError, error_from_wire
from guiwei.model.plan import Change, HostPlan, InstancePlan, Stage, Step
from guiwei.model.run import HostResult, InstanceResult, StepResult
from guiwei.target.contract import identity_of

__all__ = ["backup_plan", "restore_planner", "roll_back"]


def backup_plan(work: Work, observation: Observation) -> HostPlan:
    """Plan a backup of every instance whose disk is plugged in or not: its data are there either way."""
    plans: list[InstancePlan] = []
    stages: list[Stage] = []
    for instance in work.instances:
        steps = InstanceSteps(work, instance, observation)
        made = _around(steps, (steps.backup(1, "backup"),))
        stages.append(Stage(len(stages) + 1, "backup", made, instance.id))
        plans.append(InstancePlan(instance.id, "differs", instance.product.name))
    return _host_plan(work, observation, plans, stages)


def restore_planner(backup: Mapping[str, Any]) -> Callable[[Work, Observation], HostPlan]:
    """Return a planner that restores one backup onto its instance.

    Args:
        backup: its receipt.
    """

    def plan(work: Work, observation: Observation) -> HostPlan:
        instance = next((each for each in work.instances if each.id == backup["label"]), None)
        if instance is None:
            raise ResourceError("backup-of-another", backup=backup["backup"], label=backup["label"])
        _refuse_over_live_data(instance, backup, observation)
        steps = InstanceSteps(work, instance, observation)
        made = _around(steps, (_restore_step(instance, backup),))
        plans = [InstancePlan(instance.id, "differs", instance.product.name)]
        return _host_plan(work, observation, plans, [Stage(1, "restore", made, instance.id)])

    return plan


def _refuse_over_live_data(instance: InstanceWork, backup: Mapping[str, Any], observation: Observation) -> None:
    """A database that cannot be read is what a restore is for; one that can must not hold anything newer."""
    try:
        live = ledger_rows(instance, observation)
    except GuiweiError:
        return
    if live:
        refuse_if_moved(instance.id, backup["note"].get("ledger", ()), live, backup["backup"])


def _restore_step(instance: InstanceWork, backup: Mapping[str, Any]) -> Step:
    identity = identity_of("restore", {"backup": backup["backup"]}, instance.id)
    return Step(
        id=identity,
        resource=identity,
        module="restore",
        name="restore",
        reading={"backup": backup["backup"]},
        state={"done": True},
        changes=(Change("done", False, True, origin="guiwei"),),
        instance=instance.id,
        origin="guiwei",
        risk="data",
        always=True,
    )


def _around(steps: InstanceSteps, inner: tuple[Step, ...]) -> tuple[Step, ...]:
    """Stop a running client before its data are touched or copied, and start it again."""
    if not steps.running:
        return inner
    stop = steps.service("stop@1", {"running": False}, True)
    return (stop, *inner, steps.service("start@1", {"running": True}, False))


def _host_plan(work: Work, observation: Observation, plans: list[InstancePlan], stages: list[Stage]) -> HostPlan:
    return HostPlan(
        host=work.host.name,
        status="differs" if stages else "unchanged",
        stages=tuple(stages),
        instances=tuple(plans),
        seconds=observation.seconds,
        facts=observation.facts,
        observing=contexts(work),
    )


def _refuse_in_use(work: Work, observation: Observation) -> None:
    for instance in work.instances:
        busy = instance.product.busy
        if busy is not None and not work.interrupts and in_use(busy, instance, observation):
            raise GateError("client-busy", instance=instance.id)


def roll_back(
    session: Session, work: Work, run: str, ledgers: Mapping[str, tuple[Mapping[str, Any], ...]] | None
) -> HostResult:
    """Take back what a run did on one host.

    Args:
        ledgers: instance → its ledger before the run, for the instances whose data the run touched; None if nobody
            noted them (the controller was cut off), then the backups that the run made tell.

    Raises:
        GateError: `data-moved`: an invoice was issued since; `client-busy`: somebody is working with the client.
    """
    observation = Observation.from_answer(session.ask(observation_request(work)), 0.0)
    _refuse_in_use(work, observation)
    if ledgers is None:
        receipts = session.ask({"op": "backups", "run": run})["backups"]
        # The first backup of an instance is the one from before anything was touched.
        ledgers = {each["label"]: tuple(each["note"].get("ledger", ())) for each in reversed(receipts)}
    for instance in work.instances:
        if instance.id in ledgers:
            refuse_if_moved(instance.id, ledgers[instance.id], ledger_rows(instance, observation), run)
    results: list[StepResult] = []

    def on_result(wire: dict[str, Any]) -> None:
        error = error_from_wire(wire["error"]) if wire.get("error") else None
        if wire["status"] == "conflict":
            error = ResourceError("rollback-conflict", path=str(wire.get("path")))
        status = "changed" if wire["status"] == "restored" else "failed"
        results.append(StepResult(str(wire.get("path")), status, name=str(wire.get("kind")), error=error))

    answer = session.ask({"op": "rollback", "run": run, **contexts(work)}, on_result)
    status = "changed" if answer["known"] else "unchanged"
    if not answer["whole"]:
        status = "failed"
    instances = tuple(InstanceResult(each.id, status) for each in work.instances if each.id in ledgers)
    error = next((result.error for result in results if result.error is not None), None)
    return HostResult(work.host.name, status, tuple(results), instances, error)
