"""`guiwei drift`: what has moved on the PCs since it was applied."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from guiwei.cli._options import Selection, common_options, connection_options, selection_options
from guiwei.cli._output import Output
from guiwei.cli._project import Project
from guiwei.cli._running import Runner, now, open_history, user
from guiwei.cli.plan import make_plan, statuses_of
from guiwei.history.looks import note_audit
from guiwei.model.plan import HostPlan, Plan
from guiwei.model.run import HostResult, exit_code
from guiwei.transport.settings import Settings

__all__ = ["command"]


@click.command("drift")
@click.argument("playbook", type=click.Path(path_type=Path))
@selection_options
@connection_options
@common_options
def command(playbook: Path, selection: Selection, forks: int, settings: Settings, output: Output) -> int:
    """Show what has moved since the last apply, and nothing else; exit 3 if something has. 显示自上次执行以来的漂移。

    What the playbook wants for the first time, or wants otherwise now, is no drift: `guiwei plan` shows that.
    """
    history, started = open_history(), now()
    project, runner = Project(selection, playbook).with_history(history), Runner(output, settings, forks)
    plan = make_plan(project, runner)
    from guiwei.report.as_json import to_json
    from guiwei.report.drift_view import drift_view, drifted

    rows = [row for host in plan.hosts for row in drifted(host, output.words)]
    output.show(drift_view(plan, rows, output.words))
    output.document({"playbook": plan.playbook, "created": plan.created, "drift": rows, "hosts": _hosts(plan)})
    project.show_notices(output)
    moved = {row["host"] for row in rows}
    results = {host.host: to_json(_result(host, moved), output.words) for host in plan.hosts}
    note_audit(history, runner.run, str(playbook), started, now(), results, user())
    return exit_code((*_troubles(plan), *("differs" for _ in rows)))


def _troubles(plan: Plan) -> tuple[str, ...]:
    """That something else differs is the plan's to say."""
    return tuple(status for status in statuses_of(plan) if status != "differs")


def _result(host: HostPlan, moved: set[str]) -> HostResult:
    """What the history keeps of the audit: whether the host has moved, and why it could not be seen."""
    status = host.status
    if status in ("differs", "unchanged"):
        status = "differs" if host.host in moved else "unchanged"
    return HostResult(host.host, status, error=_error(host), seconds=host.seconds)


def _hosts(plan: Plan) -> list[dict[str, Any]]:
    return [{"host": host.host, "status": host.status, "error": _error(host)} for host in plan.hosts]


def _error(host: HostPlan) -> Any:
    return host.error or next((each.error for each in host.instances if each.error), None)
