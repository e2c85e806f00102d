"""`guiwei rollback`: take back what a run did."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from guiwei.cli._contacts import with_contact
from guiwei.cli._options import Selection, common_options, connection_options, selection_options
from guiwei.cli._output import Output
from guiwei.cli._project import Project
from guiwei.cli._record import Recorder
from guiwei.cli._running import Runner, now, open_history
from guiwei.cli.apply import result_statuses
from guiwei.engine.host import not_begun
from guiwei.engine.work import Work
from guiwei.errors import InputError
from guiwei.invoicing.ledger import only_lost
from guiwei.model.plan import HostPlan
from guiwei.model.run import HostResult, RunResult, exit_code
from guiwei.transport.settings import Settings

__all__ = ["command"]


@click.command("rollback")
@click.argument("run")
@selection_options
@connection_options
@common_options
def command(run: str, selection: Selection, forks: int, settings: Settings, output: Output) -> int:
    """Take back what a run did; refused where an invoice was issued since. 撤销一次运行所做的更改。"""
    history = open_history()
    past = history.run(run)
    noted = {host["host"]: host["result"] for host in past["hosts"]}
    project = Project(selection, _playbook_of(past)).with_history(history)
    # Of a run that was cut off before its end, any host may know more than the history does.
    works = tuple(work for work in project.works if work.host.name in noted or not past["finished"])
    if not works:
        raise InputError("rollback-no-host", run=run)
    runner = Runner(output, settings, forks)
    recorder = Recorder(history, output, runner.run, "rollback", past["playbook"], f"rollback of {run}")

    def ended(work: Work, result: HostResult) -> None:
        recorder.host_ended(work, (HostPlan(result.host, result.status), result))
        if result.status == "changed":
            history.forget(result.host, work.applied)

    results = runner.each(
        tuple(works),
        lambda host_run, work: with_contact(host_run.roll_back(work, run, _ledgers(noted.get(work.host.name))), work),
        ended,
        lambda work: not_begun(work)[1],
    )
    outcome = RunResult(
        run=runner.run,
        command="rollback",
        playbook=past["playbook"],
        started=recorder.started,
        finished=now(),
        hosts=tuple(results),
        reason=f"rollback of {run}",
    )
    recorder.finish(outcome.finished)
    from guiwei.report.run_view import run_view

    output.show(run_view(outcome, output.words))
    output.document(outcome)
    return runner.exit_code(exit_code(result_statuses(outcome.hosts), differs=False))


def _playbook_of(past: Mapping[str, Any]) -> Path:
    """A run of a saved plan names the plan file: the playbook stands in it."""
    path = Path(past["playbook"])
    if not path.is_file():
        raise InputError("rollback-playbook-missing", run=past["id"], file=str(path))
    with path.open("rb") as file:
        if file.read(64).lstrip()[:1] != b"{":
            return path
    from guiwei.engine.planfile import load_plan

    return Path(load_plan(path).inputs["playbook"])


def _ledgers(result: Mapping[str, Any] | None) -> dict[str, tuple[Mapping[str, Any], ...]] | None:
    """Instance → its ledger before the run, for instances whose data the run backed up and touched.

    Where the run itself has lost invoices and done nothing else, taking it back is the cure: what it left counts then.

    None where the history has no result, or one that does not know how its last step ended: the PC knows.
    """
    if result is None or result["status"] == "unknown":
        return None
    before = {
        step["receipt"]["label"]: tuple(step["receipt"]["note"].get("ledger", ()))
        for step in reversed(result.get("steps", ()))
        if (step.get("receipt") or {}).get("backup")
    }
    for each in result.get("instances", ()):
        kept, left = before.get(each["id"]), tuple(each["ledger_after"])
        if kept and each["reconciled"] is False and not each["invoices"] and only_lost(kept, left):
            before[each["id"]] = left
    return before
