"""A run as a page to keep: what was done on each host, what was proved, what was backed up, who was to be called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from guiwei.model.run import HostResult, InstanceResult, RunResult, StepResult
from guiwei.report._changes import literal, plain
from guiwei.report._ledger import Sum, ledger_rows
from guiwei.report.document import Block, Document, Grid, Heading, Items, Para
from guiwei.report.tables import moment, size
from guiwei.report.words import Words, catalogue_codes

__all__ = ["run_document"]


def run_document(result: RunResult, words: Words) -> Document:
    """Return a run's document."""
    return Document(
        title=words.say("report-title", command=result.command, playbook=result.playbook),
        subtitle=f"{result.run} · {moment(result.started)} – {moment(result.finished) or '…'}",
        blocks=tuple(_Pages(words).run(result)),
    )


class _Pages:
    def __init__(self, words: Words) -> None:
        self._words = words
        self._say = words.say

    def run(self, result: RunResult) -> Iterator[Block]:
        """Yield a table of all hosts, then each host."""
        if result.reason:
            yield Para(self._say("view-reason", reason=result.reason), "muted")
        columns = ("column-host", "column-status", "column-steps", "column-seconds")
        rows = tuple(
            (host.host, self._status(host.status), str(self._changed(host)), f"{host.seconds:.1f}")
            for host in result.hosts
        )
        yield Grid(tuple(map(self._say, columns)), rows)
        for host in result.hosts:
            yield from self._host(host)

    def _status(self, status: str) -> str:
        return self._say(f"status-{status}")

    @staticmethod
    def _changed(host: HostResult) -> int:
        return sum(1 for step in host.steps if step.status == "changed")

    def _host(self, host: HostResult) -> Iterator[Block]:
        yield Heading(f"{host.host} · {self._status(host.status)}")
        if host.error:
            yield Para(self._words.error(host.error), "bad")
            fix = self._words.error_fix(host.error)
            if fix:
                yield Para(f"→ {fix}")
        if host.contact:
            told = "  ".join(str(plain(item)) for item in host.contact.values())
            yield Para(self._say("run-contact", contact=told), "warn")
        if host.steps:
            columns = ("column-what", "column-status", "report-changes", "column-seconds")
            yield Grid(tuple(map(self._say, columns)), tuple(map(self._step, host.steps)))
        backups = [step.receipt for step in host.steps if step.receipt and step.receipt.get("backup")]
        if backups:
            yield Heading(self._say("run-backups"), 3)
            yield Items(tuple(f"{each['backup']} · {self._size(each)}" for each in backups))
        for instance in host.instances:
            yield from self._instance(instance)

    def _size(self, receipt: Mapping[str, Any]) -> str:
        return self._say("run-backup", files=receipt.get("files", "?"), size=size(receipt.get("bytes")) or "?")

    def _step(self, step: StepResult) -> tuple[str, ...]:
        code = f"step-{step.name}"
        name = self._say(code) if code in catalogue_codes() else step.name
        changes = [
            f"{field}: {literal(before, self._words)} → {literal(after, self._words)}"
            for field, before, after in step.changes
            if field not in ("state", "done")
        ]
        if step.error:
            changes.append(self._words.error(step.error))
        return name or step.id, self._status(step.status), "; ".join(changes) or "·", f"{step.seconds:.1f}"

    def _instance(self, instance: InstanceResult) -> Iterator[Block]:
        yield Heading(f"{instance.id} · {self._status(instance.status)}", 3)
        if instance.checks:
            columns = ("column-what", "column-status", "column-found")
            rows = tuple(
                (
                    self._words.label(check.label, check.name),
                    "✓" if check.ok else "✗",
                    self._words.list(f"{name} {literal(item, self._words)}" for name, item in check.found.items())
                    or "·",
                )
                for check in instance.checks
            )
            yield Grid(tuple(map(self._say, columns)), rows)
        yield from self._ledger(instance)

    def _ledger(self, instance: InstanceResult) -> Iterator[Block]:
        rows = ledger_rows(instance)
        if not rows or not instance.ledger_after:
            return
        columns = ("column-kind", "column-month", "column-before", "column-tests", "column-after")
        cells = tuple(
            (row.kind, row.month, _sum(row.before), _sum(row.tests) if row.tests else "·", _sum(row.after))
            for row in rows
        )
        yield Grid(tuple(map(self._say, columns)), cells)
        if instance.reconciled is not None:
            tone = "good" if instance.reconciled else "bad"
            yield Para(self._say("report-reconciled" if instance.reconciled else "report-not-reconciled"), tone)
        if instance.differences:
            yield Items(instance.differences)


def _sum(told: Sum) -> str:
    return f"{told.count} / {told.amount} / {told.tax}"
