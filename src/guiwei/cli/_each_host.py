"""Commands that ask every host one thing: facts, backups, rollback."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from guiwei.cli._options import Selection
from guiwei.cli._project import Project
from guiwei.cli._running import Runner
from guiwei.engine.host import HostRun
from guiwei.engine.work import Work
from guiwei.errors import GuiweiError, HostError, InputError

__all__ = ["Asked", "ask_hosts", "bare_works", "holder_of"]

#: Host → answer or error, with the results that came on the way.
Asked = dict[str, tuple[dict[str, Any] | GuiweiError, list[dict[str, Any]]]]


def bare_works(selection: Selection) -> tuple[Work, ...]:
    """Return works of the selected hosts that want nothing.

    Raises:
        InputError: a wrong inventory or connection variable; no host has been asked then.
    """
    return tuple(Work(host) for host in Project(selection).reachable_hosts)


def ask_hosts(
    works: tuple[Work, ...],
    request: Callable[[Work], Mapping[str, Any]],
    runner: Runner,
) -> Asked:
    """Ask every host and return the answers by host."""

    def call(host_run: HostRun, work: Work) -> tuple[dict[str, Any] | GuiweiError, list[dict[str, Any]]]:
        results: list[dict[str, Any]] = []
        return host_run.ask(work, request(work), results.append), results

    outcomes = runner.each(works, call)
    return {work.host.name: outcome for work, outcome in zip(works, outcomes, strict=True)}


def holder_of(backup: str, works: tuple[Work, ...], asked: Asked) -> tuple[Work, dict[str, Any]]:
    """Return the one host that holds a backup, and the backup's receipt.

    Args:
        asked: every host's answer to `backups`.

    Raises:
        InputError: no selected host holds it (`backup-not-found`).
        HostError: none that answered holds it, and some did not answer (`backup-not-asked`).
    """
    unreachable = [host for host, (answer, _) in asked.items() if isinstance(answer, GuiweiError)]
    for work in works:
        answer, _ = asked[work.host.name]
        if isinstance(answer, GuiweiError):
            continue
        for receipt in answer["backups"]:
            if receipt["backup"] == backup:
                return work, receipt
    if unreachable:
        raise HostError("backup-not-asked", backup=backup, unasked=unreachable)
    raise InputError("backup-not-found", backup=backup)
