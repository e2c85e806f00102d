"""`guiwei trust`: record host keys after showing their fingerprints."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import click

from guiwei.cli._options import Selection, common_options, connection_options, selection_options
from guiwei.cli._output import Output
from guiwei.cli._project import Project
from guiwei.engine.host import status_of
from guiwei.engine.rollout import over_hosts
from guiwei.engine.work import Work
from guiwei.errors import GateError, GuiweiError
from guiwei.model.run import exit_code
from guiwei.transport.settings import Settings

__all__ = ["command"]


@click.command("trust")
@click.option("-y", "--yes", is_flag=True, help="Record without asking. 不再询问。")
@click.option("--known-hosts", type=click.Path(path_type=Path), help="guiwei's known_hosts file. 主机密钥文件。")
@click.option("--import", "source", type=click.Path(path_type=Path), help="Take over another known_hosts file. 导入。")
@selection_options
@connection_options
@common_options
def command(
    yes: bool,
    known_hosts: Path | None,
    source: Path | None,
    selection: Selection,
    forks: int,
    settings: Settings,
    output: Output,
) -> int:
    """Show the fingerprints that hosts present and, once you agree, trust them. 核对并信任主机密钥。"""
    from guiwei.transport.trust import import_file

    if known_hosts is not None:
        settings = replace(settings, known_hosts=known_hosts)
    if source is not None:
        count = import_file(source, settings.known_hosts)
        output.say("trust-imported", count=count, file=str(settings.known_hosts))
        output.document({"imported": count, "file": str(settings.known_hosts)})
        return 0
    return _trust_hosts(Project(selection), yes, forks, settings, output)


def _trust_hosts(project: Project, yes: bool, forks: int, settings: Settings, output: Output) -> int:
    from guiwei.report.problem import render_error
    from guiwei.report.tables import keys_table
    from guiwei.transport.scanning import scan
    from guiwei.transport.trust import ScannedKey, record

    def ask(work: Work) -> list[ScannedKey] | GuiweiError:
        try:
            return scan(work.host, settings)
        except GuiweiError as error:
            return error

    works = [Work(host) for host in project.reachable_hosts if host.vars.get("ansible_connection") != "local"]
    shown = dict(zip([work.host.name for work in works], over_hosts(works, ask, forks), strict=True))
    keys = {host: found for host, found in shown.items() if not isinstance(found, GuiweiError)}
    errors = {host: found for host, found in shown.items() if isinstance(found, GuiweiError)}
    rows = [{"host": host, "type": key.type, "fingerprint": key.fingerprint} for host in keys for key in keys[host]]
    output.show(keys_table(rows, output.words))
    for host, error in errors.items():
        output.side.print(f"{host}: ", render_error(error, output.words), sep="")
    recorded = bool(keys) and _agreed(yes, output)
    if recorded:
        for work in works:
            if work.host.name in keys:
                record(work.host, keys[work.host.name], settings.known_hosts)
        output.say("trust-recorded", count=len(keys), file=str(settings.known_hosts))
    output.document({"keys": rows, "recorded": recorded, "errors": errors})
    if keys and not recorded:
        return 4
    return exit_code(tuple(status_of(error) for error in errors.values()))


def _agreed(yes: bool, output: Output) -> bool:
    if yes:
        return True
    if not sys.stdin.isatty():
        raise GateError("approval-needed")
    return click.confirm(output.words.say("trust-ask"), err=True)
