"""Small tables of one look: what `runs`, `backups`, `facts`, `inventory` and `explain` show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from guiwei.model.inventory import Host, Inventory
from guiwei.report._changes import literal, plain
from guiwei.report._text import clean, compact
from guiwei.report.console import STATUS_STYLES, Line, blank
from guiwei.report.words import Words

__all__ = [
    "Column",
    "backups_table",
    "explain_view",
    "facts_view",
    "inventory_table",
    "runs_table",
    "size",
    "small_table",
]


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
    return table


def _cell(cell: Any, words: Words) -> Text:
    if isinstance(cell, Text):
        return cell
    if cell is None:
        return Text("·", style="gw.faint")
    if isinstance(cell, (list, tuple)):
        return Text(words.list(cell))
    return Text(clean(cell) if isinstance(cell, str) else literal(cell, words))


def runs_table(runs: Iterable[Mapping[str, Any]], words: Words) -> RenderableType:
    """Return past runs.

    Args:
        runs: mappings with `run`, `started`, `command`, `playbook`, `hosts` (a number), `status` and `reason`.
    """
    columns = [
        Column("column-run-id", "run", wrap=False),
        Column("column-started", "started", wrap=False, style="gw.muted"),
        Column("column-command", "command", wrap=False),
        Column("column-playbook", "playbook"),
        Column("column-hosts", "hosts", right=True),
        Column("column-status", "status", wrap=False),
        Column("column-reason", "reason", style="gw.muted"),
    ]
    return small_table(columns, [{**run, "status": status_text(run.get("status"), words)} for run in runs], words)


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
    return small_table(columns, [{**receipt, "bytes": size(receipt.get("bytes"))} for receipt in receipts], words)


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
        parts.append(Line(Text(clean(words.list(compact(hosts))), style="gw.head")))
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
        table.add_column(style="gw.muted", no_wrap=True)
        table.add_column(overflow="fold")
        for name, shown in pairs:
            table.add_row(Text(clean(name)), Text(shown))
        parts.append(Padding(table, (0, 0, 0, 2), expand=False))
    return Group(*parts)


def _dotted(values: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for name, item in values.items():
        if isinstance(item, Mapping) and item:
            yield from _dotted(item, f"{prefix}{name}.")
        else:
            yield prefix + name, item


def explain_view(doc: Mapping[str, Any], words: Words) -> RenderableType:
    """Return what a resource type, product or playbook word means.

    Args:
        doc: `name`, `summary` and `fields`, each with `name`, `type`, `role`, `required`, `default` and `doc`.
    """
    parts: list[RenderableType] = [
        Line(Text(clean(str(doc["name"])), style="gw.head").append(f"  {clean(str(doc.get('summary', '')))}")),
    ]
    for field in doc.get("fields", ()):
        left = Text(clean(str(field["name"])), style="gw.strong")
        left.append(f"  {clean(str(field.get('type', '')))}", style="gw.run")
        parts += [blank(), Line(left, Text(_about(field, words), style="gw.muted"), indent=2)]
        if field.get("doc"):
            parts.append(Line(Text(clean(str(field["doc"]))), indent=4, hang=0))
    return Group(*parts)


def _about(field: Mapping[str, Any], words: Words) -> str:
    about = [words.say(f"role-{field['role']}")] if field.get("role") else []
    if field.get("required"):
        about.append(words.say("explain-required"))
    elif field.get("default") is not None:
        about.append(words.say("explain-default", default=literal(field["default"], words, True)))
    return " · ".join(about)


def status_text(status: Any, words: Words) -> Text:
    """Return a status in words and in its colour."""
    if status not in STATUS_STYLES:
        return Text(clean(str(status or "·")), style="gw.muted")
    return Text(words.say(f"status-{status}"), style=STATUS_STYLES[status])


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
