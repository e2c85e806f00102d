"""The calendar gate: nothing risky in the last days before a filing deadline, and no change before its day."""

from __future__ import annotations

from datetime import datetime

from guiwei.errors import GateError
from guiwei.model.plan import HostPlan

__all__ = ["RISKY", "filing_days", "not_before_its_day"]

#: What may go wrong so that a branch cannot file in time.
RISKY = ("data", "professional")


def filing_days(plan: HostPlan) -> GateError | None:
    """Return a refusal if a plan has a risky step in the quiet days before a filing deadline.

    Month-end and the filing period (征期) are when a PC that cannot invoice or file costs most: whoever goes on then
    says why (`--override-calendar`, or `calendar: {override: …}` in the play), and that is recorded.
    """
    closed = plan.closed
    if closed is None or closed.get("override"):
        return None
    for step in plan.steps:
        if step.risk in RISKY:
            name = step.name or step.resource
            return GateError("calendar-closed", step.place, step=name, deadline=closed["deadline"], days=closed["days"])
    return None


def not_before_its_day(at: datetime | None, now: datetime, told: str) -> GateError | None:
    """Return a refusal to apply what holds at another instant than now.

    A change happens on its day: what will hold is planned ahead (`plan --at`), never applied ahead.

    Args:
        at: the instant that the plan was made for; None is now.
        told: the instant in words.
    """
    if at is None or at <= now:
        return None
    return GateError("at-not-now", at=told)
