"""What waits for people: on a run's page, and by itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from guiwei.model.run import HostResult
from guiwei.report._changes import plain
from guiwei.report._text import clean
from guiwei.report.console import Line, blank, ink
from guiwei.report.tables import Column, moment, small_table
from guiwei.report.words import Words

__all__ = ["contact_lines", "done_view", "waiting_lines", "waiting_view"]


def contact_lines(contact: Mapping[str, Any], words: Words) -> list[Line]:
    """Return whom to call at the branch; nothing where the inventory names nobody."""
    if not contact:
        return []
    told = "  ".join(clean(str(plain(item))) for item in contact.values())
    return [Line(ink("☎ ", "gw.warn").append(words.say("run-contact", contact=told)), indent=2)]


def waiting_view(waiting: Iterable[Mapping[str, Any]], words: Words) -> RenderableType:
    """Return a table of what waits, as the history has it, with what to do about it.

    Args:
        waiting: mappings with `host`, `name`, `instance`, `wanted`, `evidence`, `since` and `playbook`.
    """
    rows = [{**each, "since": moment(each["since"])} for each in waiting]
    if not rows:
        return ink(words.say("waiting-nothing"), "gw.good")
    columns = [
        Column("column-host", "host"),
        Column("column-instance", "instance", style="gw.muted"),
        Column("column-step", "name"),
        Column("column-wanted", "wanted"),
        Column("column-evidence", "evidence"),
        Column("column-since", "since", wrap=False, style="gw.muted"),
    ]
    return Group(_table(columns, rows, words), blank(), Line(ink(words.say("waiting-how"), "gw.muted")))


def done_view(done: Iterable[Mapping[str, Any]], words: Words) -> RenderableType:
    """Return a table of what people have done: who, when, and the evidence that was kept.

    Args:
        done: mappings with `host`, `name`, `instance`, `wanted`, `who`, `done`, `said` and `file`.
    """
    rows = [
        {**each, "done": moment(each["done"]), "evidence": each["said"] if each["file"] is None else each["file"]}
        for each in done
    ]
    if not rows:
        return ink(words.say("done-nothing"), "gw.muted")
    columns = [
        Column("column-host", "host"),
        Column("column-instance", "instance", style="gw.muted"),
        Column("column-step", "name"),
        Column("column-done", "wanted"),
        Column("column-evidence", "evidence"),
        Column("column-who", "who"),
        Column("column-when", "done", wrap=False, style="gw.muted"),
    ]
    return _table(columns, rows, words)


def _table(columns: Sequence[Column], rows: Sequence[Mapping[str, Any]], words: Words) -> RenderableType:
    """Columns that are often empty stand only where a row fills them."""
    often = ("instance", "evidence")
    shown = [each for each in columns if each.key not in often or any(row[each.key] for row in rows)]
    return small_table(shown, rows, words)


def waiting_lines(hosts: Sequence[HostResult], words: Words) -> list[RenderableType]:
    """Return what a run left to people: what each is to do, and what to enter when it is done."""
    parts: list[RenderableType] = []
    for host in hosts:
        for step in host.steps:
            if step.status != "waiting":
                continue
            told = step.receipt or {}
            head = ink("☞ ", "gw.warn").append(clean(host.host), style="gw.head")
            if step.instance:
                head.append(f"  {clean(step.instance)}", style="gw.muted")
            parts += [blank(), Line(head.append(f"  {clean(step.name)}"))]
            if told.get("wanted") and told["wanted"] != step.name:
                parts.append(Line(Text(clean(str(told["wanted"]))), indent=2))
            if told.get("evidence"):
                parts.append(Line(ink(words.say("waiting-evidence", evidence=told["evidence"]), "gw.muted"), indent=2))
            then = words.say("waiting-then", command=done_command(host.host, step))
            parts.append(Line(ink(then, "gw.muted"), indent=2))
    return parts


def done_command(host: str, step: Any) -> str:
    """Return what a person enters when a step is done."""
    from shlex import quote

    more = [f"--instance {quote(step.instance)}"] if step.instance else []
    if (step.receipt or {}).get("evidence"):
        more.append("--evidence …")
    return " ".join(["guiwei done", quote(host), quote(step.name), *more])
