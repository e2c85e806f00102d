"""`guiwei restore`: put a backup back onto its PC."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from guiwei.cli._each_host import ask_hosts
from guiwei.cli._options import Selection, common_options, connection_options, selection_options
from guiwei.cli._output import Output
from guiwei.cli._project import Project
from guiwei.cli._running import Runner, open_history
from guiwei.cli._wholesale import run_planned
from guiwei.engine.maintenance import restore_planner
from guiwei.engine.work import Work
from guiwei.errors import GateError, GuiweiError, HostError, InputError
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
    work, receipt = _find(backup, project.works, Runner(output, settings, forks))
    if not yes:
        if not sys.stdin.isatty():
            raise GateError("approval-needed")
        if not click.confirm(output.words.say("restore-ask", backup=backup, host=work.host.name), err=True):
            return 4
    return run_planned("restore", project, (work,), restore_planner(receipt), Runner(output, settings, forks), output)


def _find(backup: str, works: tuple[Work, ...], runner: Runner) -> tuple[Work, dict[str, Any]]:
    """Return the one host that holds the backup.

    Raises:
        InputError: no selected host holds it (`backup-not-found`).
        HostError: none that answered holds it, and some did not answer (`backup-not-asked`).
    """
    asked = ask_hosts(works, lambda _work: {"op": "backups"}, runner)
    unreachable = [host for host, (answer, _) in asked.items() if isinstance(answer, GuiweiError)]
    for work in works:
        answer, _ = asked[work.host.name]
        if isinstance(answer, GuiweiError):
            continue
        for receipt in answer["backups"]:
            if receipt["backup"] == backup:
                return work, receipt
    if unreachable:
        raise HostError("backup-not-asked", backup=backup, unasked=unreachable)
    raise InputError("backup-not-found", backup=backup)
