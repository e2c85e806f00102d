"""Small tables of one look: what `runs`, `backups`, `facts`, `inventory` and `explain` show."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from guiwei.model.inventory import Host, Inventory
from guiwei.report._changes import literal, plain
from guiwei.report._text import clean, compact
from guiwei.report.console import STATUS_STYLES, Flush, Line, blank, ink, rule
from guiwei.report.words import Words

__all__ = [
    "Column",
    "backups_table",
    "explain_view",
    "facts_view",
    "inventory_table",
    "keys_table",
    "modules_table",
    "moment",
    "run_detail",
    "runs_table",
    "size",
    "small_table",
]


_INSTANT = re.compile(r"\A([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9]{2}:[0-9]{2}):[0-9]{2}(?:\.[0-9]+)?Z\Z")
_ROLES = ("key", "option", "value", "supply")


@dataclass(frozen=True)
class Column:
    """One column: its title's code, its key in a row of mappings, and how it stands."""

    title: str
    key: str = ""
    right: bool = False
    style: str = ""
    wrap: bool = True


def small_table(
    columns: Sequence[Column], rows: Iterable[Sequence[Text | str] | Mapping[str, Any]], words: Words
) -> RenderableType:
    """Return a table without lines: quiet titles, aligned columns, only as wide as it needs to be.

    Args:
        rows: sequences of cells, or mappings whose `Column.key` gives the cell; values of any plain kind.
    """
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="gw.muted", show_edge=False, pad_edge=False)
    for column in columns:
        table.add_column(
            words.say(column.title),
            justify="right" if column.right else "left",
            style=column.style,
            no_wrap=not column.wrap,
            overflow="fold",
        )
    for row in rows:
        cells = [row.get(column.key) for column in columns] if isinstance(row, Mapping) else list(row)
        table.add_row(*(_cell(cell, words) for cell in cells))
    return Flush(table)


def _cell(cell: Any, words: Words) -> Text:
    if isinstance(cell, Text):
        return cell
    if cell is None:
        return ink("·", "gw.faint")
    if isinstance(cell, (list, tuple)):
        return Text(words.list(cell))
    return Text(clean(cell) if isinstance(cell, str) else literal(cell, words))


def runs_table(runs: Iterable[Mapping[str, Any]], words: Words) -> RenderableType:
    """Return past runs.

    Args:
        runs: mappings with `id`, `started`, `command`, `playbook`, `statuses` (status → number of hosts), `reason`.
    """
    columns = [
        Column("column-run-id", "id", wrap=False),
        Column("column-started", "started", wrap=False, style="gw.muted"),
        Column("column-command", "command", wrap=False),
        Column("column-playbook", "playbook", wrap=False),
        Column("column-hosts", "statuses"),
        Column("column-reason", "reason", style="gw.muted"),
    ]
    rows = [
        {
            **run,
            "started": moment(run.get("started")),
            "statuses": statuses_text(run.get("statuses") or {}, words),
        }
        for run in runs
    ]
    return small_table(columns, rows, words)


def run_detail(run: Mapping[str, Any], words: Words) -> RenderableType:
    """Return one past run with its hosts.

    Args:
        run: as in `runs_table`, with `hosts`, each with `host`, `status`, `seconds` and `result` (its plain JSON), and
            `invoices`, each with `host`, `instance`, `number`, `kind`, `month`, `amount`, `tax` and `status`.
    """
    title = ink(clean(str(run.get("id", ""))), "gw.head").append(f"  {clean(str(run.get('command', '')))}")
    title.append(f"  {clean(str(run.get('playbook', '')))}")
    times = [moment(run[name]) for name in ("started", "finished") if run.get(name)]
    parts: list[RenderableType] = [Line(title, ink(" – ".join(times), "gw.muted"))]
    if run.get("reason"):
        parts.append(Line(ink(words.say("view-reason", reason=run["reason"]), "gw.muted")))
    columns = [
        Column("column-host", "host"),
        Column("column-status", "status", wrap=False),
        Column("column-steps", "changed", right=True),
        Column("column-seconds", "seconds", right=True, style="gw.muted"),
        Column("column-error", "error"),
    ]
    parts += [rule(), small_table(columns, [_past_host(host, words) for host in run.get("hosts", ())], words)]
    invoices = list(run.get("invoices", ()))
    if invoices:
        names = ("host", "instance", "number", "kind", "month", "amount", "tax", "status")
        right = ("amount", "tax")
        shown = [Column(f"column-{name}", name, right=name in right, wrap=name == "instance") for name in names]
        parts += [blank(), Line(ink(words.say("column-tests"), "gw.strong")), small_table(shown, invoices, words)]
    return Group(*parts)


