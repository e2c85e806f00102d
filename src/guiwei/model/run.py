"""What happened: events while a run goes on, results when it is over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from guiwei.errors import GuiweiError

__all__ = [
    "STATUSES",
    "CheckResult",
    "Event",
    "HostResult",
    "InstanceResult",
    "RunResult",
    "StepResult",
    "exit_code",
    "given_in_vain",
]

#: Every selected host and instance has exactly one of these.
STATUSES = (
    "unchanged",
    "differs",
    "changed",
    "waiting",
    "refused",
    "failed",
    "unreachable",
    "unknown",
    "skipped",
    "pending",
)


def given_in_vain(resource: str) -> str:
    """Return under which name the history remembers that a secret, given for this resource, did not do."""
    return f"{resource}!given"


@dataclass(frozen=True)
class Event:
    """Something that happened on one host; observers (progress, history) get it as it happens.

    Attributes:
        kind: `begin`, `observed`, `planned`, `stage`, `step`, `verified`, `rolled-back` or `end`.
        data: plain values, secrets masked.
    """

    kind: str
    host: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StepResult:
    """How one step ended: `unchanged, changed, waiting, failed, refused, skipped` or `unknown`.

    Attributes:
        tries_left: see `Step`; with `resource` the history remembers by it that a secret was given in vain.
    """

    id: str
    status: str
    name: str = ""
    instance: str | None = None
    changes: tuple[tuple[str, Any, Any], ...] = ()
    seconds: float = 0.0
    receipt: Mapping[str, Any] | None = None
    error: GuiweiError | None = None
    resource: str = ""
    tries_left: int | None = None


@dataclass(frozen=True)
class CheckResult:
    """One verification: what was asked, what was found, whether it is good."""

    name: str
    ok: bool
    label: Mapping[str, str] = field(default_factory=dict)
    found: Mapping[str, Any] = field(default_factory=dict)
    expected: Mapping[str, Any] = field(default_factory=dict)
    error: GuiweiError | None = None


@dataclass(frozen=True)
class InstanceResult:
    """How one taxpayer's client ended, with the proof.

    Attributes:
        ledger_before, ledger_after: rows of kind, month, count, amount and tax (yuan, as decimal text).
        invoices: test invoices that this run issued, with number, kind, month, amount, tax and what became of them.
        reconciled: whether after = before + recorded test invoices; None if there was nothing to compare.
    """

    id: str
    status: str
    error: GuiweiError | None = None
    checks: tuple[CheckResult, ...] = ()
    ledger_before: tuple[Mapping[str, Any], ...] = ()
    ledger_after: tuple[Mapping[str, Any], ...] = ()
    invoices: tuple[Mapping[str, Any], ...] = ()
    reconciled: bool | None = None
    differences: tuple[str, ...] = ()


@dataclass(frozen=True)
class HostResult:
    """How one host ended.

    Attributes:
        pc_id: the PC's id, where something was applied: the first apply mints it.
        contact: whom to call, as the inventory says (`name`, `phone`, …), where it did not end well.
        checks: what a suite found of the host; what it found of a client stands there.
    """

    host: str
    status: str
    steps: tuple[StepResult, ...] = ()
    instances: tuple[InstanceResult, ...] = ()
    error: GuiweiError | None = None
    seconds: float = 0.0
    pc_id: str = ""
    contact: Mapping[str, Any] = field(default_factory=dict)
    checks: tuple[CheckResult, ...] = ()


@dataclass(frozen=True)
class RunResult:
    """How a run ended over all its hosts."""

    run: str
    command: str
    playbook: str
    started: str
    finished: str
    hosts: tuple[HostResult, ...]
    plan: str = ""
    reason: str | None = None


def exit_code(statuses: tuple[str, ...], differs: bool = True) -> int:
    """Return the exit code for hosts' and instances' statuses, the first that applies.

    Args:
        statuses: of all selected hosts and instances.
        differs: whether `differs` counts (plan, verify, drift).
    """
    if {"failed", "unreachable", "unknown"} & set(statuses):
        return 5
    if "refused" in statuses:
        return 4
    if differs and "differs" in statuses:
        return 3
    return 0
