"""How a run ended: every host and instance with its status, what was proved, what was backed up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.text import Text

from guiwei.model.run import STATUSES, CheckResult, HostResult, InstanceResult, RunResult, StepResult
from guiwei.report._changes import ChangeLines, literal
from guiwei.report._ledger import ledger_view
from guiwei.report._text import clean, compact, shorten
from guiwei.report.console import STATUS_STYLES, Flush, Line, blank, ink, rule
from guiwei.report.people_view import contact_lines, waiting_lines
from guiwei.report.problem import render_error
from guiwei.report.tables import Column, moment, size, small_table, status_text
from guiwei.report.words import Words

__all__ = ["run_view"]

#: Commands whose title the catalogue holds.
_TITLES = ("apply", "verify", "rollback", "resume", "recover", "restore", "backup", "rollout", "drift", "check")


def run_view(result: RunResult, words: Words) -> RenderableType:
    """Return a run's result for a console: a table, then what went wrong, was proved, was backed up.

    Args:
        words: the language.
    """
    parts: list[RenderableType] = [*_header(result, words), _table(result, words)]
    parts += waiting_lines(result.hosts, words)
    parts += _troubles(result.hosts, words)
    parts += _checks(result.hosts, words)
    for host in result.hosts:
        for instance in host.instances:
            ledger = ledger_view(instance, words)
            if ledger:
                parts += [blank(), _title(host, instance), *(Flush(part, indent=2) for part in ledger)]
    parts += _backups(result.hosts, words)
    parts += [blank(), _last(result, words)]
    return Group(*parts)


def _header(result: RunResult, words: Words) -> list[RenderableType]:
    command = result.command if result.command in _TITLES else "other"
    title = ink(words.say(f"run-title-{command}", command=result.command), "gw.head")
    title.append(f"  {clean(result.playbook)}")
    parts: list[RenderableType] = [Line(title, ink(f"{clean(result.run)}  {moment(result.started)}", "gw.muted"))]
    if result.reason:
        parts.append(Line(ink(words.say("view-reason", reason=result.reason), "gw.muted")))
    return [*parts, rule()]


def _table(result: RunResult, words: Words) -> RenderableType:
    """One row for hosts that ended alike; a host's instances are rows of their own where there are several."""
    columns = [
        Column("column-host"),
        Column("column-instance", style="gw.muted"),
        Column("column-status", wrap=False),
        Column("column-steps", right=True),
        Column("column-seconds", right=True, style="gw.muted"),
    ]
    kin: dict[tuple[object, ...], list[HostResult]] = {}
    for host in result.hosts:
        several = len(host.instances) > 1 or any(instance.status != host.status for instance in host.instances)
        key = (host.host,) if several else (host.status, _changed(host), len(host.instances))
        kin.setdefault(key, []).append(host)
    rows: list[list[Text | str]] = []
    for hosts in kin.values():
        first = hosts[0]
        split = len(hosts) == 1 and (
            len(first.instances) > 1 or any(instance.status != first.status for instance in first.instances)
        )
        alone = first.instances[0].id if len(hosts) == 1 and len(first.instances) == 1 and not split else ""
        rows.append(
            [
                clean(words.list(compact(host.host for host in hosts))),
                clean(alone),
                status_text(first.status, words),
                str(_changed(first)),
                _seconds(hosts),
            ]
        )
        if split:
            rows += [
                ["", clean(instance.id), status_text(instance.status, words), str(_changed(first, instance.id)), ""]
                for instance in first.instances
            ]
    return small_table(columns, rows, words)


def _changed(host: HostResult, instance: str | None = None) -> int:
    return sum(1 for step in host.steps if step.status == "changed" and (instance is None or step.instance == instance))


def _seconds(hosts: Sequence[HostResult]) -> str:
    low, high = min(host.seconds for host in hosts), max(host.seconds for host in hosts)
    if not high:
        return "·"
    return f"{low:.1f}" if f"{low:.1f}" == f"{high:.1f}" else f"{low:.1f}–{high:.1f}"


def _troubles(hosts: Sequence[HostResult], words: Words) -> list[RenderableType]:
    """Errors of hosts, instances and steps; the same error of many hosts once."""
    kin: dict[tuple[str, ...], tuple[list[str], str, list[Line]]] = {}
    for host in hosts:
        lines = [*_trouble(host, words), *contact_lines(host.contact, words)]
        if lines:
            key = (host.status, *(line.left.plain for line in lines))
            kin.setdefault(key, ([], host.status, lines))[0].append(host.host)
    parts: list[RenderableType] = []
    for names, status, lines in kin.values():
        head = ink(clean(words.list(compact(names))), "gw.head")
        parts += [blank(), Line(head, status_text(status, words)), *lines]
    return parts