def _past_host(host: Mapping[str, Any], words: Words) -> dict[str, Any]:
    result = host.get("result") or {}
    steps = result.get("steps") or ()
    errors = [result.get("error"), *(part.get("error") for part in (*(result.get("instances") or ()), *steps))]
    first = next((error for error in errors if error), None)
    seconds = host.get("seconds")
    return {
        "host": host.get("host"),
        "status": status_text(host.get("status"), words),
        "changed": sum(1 for step in steps if step.get("status") == "changed"),
        "seconds": f"{seconds:.1f}" if seconds else None,
        # Told anew, for the language may have been another one then.
        "error": words.say(first["code"], **first.get("args", {})) if first else None,
    }


def statuses_text(statuses: Mapping[str, int], words: Words) -> Text:
    """Return how many hosts ended how: `12 changed, 1 failed`."""
    text = Text()
    for status, number in statuses.items():
        if text:
            text.append(words.list(["", ""]), style="gw.muted")
        text.append(f"{number} ").append_text(status_text(status, words))
    return text


def backups_table(receipts: Iterable[Mapping[str, Any]], words: Words) -> RenderableType:
    """Return backups as their receipts tell of them.

    Args:
        receipts: mappings with `backup`, `host`, `label`, `made`, `files`, `bytes` and maybe `state`.
    """
    receipts = list(receipts)
    columns = [
        Column("column-backup", "backup", wrap=False),
        Column("column-host", "host"),
        Column("column-label", "label"),
        Column("column-made", "made", wrap=False, style="gw.muted"),
        Column("column-files", "files", right=True),
        Column("column-size", "bytes", right=True, wrap=False),
    ]
    if not any(receipt.get("host") for receipt in receipts):
        columns = [column for column in columns if column.key != "host"]
    rows = [
        {**receipt, "made": moment(receipt.get("made")), "bytes": size(receipt.get("bytes"))} for receipt in receipts
    ]
    return small_table(columns, rows, words)


def inventory_table(inventory: Inventory | Iterable[Host], words: Words) -> RenderableType:
    """Return hosts with their address, user and groups."""
    hosts = inventory.hosts.values() if isinstance(inventory, Inventory) else inventory
    columns = [
        Column("column-host", "host"),
        Column("column-address", "address"),
        Column("column-user", "user"),
        Column("column-groups", "groups", style="gw.muted"),
    ]
    rows = [
        {
            "host": host.name,
            "address": _address(host),
            "user": host.vars.get("ansible_user"),
            "groups": ", ".join(host.groups) or None,
        }
        for host in hosts
    ]
    return small_table(columns, rows, words)


def _address(host: Host) -> str | None:
    address, port = host.vars.get("ansible_host"), host.vars.get("ansible_port")
    if address is None and port is None:
        return None
    return f"{plain(address or host.name)}:{plain(port)}" if port else str(plain(address))


def facts_view(facts: Mapping[str, Mapping[str, Any]], words: Words) -> RenderableType:
    """Return the facts of hosts; hosts that share all of them once.

    Args:
        facts: host → its facts; nested mappings are shown with dotted names.
    """
    kin: dict[str, tuple[list[str], list[tuple[str, str]]]] = {}
    for host, values in facts.items():
        pairs = [(name, literal(item, words, True)) for name, item in _dotted(plain(values))]
        kin.setdefault(repr(pairs), ([], pairs))[0].append(host)
    parts: list[RenderableType] = []
    for hosts, pairs in kin.values():
        if parts:
            parts.append(blank())
        parts.append(Line(ink(clean(words.list(compact(hosts))), "gw.head")))
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
        table.add_column(style="gw.muted", no_wrap=True)
        table.add_column(overflow="fold")
        for name, shown in pairs:
            table.add_row(Text(clean(name)), Text(shown))
        parts.append(Flush(table, indent=2))
    return Group(*parts)


