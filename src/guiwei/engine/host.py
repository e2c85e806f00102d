"""One host's run, from plain values to plain values: a thread or a process can call it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from guiwei.engine.observation import Observation
from guiwei.engine.planning import plan_host
from guiwei.engine.ports import Connect, Observer, Session
from guiwei.engine.steps import wire_step
from guiwei.engine.verification import issue_invoice, verification_request, verified
from guiwei.engine.work import InstanceWork, Work, observation_request
from guiwei.errors import GateError, GuiweiError, UnknownOutcomeError, UnreachableError, error_from_wire
from guiwei.model.plan import HostPlan, Stage, Step
from guiwei.model.run import Event, HostResult, InstanceResult, StepResult

__all__ = ["HostRun", "not_begun", "status_of"]

#: How a step may end that ends its stage.
_BAD = ("failed", "refused", "unknown", "unreachable")

Outcome = TypeVar("Outcome")
Answer = dict[str, Any] | GuiweiError


def status_of(error: GuiweiError) -> str:
    """Return the host status that an error means."""
    if isinstance(error, UnreachableError):
        return "unreachable"
    if isinstance(error, UnknownOutcomeError):
        return "unknown"
    return "refused" if error.exit_code == 4 else "failed"


@dataclass(frozen=True)
class HostRun:
    """Everything that one host's run needs besides its work.

    Attributes:
        run: the run's id, which names the journal on the PC.
        key: the plan's HMAC key in hex.
        observer: told of every event.
        planner: makes the plan; another one backs up or restores.
        stopping: whether somebody wants to stop; then no further step is begun.
    """

    connect: Connect
    observer: Observer
    run: str
    key: str
    planner: Callable[[Work, Observation], HostPlan] = plan_host
    stopping: Callable[[], bool] = lambda: False

    def plan(self, work: Work) -> HostPlan:
        """Observe and plan one host; never raises an expected error, its status says it."""
        return self._with_session(work, lambda session: self._planned(work, session), _plan_failed)

    def apply(
        self, work: Work, approve: Callable[[HostPlan], HostPlan | None], level: str | None = None
    ) -> tuple[HostPlan, HostResult]:
        """Observe, plan, ask `approve`, apply and verify one host on one connection.

        Args:
            approve: gets the fresh plan and returns the one to apply, None to leave the host alone, or raises a
                `GateError`.
            level: of verification; None takes the play's.
        """

        def run(session: Session) -> tuple[HostPlan, HostResult]:
            started = time.monotonic()
            plan = self._planned(work, session)
            result = self._applied(work, session, plan, approve, level)
            return plan, replace(result, seconds=round(time.monotonic() - started, 3))

        def failed(host: str, error: GuiweiError) -> tuple[HostPlan, HostResult]:
            return _plan_failed(host, error), HostResult(host, status_of(error), error=error)

        return self._with_session(work, run, failed)

    def verify(self, work: Work, level: str) -> HostResult:
        """Verify every instance of one host without changing anything (but a test invoice at level `issue`)."""

        def run(session: Session) -> HostResult:
            started = time.monotonic()
            plan = self._planned(work, session)
            results = tuple(_looked_at(each) for each in self._verified(work, session, plan, level, ()))
            return HostResult(
                work.host.name,
                _seen(plan, results),
                instances=results,
                error=plan.error,
                seconds=round(time.monotonic() - started, 3),
            )

        return self._with_session(work, run, lambda host, error: HostResult(host, status_of(error), error=error))

    def ask(self, work: Work, request: Mapping[str, Any], on_result: Callable[[dict[str, Any]], None]) -> Answer:
        """Ask one host one thing (`backups`, `rollback`, …) and return the answer or the error."""

        def run(session: Session) -> Answer:
            return session.ask(request, on_result)

        def failed(_host: str, error: GuiweiError) -> Answer:
            return error

        return self._with_session(work, run, failed)

    def roll_back(
        self, work: Work, run: str, ledgers: Mapping[str, tuple[Mapping[str, Any], ...]] | None
    ) -> HostResult:
        """Take back what a run did on one host; see `maintenance.roll_back`."""
        from guiwei.engine.maintenance import roll_back

        def call(session: Session) -> HostResult:
            started = time.monotonic()
            result = roll_back(session, work, run, ledgers)
            return replace(result, seconds=round(time.monotonic() - started, 3))

        return self._with_session(work, call, lambda host, error: HostResult(host, status_of(error), error=error))

    # Pieces

    def _with_session(
        self, work: Work, call: Callable[[Session], Outcome], failed: Callable[[str, GuiweiError], Outcome]
    ) -> Outcome:
        self._tell("begin", work)
        try:
            session = self.connect(work.host)
            try:
                outcome = call(session)
            finally:
                session.close()
        except GuiweiError as error:
            outcome = failed(work.host.name, error)
        self._tell("end", work, outcome=outcome)
        return outcome

    def _tell(self, kind: str, work: Work, **data: Any) -> None:
        self.observer(Event(kind, work.host.name, data))

    def _planned(self, work: Work, session: Session) -> HostPlan:
        started = time.monotonic()
        answer = session.ask(observation_request(work))
        observation = Observation.from_answer(answer, round(time.monotonic() - started, 4))
        self._tell("observed", work, seconds=observation.seconds)
        plan = self.planner(work, observation)
        self._tell("planned", work, steps=len(plan.steps), status=plan.status)
        return plan

    def _applied(
        self,
        work: Work,
        session: Session,
        plan: HostPlan,
        approve: Callable[[HostPlan], HostPlan | None],
        level: str | None,
    ) -> HostResult:
        host = work.host.name
        if plan.status == "failed":
            return HostResult(host, plan.status, error=plan.error or _first_error(plan), instances=_untouched(plan))
        # The gates see the plan first: a refusal by one of them says more than the plan's status.
        try:
            chosen = approve(plan)
        except GateError as refusal:
            return HostResult(host, "refused", error=refusal, instances=_untouched(plan))
        if plan.status == "refused":
            return HostResult(host, plan.status, error=plan.error or _first_error(plan), instances=_untouched(plan))
        if chosen is None or self.stopping():
            skipped = tuple(replace(each, status="skipped") for each in _untouched(plan))
            return HostResult(host, "skipped", instances=skipped)
        results = self._stages(work, session, chosen) if chosen.steps else ()
        bad = [result for result in results if result.status in _BAD]
        changed = any(result.status == "changed" for result in results)
        if bad:
            status = "refused" if bad[0].status == "refused" and not changed else bad[0].status
            return HostResult(host, status, results, _outcomes(plan, results), bad[0].error)
        wanted = level or str(work.verify.get("level", "")) or None
        # The fresh plan tells how the instances are; a saved one, how they were when it was made.
        instances = _outcomes(plan, results)
        if wanted:
            instances = self._verified(work, session, plan, wanted if changed else "ready", instances)
        return HostResult(host, _ended(chosen, changed, instances), results, instances)

    def _stages(self, work: Work, session: Session, plan: HostPlan) -> tuple[StepResult, ...]:
        for sha256, path in plan.artifacts.items():
            session.offer(sha256, Path(path))
        results: list[StepResult] = []
        stopped: set[str | None] = set()
        for stage in plan.stages:
            if stage.instance in stopped or (stage.instance is None and stopped):
                # What builds on a stage that failed is not begun; handlers stay noted on the PC.
                continue
            if self.stopping():
                if not any(result.status in _BAD for result in results):
                    results.append(_interrupted(stage.steps[0], self.run, plan.host))
                break
            done = self._stage(work, session, stage, plan, results)
            results += done
            if any(result.status in _BAD for result in done):
                stopped.add(stage.instance)
        return tuple(results)

    def _stage(
        self, work: Work, session: Session, stage: Stage, plan: HostPlan, before: list[StepResult]
    ) -> list[StepResult]:
        self._tell("stage", work, number=stage.number, title=stage.title, versions=stage.versions)
        steps = {step.id: step for step in stage.steps}
        results: list[StepResult] = []

        def on_result(wire: dict[str, Any]) -> None:
            step = steps[wire["id"]]
            result = StepResult(
                id=step.id,
                status=wire["status"],
                name=step.name,
                instance=step.instance,
                changes=tuple((change[0], change[1], change[2]) for change in wire.get("changes", ())),
                seconds=wire.get("seconds", 0.0),
                receipt=wire.get("receipt"),
                error=_placed(wire, step),
            )
            results.append(result)
            self._tell("step", work, id=step.id, name=step.name, status=result.status)
            if self.stopping() and len(results) < len(stage.steps):
                # The session is closed next: the PC ends the step that it may have begun by now, and stops.
                raise UnknownOutcomeError("interrupted", host=work.host.name, run=self.run)

        request = {
            "op": "apply",
            "run": self.run,
            "machine_id": plan.facts.get("machine_id", ""),
            "steps": [wire_step(step, self.key) for step in stage.steps],
            "changed": [result.id for result in before if result.status == "changed"],
            **plan.observing,
        }
        try:
            session.ask(request, on_result)
        except GuiweiError as error:
            unfinished = next((step for step in stage.steps if step.id not in {r.id for r in results}), None)
            if unfinished is None:
                raise
            lost = isinstance(error, UnknownOutcomeError)
            status = "unknown" if lost else status_of(error)
            results.append(StepResult(unfinished.id, status, unfinished.name, unfinished.instance, error=error))
        return results

    def _verified(
        self, work: Work, session: Session, plan: HostPlan, level: str, ended: tuple[InstanceResult, ...]
    ) -> tuple[InstanceResult, ...]:
        plans = {each.id: each for each in plan.instances}
        outcomes = {each.id: each for each in ended or _untouched(plan)}
        sound = tuple(
            each
            for each in work.instances
            if plans[each.id].status in ("unchanged", "differs") and outcomes[each.id].status != "skipped"
        )
        invoices: dict[str, tuple[Mapping[str, Any], ...]] = {}
        errors: dict[str, GuiweiError] = {}
        if level == "issue":
            for instance in sound:
                self._issue(work, session, instance, invoices, errors)
        if not sound:
            return tuple(outcomes.values())
        request = verification_request(work, sound)
        started = time.monotonic()
        observation = Observation.from_answer(session.ask(request), round(time.monotonic() - started, 4))
        results = []
        for instance in work.instances:
            if instance not in sound:
                results.append(outcomes[instance.id])
                continue
            before = plans[instance.id].ledger
            good = outcomes[instance.id].status if ended else "unchanged"
            result = verified(instance, observation, before, invoices.get(instance.id, ()), good)
            if instance.id in errors:
                result = replace(result, status="failed", error=errors[instance.id])
            results.append(result)
            self._tell("verified", work, instance=instance.id, status=result.status)
        return tuple(results)

    def _issue(
        self,
        work: Work,
        session: Session,
        instance: InstanceWork,
        invoices: dict[str, tuple[Mapping[str, Any], ...]],
        errors: dict[str, GuiweiError],
    ) -> None:
        if instance.product.issue is None:
            return
        try:
            invoices[instance.id] = issue_invoice(session, work, instance, instance.product.issue, self.run)
        except GuiweiError as error:
            errors[instance.id] = error


def _interrupted(step: Step, run: str, host: str) -> StepResult:
    error = UnknownOutcomeError("interrupted", host=host, run=run)
    return StepResult(step.id, "unknown", step.name, step.instance, error=error)


def _placed(wire: Mapping[str, Any], step: Step) -> GuiweiError | None:
    """The PC knows nothing of the user's files: where the step was asked for is added here."""
    if not wire.get("error"):
        return None
    error = error_from_wire(wire["error"])
    error.place = error.place or step.place
    return error


