"""`guiwei restore`: put a backup back onto its PC."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from guiwei.cli._each_host import ask_hosts, holder_of
from guiwei.cli._options import Selection, common_options, connection_options, selection_options
from guiwei.cli._output import Output
from guiwei.cli._project import Project
from guiwei.cli._running import Runner, open_history
from guiwei.cli._wholesale import run_planned
from guiwei.engine.maintenance import restore_planner
from guiwei.errors import GateError
from guiwei.transport.settings import Settings

__all__ = ["command"]


@click.command("restore")
@click.argument("backup")
@click.argument("playbook", type=click.Path(path_type=Path))
@click.option("-y", "--yes", is_flag=True, help="Do not ask. 不再询问。")
@selection_options
@connection_options
@common_options
def command(
    backup: str, playbook: Path, yes: bool, selection: Selection, forks: int, settings: Settings, output: Output
) -> int:
    """Restore a backup onto the PC that holds it; refused over newer data. 在 PC 上恢复备份。"""
    project = Project(selection, playbook).with_history(open_history())
    asked = ask_hosts(project.works, lambda _work: {"op": "backups"}, Runner(output, settings, forks))
    work, receipt = holder_of(backup, project.works, asked)
    if not yes:
        if not sys.stdin.isatty():
            raise GateError("approval-needed")
        if not click.confirm(output.words.say("restore-ask", backup=backup, host=work.host.name), err=True):
            return 4
    return run_planned("restore", project, (work,), restore_planner(receipt), Runner(output, settings, forks), output)
