"""One host's run, from plain values to plain values: a thread or a process can call it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from guiwei.engine.conditions import as_checks, plan_conditions
from guiwei.engine.observation import Observation
from guiwei.engine.outcomes import (
    BAD,
    ended_as,
    first_error,
    looked_at,
    not_begun,
    outcomes_of,
    plan_failed,
    seen_as,
    status_of,
    untouched,
)
from guiwei.engine.people import by_hand, parts_of
from guiwei.engine.planning import plan_host
from guiwei.engine.ports import Connect, Observer, Session
from guiwei.engine.reconciling import ledgers_only, touched_data
from guiwei.engine.steps import wire_step
from guiwei.engine.verification import issue_invoice, password_due, verification_request, verified
from guiwei.engine.work import InstanceWork, Work, observation_request
from guiwei.errors import GateError, GuiweiError, UnknownOutcomeError, error_from_wire
from guiwei.model.plan import HostPlan, Stage, Step
from guiwei.model.run import Event, HostResult, InstanceResult, StepResult

__all__ = ["HostRun", "Noting", "not_begun", "status_of"]

Outcome = TypeVar("Outcome")
Answer = dict[str, Any] | GuiweiError


class Noting:
    """A session that keeps the PC's id, which its first apply mints."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.pc_id = ""

    def ask(
        self, request: Mapping[str, Any], on_result: Callable[[dict[str, Any]], None] | None = None
    ) -> dict[str, Any]:
        answer = self._session.ask(request, on_result)
        self.pc_id = answer.get("pc_id", self.pc_id)
        return answer

    def offer(self, sha256: str, path: Path) -> None:
        self._session.offer(sha256, path)

    def close(self) -> None:
        self._session.close()


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
        return self._with_session(work, lambda session: self._planned(work, session), plan_failed)

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
            noting = Noting(session)
            result = self._applied(work, noting, plan, approve, level)
            return plan, replace(result, seconds=round(time.monotonic() - started, 3), pc_id=noting.pc_id)

        def failed(host: str, error: GuiweiError) -> tuple[HostPlan, HostResult]:
            return plan_failed(host, error), HostResult(host, status_of(error), error=error)

        return self._with_session(work, run, failed)

    def verify(self, work: Work, level: str, approve: Callable[[HostPlan], None] | None = None) -> HostResult:
        """Verify every instance of one host without changing anything (but a test invoice at level `issue`).

        Args:
            approve: gets the fresh plan and raises a `GateError` where no invoice may be issued.
        """

        def run(session: Session) -> HostResult:
            started = time.monotonic()
            plan = self._planned(work, session)
            if approve is not None and level == "issue":
                approve(plan)
            results = tuple(looked_at(each) for each in self._verified(work, session, plan, level, ()))
            return HostResult(
                work.host.name,
                seen_as(plan, results),
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
        # The gates see the plan first: a refusal by one of them says more than the plan's status.
        try:
            chosen = approve(plan)
        except GateError as refusal:
            refused = (replace(each, status="refused") if each.status == "failed" else each for each in untouched(plan))
            return HostResult(host, "refused", error=refusal, instances=tuple(refused))
        if plan.status in ("failed", "refused"):
            return HostResult(host, plan.status, error=plan.error or first_error(plan), instances=untouched(plan))
        if chosen is None or self.stopping():
            skipped = tuple(replace(each, status="skipped") for each in untouched(plan))
            return HostResult(host, "skipped", instances=skipped)
        results = self._stages(work, session, chosen) if chosen.steps else ()
        bad = [result for result in results if result.status in BAD]
        changed = any(result.status == "changed" for result in results)
        waits = any(result.status == "waiting" for result in results)
        if bad:
            status = "refused" if bad[0].status == "refused" and not changed else bad[0].status
            return HostResult(host, status, results, outcomes_of(plan, results), bad[0].error)
        if waits:
            # It is not yet what it will be: there is nothing to prove before a person has done the rest.
            return HostResult(host, "waiting", results, outcomes_of(plan, results, rest="waiting"))
        wanted = level or str(work.verify.get("level", "")) or None
        # The fresh plan tells how the instances are; a saved one, how they were when it was made.
        instances = outcomes_of(plan, results)
        if wanted:
            instances = self._verified(work, session, plan, wanted if changed else "ready", instances)
        elif touched_data(chosen, results):
            looked = {each.id: each for each in self._verified(ledgers_only(work), session, plan, "ready", instances)}
            instances = tuple(replace(looked[each.id], checks=each.checks) for each in instances)
        return HostResult(host, ended_as(chosen, changed, instances), results, instances)

    def _stages(self, work: Work, session: Session, plan: HostPlan) -> tuple[StepResult, ...]:
        for sha256, path in plan.artifacts.items():
            session.offer(sha256, Path(path))
        results: list[StepResult] = []
        stopped: set[str | None] = set()
        for stage in plan.stages:
            if stage.instance in stopped or (stage.instance is None and stopped):
                # What builds on a stage that failed is not begun; handlers stay noted on the PC.
                continue
            if stage.title != "handlers" and any(result.status == "waiting" for result in results):
                # All that follows waits for the person; handlers do not: the PC must not stay half done for days.
                continue
            if self.stopping():
                if not any(result.status in BAD for result in results):
                    results.append(_interrupted(stage.steps[0], self.run, plan.host))
                break
            for steps in parts_of(stage.steps):
                if steps[0].by_hand:
                    done = [by_hand(session, steps[0], plan, results)]
                else:
                    done = self._stage(work, session, replace(stage, steps=steps), plan, results)
                results += done
                if any(result.status in BAD for result in done):
                    stopped.add(stage.instance)
                if any(result.status in (*BAD, "waiting") for result in done):
                    break
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
                resource=step.resource,
                tries_left=step.tries_left,
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
            results.append(_ended(unfinished, status, error))
        return results

    def _verified(
        self, work: Work, session: Session, plan: HostPlan, level: str, ended: tuple[InstanceResult, ...]
    ) -> tuple[InstanceResult, ...]:
        plans = {each.id: each for each in plan.instances}
        outcomes = {each.id: each for each in ended or untouched(plan)}
        # A plan may be about some of a PC's clients alone (to restore one).
        concerned = tuple(each for each in work.instances if each.id in plans)
        sound = tuple(
            each
            for each in concerned
            if plans[each.id].status in ("unchanged", "differs") and outcomes[each.id].status != "skipped"
        )
        invoices: dict[str, tuple[Mapping[str, Any], ...]] = {}
        errors: dict[str, GuiweiError] = {}
        if level == "issue":
            for instance in sound:
                refusal = None if ended else password_due(plan, instance)
                if refusal is not None:
                    errors[instance.id] = refusal
                else:
                    self._issue(work, session, instance, invoices, errors)
        if not sound:
            return tuple(outcomes.values())
        request = verification_request(work, sound)
        started = time.monotonic()
        observation = Observation.from_answer(session.ask(request), round(time.monotonic() - started, 4))
        results = []
        for instance in concerned:
            if instance not in sound:
                results.append(outcomes[instance.id])
                continue
            before = plans[instance.id].ledger
            good = outcomes[instance.id].status if ended else "unchanged"
            filing = plans[instance.id].facts.get("filing")
            wanted = as_checks(plan_conditions(work, instance, observation))
            result = verified(instance, observation, before, invoices.get(instance.id, ()), good, filing, wanted)
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
    return _ended(step, "unknown", error)


def _ended(step: Step, status: str, error: GuiweiError) -> StepResult:
    return StepResult(
        step.id,
        status,
        step.name,
        step.instance,
        error=error,
        resource=step.resource,
        tries_left=step.tries_left,
    )


def _placed(wire: Mapping[str, Any], step: Step) -> GuiweiError | None:
    """The PC knows nothing of the user's files: where the step was asked for is added here."""
    if not wire.get("error"):
        return None
    error = error_from_wire(wire["error"])
    error.place = error.place or step.place
    return error
