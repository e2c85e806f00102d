"""Recovery of one host: look, diagnose, climb one rung, look again; stop at the first that works.

Every climb goes the way of an ordinary plan: through the gates, under the run's journal, so that a rollback takes all
of it back. Nothing is tried twice, and a secret that a device counts tries of is given at most once in a run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from guiwei.engine.cures import PARTIAL, Cure, compose, described, spends
from guiwei.engine.devices import device_told, wrong_kind
from guiwei.engine.diagnosing import Examination, examine, look_request
from guiwei.engine.host import HostRun, Noting, status_of
from guiwei.engine.instances import in_use
from guiwei.engine.observation import Observation
from guiwei.engine.patients import Patient, as_before, implied, ledger_before, receipt_of
from guiwei.engine.ports import Session
from guiwei.engine.work import Work, contexts
from guiwei.errors import GateError, GuiweiError, InputError, ResourceError
from guiwei.invoicing.ladder import RUNGS, highest
from guiwei.model.plan import HostPlan, InstancePlan, Stage
from guiwei.model.recovery import HostRecovery, InstanceRecovery, Round
from guiwei.model.run import HostResult, StepResult
from guiwei.target.contract import fill

__all__ = ["RecoveryRun"]

#: The last stage: what the playbook wants beyond a working client, once old data were put back.
CONVERGE = "converge"


@dataclass(frozen=True)
class RecoveryRun(HostRun):
    """A host's run that recovers it.

    Attributes:
        today: the date in China by the controller's clock, `YYYY-MM-DD`.
        given: receipt of the backup to put back, with `archive` (the sha256 of a file that holds it) where the PC has
            not got it; None takes the newest whole one on the PC.
        approve: passes a climb's plan through the gates; raises a `GateError`.
        artifacts: sha256 → file, beside those of the product's packages.
    """

    today: str = ""
    given: Mapping[str, Any] | None = None
    approve: Callable[[HostPlan], None] = lambda plan: None
    artifacts: Mapping[str, str] = field(default_factory=dict)

    def recover(self, work: Work, dry: bool = False) -> HostRecovery:
        """Recover every client on the host; never raises an expected error, its status says it.

        Args:
            dry: look and say what would be done first; nothing is touched.
        """

        def run(session: Session) -> HostRecovery:
            started = time.monotonic()
            noting = Noting(session)
            recovery = _Recovery(self, implied(work), noting, dry, self._tell, self._stages)
            found = recovery.run()
            seconds = round(time.monotonic() - started, 3)
            result = replace(found.result, seconds=seconds, pc_id=noting.pc_id)
            return replace(found, result=result, plan=recovery.plan, seconds=seconds)

        def failed(host: str, error: GuiweiError) -> HostRecovery:
            status = status_of(error)
            return HostRecovery(host, status, HostResult(host, status, error=error), error=error)

        return self._with_session(work, run, failed)


class _Recovery:
    """One host's recovery under way."""

    def __init__(
        self,
        run: RecoveryRun,
        work: Work,
        session: Session,
        dry: bool,
        tell: Callable[..., None],
        apply: Callable[[Work, Session, HostPlan], tuple[StepResult, ...]],
    ) -> None:
        self._run = run
        self._work = work
        self._session = session
        self._dry = dry
        self._tell = tell
        self._apply = apply
        self._before: dict[str, tuple[Mapping[str, Any], ...]] = {}
        self._results: list[StepResult] = []
        self._patients: list[Patient] = []
        self._broken: GuiweiError | None = None
        self.plan = HostPlan(work.host.name, "unchanged")

    def run(self) -> HostRecovery:
        """Climb until nothing is left to try."""
        observation, exams = self._look()
        for exam in exams:
            self._before[exam.instance.id] = () if exam.idle else ledger_before(exam, observation)
            before = self._before[exam.instance.id]
            version = exam.signs.get("version")
            self._patients.append(Patient(exam.instance, exam, exam.findings, before, time.monotonic(), version))
        for number in range(1, len(RUNGS) ** 2):
            started = time.monotonic()
            cures = self._cures(observation, number)
            stages = [cure.stage for cure in cures.values() if cure.stage.steps] or self._converging(observation)
            self.plan = self._planned(observation, stages, cures)
            if not stages or self._run.stopping():
                break
            try:
                self._run.approve(self.plan)
            except GateError as refusal:
                self._broken = refusal
                break
            self._note(cures, stages, number)
            if self._dry:
                break
            done = self._applied(cures)
            observation = self._again(observation, number, done, started)
            if self._broken is not None:
                break
        return self._ended()

    # A round

    def _look(self) -> tuple[Observation, tuple[Examination, ...]]:
        started = time.monotonic()
        answer = self._session.ask(look_request(self._work))
        observation = Observation.from_answer(answer, round(time.monotonic() - started, 4))
        self._tell("observed", self._work, seconds=observation.seconds)
        return observation, examine(self._work, observation, self._run.today, self._before)

    def _cures(self, observation: Observation, number: int) -> dict[str, Cure]:
        """Choose and compose the next climb of every client that needs one."""
        cures: dict[str, Cure] = {}
        for patient in self._patients:
            while not patient.settled:
                patient.choose()
                if not patient.choice.rungs:
                    break
                try:
                    cures[patient.instance.id] = self._cure(patient, observation, number)
                    break
                except GuiweiError as error:
                    # A rung cannot be taken here (a package is missing); the next one perhaps can.
                    patient.unable = error
                    patient.tried.update(self._impossible(patient, observation, number))
        return cures

    def _impossible(self, patient: Patient, observation: Observation, number: int) -> set[tuple[str, str]]:
        """Tell which of the chosen rungs cannot be taken; all of them if it is only together that they cannot."""
        found = set()
        for pair in patient.choice.rungs.items():
            try:
                self._cure(patient, observation, number, dict([pair]))
            except GuiweiError:
                found.add(pair)
        return found or set(patient.choice.rungs.items())

    def _cure(
        self, patient: Patient, observation: Observation, number: int, rungs: Mapping[str, str] | None = None
    ) -> Cure:
        backup = None
        rungs = rungs or patient.choice.rungs
        if "restore" in rungs.values() or any(rungs.get(cause) == "settings" for cause in PARTIAL):
            backup = self._backup(patient, observation)
        return compose(
            self._work,
            patient.exam,
            observation,
            rungs,
            number=number,
            backup=backup,
            spent=patient.spent,
        )

    def _backup(self, patient: Patient, observation: Observation) -> Mapping[str, Any]:
        """The backup to put back: the given one if it is of this client, else the newest that was not tried yet.

        Raises:
            ResourceError: there is none (`recover-no-backup`).
            InputError: it would put back other folders than this client's (`backup-of-another`).
        """
        instance = patient.instance
        given = self._run.given
        if given is not None and given["label"] == instance.id:
            kept: list[Mapping[str, Any]] = [given]
        else:
            kept = [
                receipt
                for receipt in reversed(self._session.ask({"op": "backups"})["backups"])
                if receipt["label"] == instance.id and not receipt["damaged"] and not receipt["note"].get("recovery")
            ]
        receipt = next((each for each in kept if each["backup"] not in patient.put_back), None)
        if receipt is None:
            raise ResourceError("recover-no-backup", instance=instance.id)
        context = observation.context(instance.id)
        if set(receipt["paths"]) != {str(fill(path, context)) for path in instance.product.backup["paths"]}:
            raise InputError("backup-of-another", backup=receipt["backup"], label=receipt["label"])
        return receipt

    def _converging(self, observation: Observation) -> list[Stage]:
        """Data from a backup may be of an older version: in the end the PC is what the playbook says."""
        due = [each for each in self._patients if each.restored and each.exam.well and not each.converged]
        if not due or self._dry:
            return []
        for patient in due:
            patient.converged = True
        instances = tuple(as_before(patient) for patient in due)
        plan = self._run.planner(replace(self._work, instances=instances), observation)
        for patient in due:
            own = next((each for each in plan.instances if each.id == patient.instance.id), None)
            patient.error = (own.error if own else None) or plan.error
        self._artifacts(plan.artifacts)
        return list(plan.stages)

    def _note(self, cures: Mapping[str, Cure], stages: list[Stage], number: int) -> None:
        for patient in self._patients:
            own = tuple(step for stage in stages for step in stage.steps if stage.instance == patient.instance.id)
            if patient.instance.id in cures:
                patient.rounds.append(Round(number, patient.choice.rung or "", dict(patient.choice.rungs), own))
            elif own:
                patient.rounds.append(Round(number, CONVERGE, {}, own))

    def _artifacts(self, artifacts: Mapping[str, str]) -> None:
        for sha256, path in artifacts.items():
            self._session.offer(sha256, Path(path))

    def _planned(self, observation: Observation, stages: list[Stage], cures: Mapping[str, Cure]) -> HostPlan:
        """Put a climb into the form that gates and the PC know: an ordinary plan."""
        return HostPlan(
            host=self._work.host.name,
            status="differs" if stages else "unchanged",
            stages=tuple(replace(stage, number=number) for number, stage in enumerate(stages, 1)),
            instances=tuple(self._told(patient, observation) for patient in self._patients),
            facts=observation.facts,
            artifacts={**self._run.artifacts, **{k: v for cure in cures.values() for k, v in cure.artifacts.items()}},
            observing=contexts(self._work),
        )

    def _told(self, patient: Patient, observation: Observation) -> InstancePlan:
        """What the gates judge a client by: its device, and whether somebody works with it."""
        instance = patient.instance
        device = device_told(instance, observation)
        facts: dict[str, Any] = {"device": device} if device else {}
        if instance.product.busy is not None:
            facts["busy"] = in_use(instance.product.busy, instance, observation)
        plugged = patient.exam.signs["present"]
        status = "differs" if plugged else "pending"
        error = wrong_kind(instance, device) if plugged else None
        return InstancePlan(instance.id, status, instance.product.name, error, ledger=patient.before, facts=facts)

    def _applied(self, cures: Mapping[str, Cure]) -> tuple[StepResult, ...]:
        for patient in self._patients:
            cure = cures.get(patient.instance.id)
            if cure is None:
                continue
            restoring = {cause for cause, rung in patient.choice.rungs.items() if rung == "restore"}
            # A restore may be tried with an older backup; everything else once.
            patient.tried.update(pair for pair in patient.choice.rungs.items() if pair[0] not in restoring)
            patient.spent.update(step.resource for step in cure.stage.steps if spends(step))
            if cure.restored:
                patient.put_back.append(cure.restored["backup"])
                patient.restored = cure.restored
                self._before[patient.instance.id] = tuple(cure.restored["note"].get("ledger", ()))
        return self._apply(self._work, self._session, self.plan)

    def _again(
        self, observation: Observation, number: int, done: tuple[StepResult, ...], started: float
    ) -> Observation:
        """Look at what the climb has brought about."""
        self._results += done
        self._broken = next((result.error for result in done if _ends_all(result)), None)
        exams = tuple(patient.exam for patient in self._patients)
        if self._broken is None:
            observation, exams = self._look()
        for patient, exam in zip(self._patients, exams, strict=True):
            patient.exam = exam
            if not patient.rounds or patient.rounds[-1].number != number:
                continue
            own = tuple(result for result in done if result.instance == patient.instance.id)
            bad = next((result for result in own if result.status in ("failed", "refused")), None)
            patient.error = bad.error if bad and not exam.well else None
            if bad:
                patient.failed(any(spends(step) for step in patient.rounds[-1].steps), bad.error)
            patient.saved = patient.saved or receipt_of(own, "backup")
            patient.ended = time.monotonic()
            patient.rounds[-1] = replace(
                patient.rounds[-1],
                results=own,
                well=exam.well,
                left=tuple(finding.cause for finding in exam.findings if finding.because is None),
                seconds=round(time.monotonic() - started, 3),
            )
            self._tell("verified", self._work, instance=patient.instance.id, status=exam.result.status)
        return observation

    # The end

    def _ended(self) -> HostRecovery:
        instances = tuple(self._instance(patient) for patient in self._patients)
        results = tuple(
            replace(patient.exam.result, status=each.status, error=each.error)
            for patient, each in zip(self._patients, instances, strict=True)
        )
        statuses = [each.status for each in instances]
        status = next((one for one in _WORST if one in statuses), "unchanged")
        if self._broken is not None:
            status = status_of(self._broken)
        host = self._work.host.name
        result = HostResult(host, status, tuple(self._results), results, self._broken)
        return HostRecovery(host, status, result, instances=instances, error=self._broken)

    def _instance(self, patient: Patient) -> InstanceRecovery:
        rungs = described(patient.instance.product)
        status, error = self._status(patient)
        cured = highest(each.rung for each in patient.rounds if each.rung in RUNGS and each.results)
        return InstanceRecovery(
            id=patient.instance.id,
            status=status,
            product=patient.instance.product.name,
            findings=patient.first,
            left=() if self._dry else patient.exam.findings,
            rounds=tuple(patient.rounds),
            rungs=rungs,
            missing=tuple(rung for rung in RUNGS if rung not in rungs),
            cured=cured if status == "changed" else None,
            seconds=round(max(patient.ended - patient.started, 0.0), 3),
            backup=patient.restored,
            saved=patient.saved,
            checks=patient.exam.result.checks,
            error=error,
        )

    def _status(self, patient: Patient) -> tuple[str, GuiweiError | None]:
        exam = patient.exam
        if exam.idle:
            return "pending", None
        if exam.mismatches:
            first = exam.mismatches[0]
            return "refused", GateError(
                "identity-mismatch",
                first.place,
                instance=exam.instance.id,
                field=first.field,
                wanted=str(first.wanted),
                found=str(first.found),
            )
        if self._dry and patient.rounds:
            return "differs", None
        if exam.well:
            return ("failed", patient.error) if patient.error else ("changed" if patient.changed else "unchanged", None)
        if self._broken is not None:
            return status_of(self._broken), None
        if patient.choice.person and not patient.choice.exhausted:
            return "waiting", None
        error = patient.error or patient.unable or exam.error
        if error is None:
            causes = [finding.cause for finding in exam.findings if finding.because is None]
            error = ResourceError("recover-exhausted", instance=exam.instance.id, causes=causes)
        return status_of(error), error


#: Which client's status is the host's.
_WORST = ("failed", "refused", "waiting", "differs", "changed", "unchanged", "pending")


def _ends_all(result: StepResult) -> bool:
    """A lost connection, a stop that was asked for, or another run on this PC: nothing more is begun."""
    locked = isinstance(result.error, GateError) and result.error.code == "pc-locked"
    return result.status in ("unknown", "unreachable") or locked
