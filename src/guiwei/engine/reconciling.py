"""Whatever touches data is reconciled, whether a playbook asks for a verification or not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from guiwei.engine.work import Work
from guiwei.model.plan import HostPlan
from guiwei.model.run import StepResult

__all__ = ["ledgers_only", "touched_data"]


def touched_data(plan: HostPlan, results: Iterable[StepResult]) -> bool:
    """Tell whether a step that is risky for data has changed something."""
    risky = {step.id for step in plan.steps if step.risk == "data"}
    return any(result.status == "changed" and result.id in risky for result in results)


def ledgers_only(work: Work) -> Work:
    """Return the same work with nothing to verify but ledgers and report dates: the checks are a playbook's choice."""
    return replace(
        work,
        instances=tuple(
            replace(each, wanted={}, product=replace(each.product, ready=(), endpoints=())) for each in work.instances
        ),
    )