def _trouble(host: HostResult, words: Words) -> list[Line]:
    lines = []
    if host.error:
        lines.append(Line(render_error(host.error, words), indent=2))
    for step in host.steps:
        if step.error or step.status in ("failed", "refused", "unknown"):
            lines += _step(step, host, words)
    for instance in host.instances:
        if instance.error and instance.error is not host.error:
            if len(host.instances) > 1:
                lines.append(Line(ink(clean(instance.id), "gw.muted"), indent=2))
            lines.append(Line(render_error(instance.error, words), indent=2))
    return lines


def _step(step: StepResult, host: HostResult, words: Words) -> list[Line]:
    left = ink("✗ ", "gw.bad").append(clean(step.name) or shorten(clean(step.id), 60), style="gw.strong")
    lines = [Line(left, status_text(step.status, words), indent=2)]
    if step.error and step.error is not host.error:
        lines.append(Line(render_error(step.error, words), indent=4))
    changes = ChangeLines(words, lambda text: text)
    for name, before, after in step.changes:
        lines += [Line(line, indent=4) for line in changes.lines(clean(name), before, after)]
    return lines


def _checks(hosts: Sequence[HostResult], words: Words) -> list[RenderableType]:
    """Checks of hosts and instances; those with the same outcome and findings once, with the instances named above."""
    kin: dict[tuple[str, ...], tuple[list[tuple[HostResult, InstanceResult]], list[Line]]] = {}
    for host in hosts:
        for instance in (InstanceResult("", host.status, checks=host.checks), *host.instances):
            if instance.checks:
                lines = [line for check in instance.checks for line in _check(check, words)]
                key = tuple(line.left.plain + (line.right.plain if line.right else "") for line in lines)
                kin.setdefault(key, ([], lines))[0].append((host, instance))
    parts: list[RenderableType] = []
    for members, lines in kin.values():
        if len(members) == 1:
            head = _title(*members[0])
        else:
            names = clean(words.list(compact(host.host for host, _ in members)))
            head = Line(ink(names, "gw.head"), ink(words.say("run-checks"), "gw.muted"))
        parts += [blank(), head, *lines]
    return parts


def _title(host: HostResult, instance: InstanceResult) -> Line:
    return Line(ink(clean(host.host), "gw.head").append(f"  {clean(instance.id)}", style="gw.muted"))


def _check(check: CheckResult, words: Words) -> list[Line]:
    sign, style = ("✓ ", "gw.good") if check.ok else ("✗ ", "gw.bad")
    left = ink(sign, style).append(words.label(check.label, check.name))
    if check.ok:
        return [Line(left, _pairs(check.found, words), indent=2)]
    lines = [Line(left, indent=2)]
    sides = ((words.say("run-expected"), check.expected, "gw.add"), (words.say("run-found"), check.found, "gw.remove"))
    width = max(cell_len(side) for side, _, _ in sides) + 2
    for side, values, tone in sides:
        if values:
            told = ink(side + " " * (width - cell_len(side)), "gw.muted")
            lines.append(Line(told.append(_pairs_text(values, words), style=tone), indent=4, hang=width))
    if check.error:
        lines.append(Line(render_error(check.error, words), indent=4))
    return lines


def _pairs(values: object, words: Words) -> Text | None:
    told = _pairs_text(values, words)
    return ink(told, "gw.muted") if told else None


def _pairs_text(values: object, words: Words) -> str:
    """Findings on one line: a single value alone, several with their names."""
    if not isinstance(values, dict) or not values:
        return ""
    return words.list(f"{name} {literal(item, words)}" for name, item in values.items())


def _backups(hosts: Sequence[HostResult], words: Words) -> list[RenderableType]:
    rows = [
        {
            "host": host.host,
            "backup": step.receipt["backup"],
            "label": step.receipt.get("label"),
            "amount": _amount(step.receipt, words),
        }
        for host in hosts
        for step in host.steps
        if step.receipt and step.receipt.get("backup") and step.status == "changed"
    ]
    if not rows:
        return []
    columns = [
        Column("column-host", "host"),
        Column("column-backup", "backup", wrap=False),
        Column("column-label", "label"),
        Column("column-size", "amount"),
    ]
    return [blank(), Line(ink(words.say("run-backups"), "gw.strong")), small_table(columns, rows, words)]


def _amount(receipt: Mapping[str, Any], words: Words) -> str:
    return words.say("run-backup", files=receipt.get("files", "?"), size=size(receipt.get("bytes")) or "?")


def _last(result: RunResult, words: Words) -> Line:
    counts = Counter(host.status for host in result.hosts)
    told = [
        words.say("run-last-status", n=counts[status], status=words.say(f"status-{status}"))
        for status in STATUSES
        if counts[status]
    ]
    bad = {"failed", "unreachable", "unknown", "refused"} & set(counts)
    style = "gw.bad" if bad else STATUS_STYLES["changed"]
    seconds = max((host.seconds for host in result.hosts), default=0.0)
    told_all = ink(
        words.say(
            "run-last",
            hosts=words.count("count-hosts", len(result.hosts)),
            statuses=words.list(told),
            seconds=f"{seconds:.1f}",
        ),
        style,
    )
    return Line(told_all, hang=0)
