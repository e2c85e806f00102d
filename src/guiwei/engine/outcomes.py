"""What a host's plan and its steps' results make of the host and of each of its clients."""

from __future__ import annotations

from dataclasses import replace

from guiwei.engine.conditions import as_checks
from guiwei.engine.work import Work
from guiwei.errors import GuiweiError, UnknownOutcomeError, UnreachableError
from guiwei.model.plan import HostPlan, InstancePlan
from guiwei.model.run import HostResult, InstanceResult, StepResult

__all__ = [
    "BAD",
    "ended_as",
    "first_error",
    "looked_at",
    "not_begun",
    "outcomes_of",
    "plan_failed",
    "seen_as",
    "status_of",
    "untouched",
]

#: How a step may end that ends its stage.
BAD = ("failed", "refused", "unknown", "unreachable")


def status_of(error: GuiweiError) -> str:
    """Return the host status that an error means."""
    if isinstance(error, UnreachableError):
        return "unreachable"
    if isinstance(error, UnknownOutcomeError):
        return "unknown"
    return "refused" if error.exit_code == 4 else "failed"


def looked_at(result: InstanceResult) -> InstanceResult:
    """Return a client as `verify` tells of it: a check that is not met is a difference, not a failure.

    What could not be done, or does not reconcile, stays one.
    """
    if result.status == "failed" and result.error is None and result.reconciled is not False:
        return replace(result, status="differs")
    return result


def seen_as(plan: HostPlan, results: tuple[InstanceResult, ...]) -> str:
    """Return the status of a host that was only looked at."""
    found = {result.status for result in results}
    for status in ("failed", "refused", "differs"):
        if status in found or (status == plan.status and status != "differs"):
            return status
    if plan.status == "waiting":
        return "waiting"
    return "pending" if found == {"pending"} else "unchanged"


def not_begun(work: Work) -> tuple[HostPlan, HostResult]:
    """Return the outcome of a host that nothing was begun on."""
    instances = tuple(InstanceResult(each.id, "skipped") for each in work.instances)
    return HostPlan(work.host.name, "skipped"), HostResult(work.host.name, "skipped", instances=instances)


def plan_failed(host: str, error: GuiweiError) -> HostPlan:
    """Return the plan of a host that could not be observed."""
    return HostPlan(host, status_of(error), error=error)


def first_error(plan: HostPlan) -> GuiweiError | None:
    """Return what is wrong with the first client that has something wrong."""
    return next((each.error for each in plan.instances if each.error is not None), None)


def untouched(plan: HostPlan) -> tuple[InstanceResult, ...]:
    """Return the clients as the plan says that they are."""
    return tuple(_instance_result(each) for each in plan.instances)


def outcomes_of(plan: HostPlan, results: tuple[StepResult, ...], rest: str = "skipped") -> tuple[InstanceResult, ...]:
    """Return each client's outcome by its own steps; one that no step was for stays as planned, or is `rest`."""
    outcomes = []
    for each in plan.instances:
        own = [result for result in results if result.instance == each.id]
        bad = next((result for result in own if result.status in BAD), None)
        outcome = _instance_result(each)
        if bad is not None:
            outcome = replace(outcome, status=bad.status, error=bad.error)
        elif any(result.status == "waiting" for result in own):
            outcome = replace(outcome, status="waiting")
        elif any(result.status == "changed" for result in own):
            outcome = replace(outcome, status="changed")
        elif own or outcome.status == "differs":
            left_out = not own and any(step.instance == each.id for step in plan.steps)
            outcome = replace(outcome, status=rest if left_out else "unchanged")
        outcomes.append(outcome)
    return tuple(outcomes)


def _instance_result(plan: InstancePlan) -> InstanceResult:
    return InstanceResult(plan.id, plan.status, plan.error, as_checks(plan.conditions), ledger_before=plan.ledger)


def ended_as(plan: HostPlan, changed: bool, instances: tuple[InstanceResult, ...]) -> str:
    """Return the status of a host whose steps all went well."""
    if any(each.status == "failed" for each in instances):
        return "failed"
    if changed:
        return "changed"
    return "pending" if plan.status == "pending" else "unchanged"
