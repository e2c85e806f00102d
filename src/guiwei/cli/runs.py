"""`guiwei runs`: the history."""

from __future__ import annotations

import click

from guiwei.cli._options import common_options
from guiwei.cli._output import Output
from guiwei.cli._running import open_history

__all__ = ["command"]


@click.command("runs")
@click.argument("run", required=False)
@click.option("-n", "--number", type=click.IntRange(1, 10000), default=20, show_default=True, help="How many. 条数。")
@common_options
def command(run: str | None, number: int, output: Output) -> int:
    """Show the last runs, or one run with its hosts. 显示运行历史或某次运行的详情。"""
    history = open_history()
    from guiwei.report.tables import run_detail, runs_table

    if run is None:
        runs = history.runs(number)
        output.show(runs_table(runs, output.words))
        output.document({"runs": runs})
    else:
        found = history.run(run)
        output.show(run_detail(found, output.words))
        output.document(found)
    return 0
