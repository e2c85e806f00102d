"""`guiwei backups`: list and check the backups on the PCs."""

from __future__ import annotations

from pathlib import Path

import click

from guiwei.cli._backup_file import fetch_backup
from guiwei.cli._each_host import ask_hosts, bare_works, holder_of
from guiwei.cli._options import Selection, common_options, connection_options, selection_options
from guiwei.cli._output import Output
from guiwei.cli._running import Runner
from guiwei.engine.host import status_of
from guiwei.engine.work import Work
from guiwei.errors import GuiweiError
from guiwei.model.run import exit_code
from guiwei.transport.settings import Settings

__all__ = ["command"]


@click.command("backups")
@click.option("--check", "backup", metavar="BACKUP", help="Hash every file of this backup. 校验此备份的每个文件。")
@click.option("--fetch", metavar="BACKUP", help="Bring this backup here, as a file. 将此备份取回为文件。")
@click.option(
    "-o", "--to", type=click.Path(path_type=Path), help="File for --fetch; by default BACKUP.tar.gz. 取回后的文件名。"
)
@selection_options
@connection_options
@common_options
def command(
    backup: str | None,
    fetch: str | None,
    to: Path | None,
    selection: Selection,
    forks: int,
    settings: Settings,
    output: Output,
) -> int:
    """List the backups on the PCs, check one, or bring one here as a file. 列出、校验或取回 PC 上的备份。"""
    if fetch is not None:
        return _fetch(fetch, to or Path(f"{fetch}.tar.gz"), bare_works(selection), settings, output)
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


def _fetch(backup: str, to: Path, works: tuple[Work, ...], settings: Settings, output: Output) -> int:
    asked = ask_hosts(works, lambda _work: {"op": "backups"}, Runner(output, settings, forks=len(works)))
    work, receipt = holder_of(backup, works, asked)
    fetch_backup(backup, work, to, Runner(output, settings, forks=1))
    output.say("backup-fetched", backup=backup, path=str(to))
    output.document({"backups": [{"host": work.host.name, **receipt}], "file": str(to), "errors": {}})
    return 0