def _looked_at(result: InstanceResult) -> InstanceResult:
    """A check that is not met is a difference; what could not be done, or does not reconcile, is a failure."""
    if result.status == "failed" and result.error is None and result.reconciled is not False:
        return replace(result, status="differs")
    return result


def _seen(plan: HostPlan, results: tuple[InstanceResult, ...]) -> str:
    found = {result.status for result in results}
    for status in ("failed", "refused", "differs"):
        if status in found or (status == plan.status and status != "differs"):
            return status
    return "pending" if found == {"pending"} else "unchanged"


def not_begun(work: Work) -> tuple[HostPlan, HostResult]:
    """Return the outcome of a host that nothing was begun on."""
    instances = tuple(InstanceResult(each.id, "skipped") for each in work.instances)
    return HostPlan(work.host.name, "skipped"), HostResult(work.host.name, "skipped", instances=instances)


def _plan_failed(host: str, error: GuiweiError) -> HostPlan:
    return HostPlan(host, status_of(error), error=error)


def _first_error(plan: HostPlan) -> GuiweiError | None:
    return next((each.error for each in plan.instances if each.error is not None), None)


def _untouched(plan: HostPlan) -> tuple[InstanceResult, ...]:
    return tuple(_instance_result(each) for each in plan.instances)


def _outcomes(plan: HostPlan, results: tuple[StepResult, ...]) -> tuple[InstanceResult, ...]:
    """Each instance's outcome by its own steps; one that no step was for stays what the plan says, or was skipped."""
    outcomes = []
    for each in plan.instances:
        own = [result for result in results if result.instance == each.id]
        bad = next((result for result in own if result.status in _BAD), None)
        outcome = _instance_result(each)
        if bad is not None:
            outcome = replace(outcome, status=bad.status, error=bad.error)
        elif any(result.status == "changed" for result in own):
            outcome = replace(outcome, status="changed")
        elif own or outcome.status == "differs":
            outcome = replace(outcome, status="unchanged" if own else "skipped")
        outcomes.append(outcome)
    return tuple(outcomes)


def _instance_result(plan: Any) -> InstanceResult:
    return InstanceResult(plan.id, plan.status, plan.error, ledger_before=plan.ledger)


def _ended(plan: HostPlan, changed: bool, instances: tuple[InstanceResult, ...]) -> str:
    if any(each.status == "failed" for each in instances):
        return "failed"
    if changed:
        return "changed"
    return "pending" if plan.status == "pending" else "unchanged"
