"""What recovery finds and does: causes with their evidence, rounds of repair, and how each client ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from guiwei.errors import GuiweiError
from guiwei.model.plan import HostPlan, Step
from guiwei.model.run import CheckResult, HostResult, StepResult

__all__ = ["Finding", "HostRecovery", "InstanceRecovery", "RecoveryResult", "Round"]


@dataclass(frozen=True)
class Finding:
    """One cause that the signs of a PC show.

    Attributes:
        cause: its name, which the catalogue words.
        evidence: what shows it, name → plain value.
        because: the cause that explains this one as well; None for a cause of its own.
    """

    cause: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    because: str | None = None


@dataclass(frozen=True)
class Round:
    """One climb: a rung of the ladder, what it was for, and what became of it.

    Attributes:
        rung: the highest rung of this round.
        causes: cause → the rung that was chosen for it.
        steps: what is to be done, or was.
        results: how each step ended; empty in a dry run.
        well: whether the client was well afterwards; None in a dry run.
        left: causes that were found afterwards.
    """

    number: int
    rung: str
    causes: Mapping[str, str]
    steps: tuple[Step, ...] = ()
    results: tuple[StepResult, ...] = ()
    seconds: float = 0.0
    well: bool | None = None
    left: tuple[str, ...] = ()


@dataclass(frozen=True)
class InstanceRecovery:
    """How one taxpayer's client was found, and how it ended.

    Attributes:
        findings: of the first look.
        left: findings of the last look.
        rungs: every rung that the product has, lowest first.
        missing: rungs that its profile does not describe.
        cured: the highest rung that was needed; None if nothing was wrong or nothing helped.
        backup: the receipt of the backup that was put back.
        saved: the receipt of the backup that was made before anything was touched.
    """

    id: str
    status: str
    product: str = ""
    findings: tuple[Finding, ...] = ()
    left: tuple[Finding, ...] = ()
    rounds: tuple[Round, ...] = ()
    rungs: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    cured: str | None = None
    seconds: float = 0.0
    backup: Mapping[str, Any] | None = None
    saved: Mapping[str, Any] | None = None
    checks: tuple[CheckResult, ...] = ()
    error: GuiweiError | None = None


@dataclass(frozen=True)
class HostRecovery:
    """How one host ended.

    Attributes:
        result: steps, checks and ledgers as every run has them.
        plan: the last climb's; facts and devices of the PC in any case.
    """

    host: str
    status: str
    result: HostResult
    plan: HostPlan | None = None
    instances: tuple[InstanceRecovery, ...] = ()
    error: GuiweiError | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class RecoveryResult:
    """How a recovery ended over all its hosts.

    Attributes:
        dry: nothing was touched: the rounds say what would be done.
    """

    run: str
    playbook: str
    started: str
    finished: str
    dry: bool
    hosts: tuple[HostRecovery, ...]
    reason: str | None = None
