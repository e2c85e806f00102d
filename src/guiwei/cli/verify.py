"""`guiwei verify`: prove that the PCs can invoice."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from guiwei.cli._contacts import with_contact
from guiwei.cli._identity import Identity
from guiwei.cli._options import Selection, at_option, common_options, connection_options, selection_options
from guiwei.cli._output import Output
from guiwei.cli._project import Project
from guiwei.cli._record import Recorder
from guiwei.cli._running import Runner, now, open_history
from guiwei.cli._suite import with_suites
from guiwei.cli.apply import refuse, result_statuses
from guiwei.engine.work import Work
from guiwei.model.plan import HostPlan
from guiwei.model.run import HostResult, RunResult, exit_code
from guiwei.transport.settings import Settings

__all__ = ["command"]


@click.command("verify")
@click.argument("playbook", type=click.Path(path_type=Path))
@click.option("--issue", is_flag=True, help="Issue one test invoice and void it at once. 开具并作废一张测试发票。")
@click.option(
    "--suite",
    "suites",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Also run a pytest-testinfra suite on every host. 另在每台主机上运行 pytest-testinfra 测试文件。",
)
@at_option
@selection_options
@connection_options
@common_options
def command(
    playbook: Path,
    issue: bool,
    suites: tuple[Path, ...],
    at: datetime | None,
    selection: Selection,
    forks: int,
    settings: Settings,
    output: Output,
) -> int:
    """Prove that the PCs can invoice; without --issue it has no fiscal effect. 验证能否正常开票。"""
    history = open_history()
    project = Project(selection, playbook, at=at).with_history(history)
    runner = Runner(output, settings, forks)
    works = project.works
    if suites:
        from guiwei.suites.run import check_suites

        # What cannot be loaded is said before a host is asked.
        check_suites(suites, settings)
    identity = Identity(project, history)
    recorder = Recorder(history, output, runner.run, "verify", str(playbook), project.reason)

    def ended(work: Work, result: HostResult) -> None:
        recorder.host_ended(work, (HostPlan(result.host, result.status), result))

    results = runner.each(
        works,
        lambda host_run, work: with_contact(
            host_run.verify(work, "issue" if issue else "ready", lambda plan: refuse(identity.refusal(plan))), work
        ),
        None if suites else ended,
    )
    if suites:
        found = with_suites(suites, works, results, settings, forks)
        results = [with_contact(result, work) for result, work in zip(found, works, strict=True)]
        for work, result in zip(works, results, strict=True):
            ended(work, result)
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
