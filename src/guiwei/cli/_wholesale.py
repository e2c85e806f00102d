"""Running a plan that guiwei makes itself (backup, restore) over hosts, with history and report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from guiwei.cli._output import Output
from guiwei.cli._project import Project
from guiwei.cli._record import Recorder
from guiwei.cli._running import Runner, now
from guiwei.cli.apply import result_statuses
from guiwei.engine.host import not_begun
from guiwei.engine.observation import Observation
from guiwei.engine.work import Work
from guiwei.history.database import History
from guiwei.model.plan import HostPlan
from guiwei.model.run import HostResult, RunResult, exit_code

__all__ = ["run_planned"]


def run_planned(
    name: str,
    project: Project,
    works: Sequence[Work],
    planner: Callable[[Work, Observation], HostPlan],
    runner: Runner,
    output: Output,
) -> int:
    """Apply what `planner` plans on every host and return the exit code."""
    history = project.history
    assert isinstance(history, History)
    recorder = Recorder(history, output, runner.run, name, str(project.playbook_path), project.reason)

    def ended(work: Work, outcome: tuple[HostPlan, HostResult]) -> None:
        # A backup's `done` is no state that a later plan could drift from.
        recorder.host_ended(work, (replace(outcome[0], desired={}), outcome[1]))

    outcomes = runner.each(
        works,
        lambda host_run, work: replace(host_run, planner=planner).apply(replace(work, verify={}), _go),
        ended,
        not_begun,
    )
    result = RunResult(
        run=runner.run,
        command=name,
        playbook=str(project.playbook_path),
        started=recorder.started,
        finished=now(),
        hosts=tuple(result for _plan, result in outcomes),
        reason=project.reason,
    )
    recorder.finish(result.finished)
    from guiwei.report.run_view import run_view

    output.show(run_view(result, output.words))
    output.document(result)
    return runner.exit_code(exit_code(result_statuses(result.hosts), differs=False))


def _go(plan: HostPlan) -> HostPlan:
    return plan
