"""`guiwei verify`: prove that the PCs can invoice."""

from __future__ import annotations

from pathlib import Path

import click

from guiwei.cli._options import Selection, common_options, connection_options, selection_options
from guiwei.cli._output import Output
from guiwei.cli._project import Project
from guiwei.cli._record import Recorder
from guiwei.cli._running import Runner, now, open_history
from guiwei.cli.apply import result_statuses
from guiwei.model.plan import HostPlan
from guiwei.model.run import RunResult, exit_code
from guiwei.transport.settings import Settings

__all__ = ["command"]


@click.command("verify")
@click.argument("playbook", type=click.Path(path_type=Path))
@click.option("--issue", is_flag=True, help="Issue one test invoice and void it at once. 开具并作废一张测试发票。")
@selection_options
@connection_options
@common_options
def command(playbook: Path, issue: bool, selection: Selection, forks: int, settings: Settings, output: Output) -> int:
    """Prove that the PCs can invoice; without --issue it has no fiscal effect. 验证能否正常开票。"""
    history = open_history()
    project = Project(selection, playbook)
    runner = Runner(output, settings, forks)
    works = project.works
    recorder = Recorder(history, output, runner.run, "verify", str(playbook), project.reason)
    results = runner.each(
        works,
        lambda host_run, work: host_run.verify(work, "issue" if issue else "ready"),
        lambda work, result: recorder.host_ended(work, (HostPlan(result.host, result.status), result)),
    )
    run = RunResult(
        run=runner.run,
        command="verify",
        playbook=str(playbook),
        started=recorder.started,
        finished=now(),
        hosts=tuple(results),
        reason=project.reason,
    )
    recorder.finish(run.finished)
    from guiwei.report.run_view import run_view

    output.show(run_view(run, output.words))
    output.document(run)
    return exit_code(result_statuses(run.hosts))
