"""A client while it is being recovered: how it was found, what was tried, how it is now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from guiwei.engine.cures import BY_SECRET, described, lacking
from guiwei.engine.diagnosing import Examination
from guiwei.engine.ledgers import ledger_rows
from guiwei.engine.observation import Observation
from guiwei.engine.work import InstanceWork, Wanted, Work
from guiwei.errors import GuiweiError
from guiwei.invoicing.ladder import RUNGS, Choice, choose
from guiwei.model.recovery import Finding, Round
from guiwei.model.run import StepResult

__all__ = ["Patient", "as_before", "implied", "ledger_before", "receipt_of"]

#: A package that cannot be used, however often it is tried.
BAD_PACKAGE = ("package-archive", "package-version", "content-hash")


@dataclass
class Patient:
    """One client while it is being recovered.

    Attributes:
        first: findings of the first look.
        before: its ledger before anything was touched.
        version: the program's before.
        tried: (cause, rung).
        put_back: backups.
        spent: resources whose secret was given: never again in this run.
        alone: causes are seen to one by one, for a climb for several has failed.
        error: of the last climb.
        unable: why a rung could not be taken at all.
    """

    instance: InstanceWork
    exam: Examination
    first: tuple[Finding, ...]
    before: tuple[Mapping[str, Any], ...]
    started: float
    version: str | None = None
    tried: set[tuple[str, str]] = field(default_factory=set)
    put_back: list[str] = field(default_factory=list)
    spent: set[str] = field(default_factory=set)
    rounds: list[Round] = field(default_factory=list)
    choice: Choice = field(default_factory=lambda: Choice({}))
    restored: Mapping[str, Any] | None = None
    saved: Mapping[str, Any] | None = None
    alone: bool = False
    error: GuiweiError | None = None
    unable: GuiweiError | None = None
    converged: bool = False
    ended: float = 0.0

    @property
    def changed(self) -> bool:
        return any(result.status == "changed" for each in self.rounds for result in each.results)

    def choose(self) -> None:
        """Choose the next climb."""
        available = described(self.instance.product)
        self.choice = choose(self.exam.findings, available, self.tried, lacking(self.exam))
        if self.alone:
            lowest = sorted(self.choice.rungs.items(), key=lambda pair: RUNGS.index(pair[1]))[:1]
            self.choice = replace(self.choice, rungs=dict(lowest))

    def failed(self, spent: bool, error: GuiweiError | None) -> None:
        """Note that a climb broke off: what it was for besides may not have been begun.

        Args:
            spent: a secret was given in it; what that was for is tried.
        """
        repaired = [cause for cause, rung in self.choice.rungs.items() if rung == "repair"]
        if len(self.choice.rungs) == 1 and error is not None and error.code in BAD_PACKAGE:
            # The next rung would want the same package.
            self.tried.update((cause, "reinstall") for cause in repaired)
        if len(self.choice.rungs) > 1:
            self.alone = True
            kept = BY_SECRET if spent else ()
            self.tried -= {pair for pair in self.choice.rungs.items() if pair[0] not in kept}

    @property
    def settled(self) -> bool:
        """Whether nothing more is to be tried: well, another client's turn, or the device contradicts the playbook."""
        return self.exam.idle or bool(self.exam.mismatches) or self.exam.well


def implied(work: Work) -> Work:
    """Return the work with what a client that works has, said or not: its disk is registered."""
    instances = []
    for instance in work.instances:
        registered = {
            ".".join(parameter.path): Wanted(True, None, "guiwei")
            for parameter in instance.product.parameters
            if parameter.when_true is not None
        }
        instances.append(replace(instance, wanted={**registered, **instance.wanted}))
    return replace(work, instances=tuple(instances))


def as_before(patient: Patient) -> InstanceWork:
    """Return what is wanted in the end: no version in the playbook means the one from before old data were put back."""
    instance = patient.instance
    version = patient.version
    if "software.version" in instance.wanted or version is None or instance.product.software is None:
        return instance
    return replace(instance, wanted={**instance.wanted, "software.version": Wanted(version, None, "guiwei")})


def ledger_before(exam: Examination, observation: Observation) -> tuple[Mapping[str, Any], ...]:
    """Return the ledger before anything is touched; that of a damaged database is worth nothing."""
    if any(finding.cause == "data-damaged" for finding in exam.findings):
        return ()
    try:
        return ledger_rows(exam.instance, observation)
    except GuiweiError:
        return ()


def receipt_of(results: tuple[StepResult, ...], name: str) -> Mapping[str, Any] | None:
    """Return the receipt of the step of this name, None if there is none."""
    return next((result.receipt for result in results if result.name == name and result.receipt), None)
