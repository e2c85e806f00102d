"""`guiwei trust`: record host keys after showing their fingerprints."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from guiwei.cli._options import Selection, common_options, connection_options, selection_options
from guiwei.cli._output import Output
from guiwei.cli._project import Project
from guiwei.engine.host import status_of
from guiwei.engine.rollout import over_hosts
from guiwei.engine.work import Work
from guiwei.errors import GateError, GuiweiError
from guiwei.model.inventory import Host
from guiwei.model.run import exit_code
from guiwei.transport.settings import Settings

if TYPE_CHECKING:
    # SSH is not loaded where only `--help` is asked for.
    from guiwei.transport.trust import ScannedKey
    from guiwei.transport.variables import Login

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
    from guiwei.transport.trust import record_login

    rows: list[dict[str, str]] = []
    errors: dict[str, GuiweiError] = {}
    recorded, refused = 0, False
    # A host behind a jump host shows its key only once the jump host is trusted.
    for logins in _by_distance(project.reachable_hosts):
        keys, failed = _scanned(logins, forks, settings)
        shown = [
            {"host": name, "type": key.type, "fingerprint": key.fingerprint}
            for name, many in keys.items()
            for key in many
        ]
        output.show(keys_table(shown, output.words))
        for host, error in failed.items():
            output.side.print(f"{host}: ", render_error(error, output.words), sep="")
        rows += shown
        errors.update(failed)
        if keys and not _agreed(yes, output):
            refused = True
            break
        for name, many in keys.items():
            record_login(logins[name], many, settings.known_hosts)
        recorded += len(keys)
        if keys:
            output.say("trust-recorded", count=len(keys), file=str(settings.known_hosts))
    output.document({"keys": rows, "recorded": recorded > 0, "errors": errors})
    if refused:
        return 4
    return exit_code(tuple(status_of(error) for error in errors.values()))


def _by_distance(hosts: tuple[Host, ...]) -> list[dict[str, Login]]:
    """Return what is to be trusted by name, jump hosts before the hosts behind them, each once."""
    from guiwei.transport.trust import host_key_name
    from guiwei.transport.variables import read_login

    levels: dict[int, dict[tuple[str, str], Login]] = {}
    for host in hosts:
        login: Login | None = read_login(host)
        while login is not None and not login.local:
            levels.setdefault(_distance(login), {}).setdefault((login.name, host_key_name(login)), login)
            login = login.jump
    return [_named(levels[level]) for level in sorted(levels)]


def _named(logins: dict[tuple[str, str], Login]) -> dict[str, Login]:
    """A jump host that ssh arguments name may be called as a host of the inventory is."""
    found: dict[str, Login] = {}
    for (name, key_name), login in logins.items():
        found[name if name not in found else f"{name} ({key_name})"] = login
    return found


def _distance(login: Login) -> int:
    return 0 if login.jump is None else 1 + _distance(login.jump)


def _scanned(
    logins: dict[str, Login], forks: int, settings: Settings
) -> tuple[dict[str, list[ScannedKey]], dict[str, GuiweiError]]:
    from guiwei.transport.jumps import Jumps
    from guiwei.transport.scanning import scan_login

    with Jumps() as jumps:

        def ask(work: Work) -> list[ScannedKey] | GuiweiError:
            try:
                return scan_login(logins[work.host.name], settings, jumps)
            except GuiweiError as error:
                return error

        found = over_hosts([Work(Host(name, {})) for name in logins], ask, forks)
    shown = dict(zip(logins, found, strict=True))
    keys = {name: item for name, item in shown.items() if not isinstance(item, GuiweiError)}
    return keys, {name: item for name, item in shown.items() if isinstance(item, GuiweiError)}


def _agreed(yes: bool, output: Output) -> bool:
    if yes:
        return True
    if not sys.stdin.isatty():
        raise GateError("approval-needed")
    return click.confirm(output.words.say("trust-ask"), err=True)
