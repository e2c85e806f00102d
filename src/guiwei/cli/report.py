"""`guiwei report`: one run of the history as it was shown then, or as a page to keep."""

from __future__ import annotations

from pathlib import Path

import click

from guiwei.cli._options import common_options
from guiwei.cli._output import Output, write_text
from guiwei.cli._running import open_history
from guiwei.errors import InputError

__all__ = ["command"]


@click.command("report")
@click.argument("run", required=False)
@click.option("--html", "page", type=click.Path(path_type=Path), help="Write a page to keep here. 写成可存档的网页。")
@common_options
def command(run: str | None, page: Path | None, output: Output) -> int:
    """Show a past run in full, the last one if none is named: steps, proofs, backups. 查看一次运行的完整报告。"""
    history = open_history()
    if run is None:
        last = history.runs(1)
        if not last:
            raise InputError("report-none")
        run = last[0]["id"]
    from guiwei.report.past import past_run

    result = past_run(history.run(run))
    if page is not None:
        from guiwei.report.document import to_html
        from guiwei.report.run_document import run_document

        write_text(page, to_html(run_document(result, output.words), output.words))
        output.say("report-written", file=str(page))
    else:
        from guiwei.report.run_view import run_view

        output.show(run_view(result, output.words))
    output.document(result)
    return 0