def _dotted(values: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for name, item in values.items():
        if isinstance(item, Mapping) and item:
            yield from _dotted(item, f"{prefix}{name}.")
        else:
            yield prefix + name, item


def modules_table(docs: Iterable[Any], words: Words) -> RenderableType:
    """Return all resource types with one line each.

    Args:
        docs: as in `explain_view`.
    """
    columns = [Column("column-name", "name", wrap=False), Column("column-summary", "summary", style="gw.muted")]
    return small_table(columns, [_mapping(doc) for doc in docs], words)


def keys_table(keys: Iterable[Mapping[str, Any]], words: Words) -> RenderableType:
    """Return the host keys that PCs present, with their fingerprints.

    Args:
        keys: with `host`, `type` and `fingerprint`.
    """
    columns = [
        Column("column-host", "host", wrap=False),
        Column("column-type", "type", style="gw.muted"),
        Column("column-fingerprint", "fingerprint", wrap=False),
    ]
    return small_table(columns, list(keys), words)


def explain_view(doc: Any, words: Words) -> RenderableType:
    """Return what a resource type, product or playbook word means.

    Args:
        doc: a mapping or dataclass with `name`, `summary` and `fields`, each with `name`, `type`, `role`, `required`,
            `default`, `doc` and maybe `choices` and `example`.
    """
    doc = _mapping(doc)
    title = ink(clean(str(doc["name"])), "gw.head").append(f"  {clean(str(doc.get('summary') or ''))}")
    about = ink(words.say("view-irreversible"), "gw.warn") if doc.get("undo") == "none" else None
    parts: list[RenderableType] = [Line(title, about)]
    for field in map(_mapping, doc.get("fields", ())):
        left = ink(clean(str(field["name"])), "gw.strong").append(
            f"  {clean(str(field.get('type', '')))}", style="gw.run"
        )
        parts += [blank(), Line(left, ink(_about(field, words), "gw.muted"), indent=2)]
        if field.get("doc"):
            parts.append(Line(Text(clean(str(field["doc"]))), indent=4, hang=0))
        told = []
        if field.get("choices"):
            choices = words.list(literal(item, words, True) for item in field["choices"])
            told.append(words.say("explain-choices", value=choices))
        if field.get("example") is not None:
            told.append(words.say("explain-example", value=literal(field["example"], words)))
        parts += [Line(ink(text, "gw.muted"), indent=4) for text in told]
    return Group(*parts)


def _mapping(doc: Any) -> Mapping[str, Any]:
    if dataclasses.is_dataclass(doc):
        return {field.name: getattr(doc, field.name) for field in dataclasses.fields(doc)}
    found: Mapping[str, Any] = doc
    return found


def _about(field: Mapping[str, Any], words: Words) -> str:
    role = field.get("role")
    about = [words.say(f"role-{role}") if role in _ROLES else clean(str(role))] if role else []
    if field.get("required"):
        about.append(words.say("explain-required"))
    elif field.get("default") is not None:
        about.append(words.say("explain-default", default=literal(field["default"], words, True)))
    return " · ".join(about)


def status_text(status: Any, words: Words) -> Text:
    """Return a status in words and in its colour."""
    if status not in STATUS_STYLES:
        return ink(clean(str(status or "·")), "gw.muted")
    return ink(words.say(f"status-{status}"), STATUS_STYLES[status])


def moment(text: Any) -> str:
    """Return an instant to the minute, still marked as UTC: `2026-11-24 03:41Z`; any other text as it is."""
    return clean(_INSTANT.sub(r"\1 \2Z", str(text or "")))


def size(number: Any) -> str | None:
    """Return a number of bytes in units of 1,000, as disks are sold: `12.3 MB`."""
    if not isinstance(number, (int, float)):
        return None
    value, unit = float(number), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
