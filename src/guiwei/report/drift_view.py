"""What has moved on the PCs since it was applied: one row a field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType

from guiwei.model.plan import HostPlan, Plan
from guiwei.report._changes import plain
from guiwei.report._text import clean, shorten
from guiwei.report.console import Line, blank, ink, rule
from guiwei.report.problem import render_error
from guiwei.report.tables import Column, moment, small_table, status_text
from guiwei.report.words import Words

__all__ = ["drift_view", "drifted"]

#: Changes whose value on the PC is not the one that was applied last.
_MOVED = ("drift", "both")
_OPEN = ("failed", "refused", "unreachable", "unknown", "waiting", "pending")


def drifted(host: HostPlan, words: Words) -> Iterator[dict[str, Any]]:
    """Yield each field that has moved: `host`, `instance`, `what`, `field`, `wanted`, `found`, `cause`, `risk`."""
    for step in host.steps:
        for change in step.changes:
            if change.cause in _MOVED:
                yield {
                    "host": host.host,
                    "instance": step.instance,
                    "what": words.label(step.label, step.name) or step.resource,
                    "field": words.label(change.label, change.field),
                    "wanted": plain(change.after),
                    "found": plain(change.before),
                    "cause": change.cause,
                    "risk": step.risk,
                }


def drift_view(plan: Plan, rows: Sequence[Mapping[str, Any]], words: Words) -> RenderableType:
    """Return a table of what has moved, the hosts that could not be looked at, and a sentence.

    Args:
        rows: from `drifted`, of all hosts.
    """
    title = ink(words.say("run-title-drift"), "gw.head").append(f"  {clean(plan.playbook)}")
    parts: list[RenderableType] = [Line(title, ink(moment(plan.created), "gw.muted")), rule()]
    if rows:
        columns = [
            Column("column-host", "host", wrap=False),
            Column("column-instance", "instance", style="gw.muted"),
            Column("column-what", "what"),
            Column("column-should", "wanted", style="gw.add"),
            Column("column-found", "found", style="gw.remove"),
        ]
        if not any(row["instance"] for row in rows):
            columns = [column for column in columns if column.key != "instance"]
        parts.append(small_table(columns, [_shown(row) for row in rows], words))
    for host in plan.hosts:
        error = host.error or next((each.error for each in host.instances if each.error), None)
        if host.status in _OPEN:
            parts += [blank(), Line(ink(clean(host.host), "gw.head"), status_text(host.status, words))]
            parts += [Line(render_error(error, words), indent=2)] if error else []
    hosts = len({row["host"] for row in rows})
    if rows:
        last = ink(words.say("drift-found", fields=len(rows), hosts=words.count("count-hosts", hosts)), "gw.head")
    else:
        last = ink(words.say("drift-none"), "gw.good")
    return Group(*parts, blank(), Line(last, hang=0))


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    what = row["what"] if row["field"] in (row["what"], "value") else f"{row['what']} · {row['field']}"
    return {**row, "what": shorten(what, 60)}
