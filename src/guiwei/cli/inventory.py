"""`guiwei inventory`: hosts and groups, in the JSON of ansible-inventory."""

from __future__ import annotations

import json
import sys

import click

from guiwei.cli._options import Selection, common_options, selection_options
from guiwei.cli._output import Output
from guiwei.cli._project import Project

__all__ = ["command"]


@click.command("inventory")
@click.option("--list", "as_list", is_flag=True, help="All hosts and groups. 全部主机与分组。")
@click.option("--host", help="One host's variables. 一台主机的变量。")
@click.option("--graph", is_flag=True, help="Groups as a tree. 分组树。")
@selection_options
@common_options
def command(as_list: bool, host: str | None, graph: bool, selection: Selection, output: Output) -> int:
    """Show hosts and groups as ansible-inventory does. 按 ansible-inventory 的方式显示主机与分组。"""
    from guiwei.language.inventory import to_graph, to_host, to_list

    project = Project(selection)
    inventory = project.inventory
    if host is not None:
        _print(to_host(inventory, host))
    elif graph:
        sys.stdout.write(to_graph(inventory))
    elif as_list or output.as_json:
        _print(to_list(inventory, [each.name for each in project.hosts] if selection.limit else None))
    else:
        from guiwei.report.tables import inventory_table

        output.show(inventory_table(project.hosts, output.words))
    project.show_notices(output)
    return 0


def _print(value: object) -> None:
    json.dump(value, sys.stdout, ensure_ascii=False, indent=4, sort_keys=True)
    sys.stdout.write("\n")
