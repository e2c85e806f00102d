"""`guiwei apply`: a playbook, or a saved plan, made true."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import click

from guiwei.cli import _clock
from guiwei.cli._contacts import with_contact
from guiwei.cli._identity import Identity
from guiwei.cli._options import (
    Selection,
    at_option,
    common_options,
    connection_options,
    override_option,
    selection_options,
)
from guiwei.cli._output import Output
from guiwei.cli._project import Project
from guiwei.cli._record import Recorder
from guiwei.cli._running import Runner, now, open_history
from guiwei.cli.plan import make_plan
from guiwei.engine.host import HostRun, not_begun
from guiwei.engine.work import Work
from guiwei.errors import GateError
from guiwei.invoicing.policies import tell_instant
from guiwei.model.plan import HostPlan, Plan
from guiwei.model.run import HostResult, RunResult, exit_code
from guiwei.safety.busy import client_busy
from guiwei.safety.calendar import filing_days, not_before_its_day
from guiwei.safety.gates import missing_backup, staleness, wrong_identity
from guiwei.transport.settings import Settings

__all__ = ["command", "result_statuses"]


@click.command("apply")
@click.argument("playbook_or_plan", type=click.Path(path_type=Path))
@click.option("-y", "--yes", is_flag=True, help="Do not ask. 不再询问。")
@click.option(
    "--issue", is_flag=True, help="Verify with one test invoice, voided at once. 验证时开具并作废一张测试发票。"
)
@click.option(
    "--lockstep",
    is_flag=True,
    help="Look at every PC before the first is changed; costs a second connection. 全部查看后才开始更改。",
)
@at_option
@override_option
@selection_options
@connection_options
@common_options
def command(
    playbook_or_plan: Path,
    yes: bool,
    issue: bool,
    lockstep: bool,
    at: datetime | None,
    override: str | None,
    selection: Selection,
    forks: int,
    settings: Settings,
    output: Output,
) -> int:
    """Apply a playbook, or a plan that `plan -o` saved. 执行剧本或已保存的计划。"""
    saved = _saved_plan(playbook_or_plan)
    history = open_history()
    project = Project.of_plan(saved, selection) if saved else Project(selection, playbook_or_plan)
    _only_now(at or project.at)
    # What is applied is what holds now: a plan that was made for this day, too, is made again for this minute.
    project = replace(project, at=None, override=override).with_history(history)
    runner = Runner(output, settings, forks, key=saved.key if saved else None)
    identity = Identity(project, history)
    if saved is None and (lockstep or not yes):
        # A person sees the plan before it is applied; what is applied is exactly what was shown.
        saved = make_plan(project, Runner(output, settings, forks, key=runner.key), identity)
        if not yes and not _agreed(saved, output):
            return 4
        saved_hosts: dict[str, HostPlan] | None = {host.host: host for host in saved.hosts}
    else:
        saved_hosts = {host.host: host for host in saved.hosts} if saved else None
    recorder = Recorder(
        history, output, runner.run, "apply", str(playbook_or_plan), project.reason, str(project.source), identity
    )
    outcomes = runner.each(
        project.works,
        lambda host_run, work: _apply_one(host_run, work, _approver(saved_hosts, runner.key, identity), issue),
        recorder.host_ended,
        not_begun,
    )
    result = RunResult(
        run=runner.run,
        command="apply",
        playbook=str(playbook_or_plan),
        started=recorder.started,
        finished=now(),
        hosts=tuple(result for _plan, result in outcomes),
        plan=saved.digest if saved else "",
        reason=project.reason,
    )
    recorder.finish(result.finished)
    from guiwei.report.run_view import run_view

    output.show(run_view(result, output.words))
    output.document(result)
    project.show_notices(output)
    return runner.exit_code(exit_code(result_statuses(result.hosts), differs=False))


def _only_now(at: datetime | None) -> None:
    """Refuse to apply what will hold later.

    Raises:
        GateError: `at-not-now`.
    """
    if at is not None:
        refuse(not_before_its_day(at, _clock.instant(), tell_instant(at)))


def _saved_plan(path: Path) -> Plan | None:
    """A plan file is JSON, a playbook is YAML: the first character tells."""
    try:
        with path.open("rb") as file:
            first = file.read(64).lstrip()[:1]
    except OSError:
        return None
    if first != b"{":
        return None
    from guiwei.engine.planfile import load_plan

    return load_plan(path)


def _agreed(plan: Plan, output: Output) -> bool:
    from guiwei.report.plan_view import plan_view

    output.side.print(plan_view(plan, output.words))
    if not any(host.status == "differs" for host in plan.hosts):
        return True
    if not sys.stdin.isatty():
        raise GateError("approval-needed")
    return click.confirm(output.words.say("apply-ask"), err=True)


def _apply_one(
    host_run: HostRun, work: Work, approve: Callable[[HostPlan], HostPlan | None], issue: bool
) -> tuple[HostPlan, HostResult]:
    plan, result = host_run.apply(work, approve, "issue" if issue else None)
    return plan, with_contact(result, work)


def _approver(saved: dict[str, HostPlan] | None, key: str, identity: Identity) -> Callable[[HostPlan], HostPlan | None]:
    """Pass every host's fresh plan through the gates; with a saved plan, let the host have that one."""
    from guiwei.engine.planfile import fill_secrets

    def approve(fresh: HostPlan) -> HostPlan | None:
        refuse(identity.refusal(fresh), wrong_identity(fresh), missing_backup(fresh))
        refuse(client_busy(fresh), filing_days(fresh))
        if saved is None or fresh.status not in ("differs", "unchanged", "pending", "waiting"):
            return fresh
        planned = saved.get(fresh.host)
        if planned is None:
            return None
        if planned.status not in ("differs", "waiting"):
            # Nothing was planned here when it was looked at: what has come up since is for the next plan.
            return fresh if fresh.status != "differs" else None
        refuse(staleness(planned, fresh, key))
        return fill_secrets(planned, fresh)

    return approve


def refuse(*refusals: GateError | None) -> None:
    """Raise the first refusal, if there is one."""
    for refusal in refusals:
        if refusal is not None:
            raise refusal


def result_statuses(hosts: tuple[HostResult, ...]) -> tuple[str, ...]:
    """Return the statuses of all hosts and instances of a run."""
    return tuple(status for host in hosts for status in (host.status, *(each.status for each in host.instances)))
