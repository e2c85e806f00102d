"""`guiwei plan`: what differs and what would be done."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from guiwei.cli._identity import Identity
from guiwei.cli._options import Selection, at_option, common_options, connection_options, selection_options
from guiwei.cli._output import Output
from guiwei.cli._project import Project
from guiwei.cli._running import Runner, now, open_history
from guiwei.errors import InputError
from guiwei.history.durations import known_durations
from guiwei.invoicing.policies import tell_instant
from guiwei.model.plan import Plan
from guiwei.model.run import exit_code
from guiwei.transport.settings import Settings

__all__ = ["command", "make_plan", "statuses_of"]


@click.command("plan")
@click.argument("playbook", type=click.Path(path_type=Path))
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Save the plan for `apply`. 保存计划文件。")
@at_option
@selection_options
@connection_options
@common_options
def command(
    playbook: Path,
    out: Path | None,
    at: datetime | None,
    selection: Selection,
    forks: int,
    settings: Settings,
    output: Output,
) -> int:
    """Show what differs and what would be done; exit 3 if something differs. 显示差异与将要执行的操作。"""
    project = Project(selection, playbook, at=at).with_history(open_history())
    if out is not None and not out.parent.is_dir():
        # Said before the hosts are asked, not after.
        raise InputError("folder-missing", folder=str(out.parent))
    plan = make_plan(project, Runner(output, settings, forks))
    if out is not None:
        from guiwei.engine.planfile import save_plan

        plan = save_plan(plan, out)
    from guiwei.report.plan_view import plan_view

    output.show(plan_view(plan, output.words))
    output.document(plan)
    project.show_notices(output)
    return exit_code(statuses_of(plan))


def make_plan(project: Project, runner: Runner, identity: Identity | None = None) -> Plan:
    """Observe and plan every selected host; those whose identity is in doubt are refused.

    How long it will take is estimated from what steps took before.

    Args:
        identity: the run's interlock, where something is applied afterwards.
    """
    from guiwei.report.durations import expected

    # Read before the threads of many hosts run: each read would wait for them.
    known = known_durations(project.history) if project.history else {}
    interlock = identity or Identity(project, project.history)
    hosts = interlock.judged(runner.each(project.works, lambda host_run, work: host_run.plan(work)))
    return Plan(
        id=runner.run,
        playbook=str(project.playbook_path),
        created=now(),
        hosts=tuple(expected(host, known) for host in hosts),
        key=runner.key,
        reason=project.reason,
        inputs=project.inputs(),
        at="" if project.at is None else tell_instant(project.at),
        policies=project.policies,
    )


def statuses_of(plan: Plan) -> tuple[str, ...]:
    """Return the statuses of all hosts and instances of a plan."""
    return tuple(
        status for host in plan.hosts for status in (host.status, *(instance.status for instance in host.instances))
    )
