"""Writing the history while a run goes on: the coordinator's thread alone."""

from __future__ import annotations

from guiwei.cli._identity import Identity
from guiwei.cli._output import Output
from guiwei.cli._running import now, plain_values, user
from guiwei.engine.work import Work
from guiwei.history.database import History
from guiwei.history.durations import note_durations
from guiwei.history.people import People
from guiwei.model.plan import HostPlan
from guiwei.model.run import HostResult, given_in_vain

__all__ = ["Recorder"]


class Recorder:
    """Notes a run in the history; made before the first host is touched.

    Args:
        waits_by: the playbook by which steps of people wait; None where nothing may wait.
        identity: the run's interlock, which remembers where PCs and disks are.
    """

    def __init__(
        self,
        history: History,
        output: Output,
        run: str,
        command: str,
        playbook: str,
        reason: str | None,
        waits_by: str | None = None,
        identity: Identity | None = None,
    ) -> None:
        self._history = history
        self._people = People(history)
        self._output = output
        self._run = run
        self._waits_by = waits_by
        self._identity = identity
        self.started = now()
        history.begin(run, command, playbook, self.started, reason=reason, who=user())
        # Only now: that a run began is on the disk before anything is touched.
        history.hold()

    def host_ended(self, work: Work, outcome: tuple[HostPlan, HostResult]) -> None:
        """Note one host's result, its test invoices, and what is applied on it now."""
        from guiwei.report.as_json import to_json
        from guiwei.report.durations import kinds_taken

        plan, result = outcome
        good = result.status in ("changed", "unchanged")
        desired = plain_values(plan.desired) if good else {}
        known = work.applied
        applied = {resource: fields for resource, fields in desired.items() if known.get(resource) != fields}
        in_vain = _given_in_vain(result)
        applied.update(in_vain)
        invoices = [
            {**invoice, "instance": instance.id} for instance in result.instances for invoice in instance.invoices
        ]
        self._history.record_host(
            self._run,
            result.host,
            result.status,
            result.seconds,
            to_json(result, self._output.words),
            applied,
            invoices,
        )
        if in_vain:
            self._history.sync()
        note_durations(self._history, kinds_taken(result.steps))
        if self._identity is not None:
            self._identity.note(plan, result, self._run, now())
        if self._waits_by is not None and result.status in ("changed", "unchanged", "waiting"):
            steps = {step.id: step for step in plan.steps}
            waiting = [
                {
                    "resource": steps[each.id].resource,
                    "name": each.name,
                    "instance": each.instance,
                    **(each.receipt or {}),
                }
                for each in result.steps
                if each.status == "waiting"
            ]
            self._people.note(result.host, self._waits_by, self._run, self.started, waiting)

    def finish(self, finished: str) -> None:
        """Note that the run ended."""
        self._history.finish(self._run, finished)
        self._history.release()


def _given_in_vain(result: HostResult) -> dict[str, dict[str, int]]:
    """Return how many tries were left before each secret that did not do: never is it given again by itself."""
    return {
        given_in_vain(each.resource): {"tries_left": each.tries_left}
        for each in result.steps
        if each.tries_left is not None and each.status in ("failed", "unknown")
    }
