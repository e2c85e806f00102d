"""`guiwei backup`: back up every selected instance on its PC."""

from __future__ import annotations

from pathlib import Path

import click

from guiwei.cli._options import Selection, common_options, connection_options, selection_options
from guiwei.cli._output import Output
from guiwei.cli._project import Project
from guiwei.cli._running import Runner, open_history
from guiwei.cli._wholesale import run_planned
from guiwei.engine.maintenance import backup_plan
from guiwei.transport.settings import Settings

__all__ = ["command"]


@click.command("backup")
@click.argument("playbook", type=click.Path(path_type=Path))
@selection_options
@connection_options
@common_options
def command(playbook: Path, selection: Selection, forks: int, settings: Settings, output: Output) -> int:
    """Back up every selected instance: stop, copy, prove, start again. 备份所选开票实例。"""
    project = Project(selection, playbook).with_history(open_history())
    return run_planned("backup", project, project.works, backup_plan, Runner(output, settings, forks), output)
