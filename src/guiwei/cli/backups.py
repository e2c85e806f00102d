"""`guiwei backups`: list and check the backups on the PCs."""

from __future__ import annotations

import click

from guiwei.cli._each_host import ask_hosts, bare_works
from guiwei.cli._options import Selection, common_options, connection_options, selection_options
from guiwei.cli._output import Output
from guiwei.cli._running import Runner
from guiwei.engine.host import status_of
from guiwei.errors import GuiweiError
from guiwei.model.run import exit_code
from guiwei.transport.settings import Settings

__all__ = ["command"]


@click.command("backups")
@click.option("--check", "backup", metavar="BACKUP", help="Hash every file of this backup. 校验此备份的每个文件。")
@selection_options
@connection_options
@common_options
def command(backup: str | None, selection: Selection, forks: int, settings: Settings, output: Output) -> int:
    """List the backups on the PCs, or check one. 列出或校验 PC 上的备份。"""
    request = {"op": "backups", "check": backup}
    asked = ask_hosts(bare_works(selection), lambda _work: request, Runner(output, settings, forks))
    receipts, errors = [], {}
    for host, (answer, _) in asked.items():
        if isinstance(answer, GuiweiError):
            errors[host] = answer
        else:
            receipts += [{"host": host, **receipt} for receipt in answer["backups"]]
    from guiwei.report.problem import render_error
    from guiwei.report.tables import backups_table

    output.show(backups_table(receipts, output.words))
    for host, error in errors.items():
        output.side.print(f"{host}: ", render_error(error, output.words), sep="")
    output.document({"backups": receipts, "errors": errors})
    return exit_code(tuple(status_of(error) for error in errors.values()))
