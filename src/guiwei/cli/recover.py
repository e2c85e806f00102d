"""`guiwei recover`: find out what is wrong with a client, and climb the ladder only as far as needed."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from guiwei.cli import _clock
from guiwei.cli._backup_file import read_backup
from guiwei.cli._contacts import with_contact
from guiwei.cli._each_host import ask_hosts, holder_of
from guiwei.cli._identity import Identity
from guiwei.cli._options import Selection, common_options, connection_options, selection_options
from guiwei.cli._output import Output
from guiwei.cli._project import Project
from guiwei.cli._record import Recorder
from guiwei.cli._running import Runner, now, open_history
from guiwei.cli.apply import refuse
from guiwei.engine.host import HostRun
from guiwei.engine.recovery import RecoveryRun
from guiwei.engine.work import Work
from guiwei.errors import GateError, InputError
from guiwei.invoicing.policies import SHANGHAI
from guiwei.model.plan import HostPlan
from guiwei.model.recovery import HostRecovery, RecoveryResult
from guiwei.model.run import HostResult, exit_code
from guiwei.safety.busy import client_busy
from guiwei.safety.gates import missing_backup
from guiwei.transport.settings import Settings

__all__ = ["command"]


@click.command("recover")
@click.argument("playbook", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Diagnose and show the rungs; touch nothing. 仅诊断，不做任何修改。")
@click.option("--backup", help="Backup to put back: its id, or a file that holds it. 用于恢复的备份编号或文件。")
@click.option("-y", "--yes", is_flag=True, help="Do not ask. 不再询问。")
@selection_options
@connection_options
@common_options
def command(
    playbook: Path,
    dry_run: bool,
    backup: str | None,
    yes: bool,
    selection: Selection,
    forks: int,
    settings: Settings,
    output: Output,
) -> int:
    """Find out what is wrong with a client and put it right, no further than needed. 诊断并按需恢复客户端。"""
    history = open_history()
    project = Project(selection, playbook).with_history(history)
    works = project.works
    runner = Runner(output, settings, forks)
    given = _given(backup, works, Runner(output, settings, forks)) if backup else None
    climbing = _Climbing(Identity(project, history), given, backup)
    if dry_run or not yes:
        shown = _looked(works, Runner(output, settings, forks), climbing, project, playbook)
        if dry_run:
            _show(shown, output)
            found = any(each.findings for host in shown.hosts for each in host.instances)
            return runner.exit_code(exit_code((*_statuses(shown.hosts), *(["differs"] if found else []))))
        if not _agreed(shown, output):
            return 4
    recorder = Recorder(
        history, output, runner.run, "recover", str(playbook), project.reason, identity=climbing.identity
    )
    outcomes = runner.each(
        works,
        lambda host_run, work: _with_contact(climbing.on(host_run).recover(work), work),
        lambda work, found: recorder.host_ended(work, (_shown_to_history(found), found.result)),
        _not_begun,
    )
    result = RecoveryResult(
        run=runner.run,
        playbook=str(playbook),
        started=recorder.started,
        finished=now(),
        dry=False,
        hosts=tuple(outcomes),
        reason=project.reason,
    )
    recorder.finish(result.finished)
    _show(result, output)
    project.show_notices(output)
    return runner.exit_code(exit_code(_statuses(result.hosts), differs=False))


class _Climbing:
    """What all hosts of one recovery share: the gates, the day, and the backup that was named."""

    def __init__(self, identity: Identity, given: Mapping[str, Any] | None, backup: str | None) -> None:
        self.identity = identity
        self._given = given
        self._files = {str(given["archive"]): str(backup)} if given and given.get("archive") else {}

    def on(self, host_run: HostRun) -> RecoveryRun:
        """Return one host's recovery."""
        return RecoveryRun(
            connect=host_run.connect,
            observer=host_run.observer,
            run=host_run.run,
            key=host_run.key,
            planner=host_run.planner,
            stopping=host_run.stopping,
            today=_clock.instant().astimezone(SHANGHAI).date().isoformat(),
            given=self._given,
            approve=self._approve,
            artifacts=self._files,
        )

    def _approve(self, plan: HostPlan) -> None:
        """Refuse what no other run may do either; but the days before a filing deadline stop no recovery.

        A client that does not work cannot file, and the deadline does not wait.
        """
        wrong = next((each.error for each in plan.instances if isinstance(each.error, GateError)), None)
        refuse(self.identity.refusal(plan), wrong, missing_backup(plan), client_busy(plan))


def _shown_to_history(found: HostRecovery) -> HostPlan:
    """A recovery wants nothing new: what was applied before is what drift is measured by, still."""
    return replace(found.plan, desired={}) if found.plan else HostPlan(found.host, found.status)


def _with_contact(found: HostRecovery, work: Work) -> HostRecovery:
    """A host that a person must see to names its branch's contact."""
    return replace(found, result=with_contact(found.result, work, waits=True))


def _looked(
    works: tuple[Work, ...], runner: Runner, climbing: _Climbing, project: Project, playbook: Path
) -> RecoveryResult:
    started = now()
    found = runner.each(
        works, lambda host_run, work: _with_contact(climbing.on(host_run).recover(work, dry=True), work)
    )
    judged = tuple(_judged(each, climbing.identity) for each in found)
    return RecoveryResult(runner.run, str(playbook), started, now(), True, judged, project.reason)


def _judged(found: HostRecovery, identity: Identity) -> HostRecovery:
    """Refuse a host that another one speaks against which was looked at later."""
    if found.error is not None or found.plan is None or not found.plan.stages:
        return found
    error = identity.refusal(found.plan)
    if error is None:
        return found
    instances = tuple(replace(each, status="refused") if each.status == "differs" else each for each in found.instances)
    result = replace(found.result, status="refused", error=error)
    return replace(found, status="refused", error=error, result=result, instances=instances)


def _agreed(shown: RecoveryResult, output: Output) -> bool:
    from guiwei.report.recovery_view import recovery_view

    output.side.print(recovery_view(shown, output.words))
    if not any(host.status == "differs" for host in shown.hosts):
        return True
    if not sys.stdin.isatty():
        raise GateError("approval-needed")
    return click.confirm(output.words.say("recover-ask"), err=True)


def _show(result: RecoveryResult, output: Output) -> None:
    from guiwei.report.recovery_view import recovery_json, recovery_view

    output.show(recovery_view(result, output.words))
    if output.as_json:
        output.document(recovery_json(result, output.words))


def _statuses(hosts: tuple[HostRecovery, ...]) -> tuple[str, ...]:
    return tuple(status for host in hosts for status in (host.status, *(each.status for each in host.instances)))


def _not_begun(work: Work) -> HostRecovery:
    return HostRecovery(work.host.name, "skipped", HostResult(work.host.name, "skipped"))


def _given(backup: str, works: tuple[Work, ...], runner: Runner) -> Mapping[str, Any]:
    """Return the receipt of the backup that the command names, with `archive` where a file holds it.

    Raises:
        InputError: the file holds no backup (`backup-file`), no selected host holds it (`backup-not-found`), or it is
            of none of the selected clients (`backup-of-another`).
        HostError: none that answered holds it, and some did not answer (`backup-not-asked`).
    """
    if Path(backup).is_file():
        receipt = read_backup(Path(backup))
    else:
        receipt = holder_of(backup, works, ask_hosts(works, lambda _work: {"op": "backups"}, runner))[1]
    if receipt["label"] not in {instance.id for work in works for instance in work.instances}:
        raise InputError("backup-of-another", backup=receipt["backup"], label=receipt["label"])
    return receipt
