"""From a command's options to the works of every selected host: everything is checked before one is touched."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from guiwei.cli import _clock
from guiwei.cli._calendar import closing, interrupts
from guiwei.cli._inputs import Inputs
from guiwei.cli._instances import instances_of
from guiwei.cli._options import Selection, parse_at, parse_extra
from guiwei.cli._output import Output
from guiwei.cli._policies import play_at, told_policies
from guiwei.cli._reach import reachable
from guiwei.engine.work import Work
from guiwei.errors import InputError
from guiwei.history.database import History
from guiwei.history.looks import last_looks
from guiwei.history.people import People
from guiwei.language.inventory import load_inventory
from guiwei.language.patterns import select
from guiwei.language.vault import Keyring
from guiwei.model.inventory import Host, Inventory
from guiwei.model.plan import Plan
from guiwei.model.playbook import Play, Playbook

__all__ = ["Project", "ask_password"]


def ask_password(label: str) -> str:
    """Ask the person at the terminal for a vault password."""
    import click

    return str(click.prompt(f"Vault password ({label})", hide_input=True, err=True))


@dataclass(frozen=True)
class Project:
    """The inventory, the playbook and what they want of each host.

    Attributes:
        selection: what the command line chose.
        playbook_path: None for commands that need no playbook.
        at: the instant that the works are for; None is now.
        override: why risky steps may be done shortly before a filing deadline.
    """

    selection: Selection
    playbook_path: Path | None = None
    history: History | None = None
    at: datetime | None = None
    override: str | None = None

    @classmethod
    def of_plan(cls, plan: Plan, selection: Selection) -> Project:
        """Return the project that a saved plan was made of; the command line adds vault passwords alone.

        Raises:
            InputError: the command line names another inventory, limit or variables (`plan-has-inputs`).
        """
        if selection.inventories or selection.limit or selection.tags or selection.skip_tags or selection.extra:
            raise InputError("plan-has-inputs")
        inputs = plan.inputs
        chosen = replace(
            selection,
            inventories=tuple(Path(path) for path in inputs["inventories"]),
            limit=inputs["limit"],
            tags=tuple(inputs["tags"]),
            skip_tags=tuple(inputs["skip_tags"]),
            extra=tuple(inputs["extra"]),
        )
        return cls(chosen, Path(inputs["playbook"]), at=parse_at(inputs.get("at")))

    def with_history(self, history: History) -> Project:
        """Return the project with a history to label drift by."""
        return replace(self, history=history)

    def inputs(self) -> dict[str, Any]:
        """Return what a saved plan needs to be made again."""
        assert self.playbook_path is not None
        paths = self.selection.inventories or _default_inventories()
        return {
            "playbook": str(self.playbook_path.resolve()),
            "inventories": [str(path if "," in str(path) else path.resolve()) for path in paths],
            "limit": self.selection.limit,
            "tags": list(self.selection.tags),
            "skip_tags": list(self.selection.skip_tags),
            "extra": list(self.selection.extra),
            "at": None if self.at is None else self.at.isoformat(),
        }

    @property
    def reason(self) -> str | None:
        """Why this is done, as the plays say."""
        reasons = [play.reason for play in self.playbook.plays if play.reason]
        reasons += [policy["reason"] for policy in self.policies if policy["in_force"] and policy["reason"]]
        reasons += [work.closed["override"] for work in self.works if work.closed and work.closed["override"]]
        return "; ".join(dict.fromkeys(reasons)) or None

    @property
    def source(self) -> Path:
        """The playbook's file, whatever it was called by: what waits for a person waits by it."""
        assert self.playbook_path is not None
        return self.playbook_path.resolve()

    @cached_property
    def instant(self) -> datetime:
        """The instant that the works are for; one for all hosts."""
        return self.at or _clock.instant()

    @property
    def policies(self) -> tuple[Mapping[str, Any], ...]:
        """What plans say of the plays' policies."""
        return told_policies(self.playbook.plays, self.instant)

    @cached_property
    def _done(self) -> Mapping[str, Mapping[str, Mapping[str, str]]]:
        """Host → resource → what a person said to be done for this playbook."""
        if self.playbook_path is None or self.history is None:
            return {}
        return People(self.history).done(str(self.source))

    @cached_property
    def _looks(self) -> Mapping[str, datetime]:
        """Host → when somebody last looked at it."""
        return last_looks(self.history) if self.history is not None else {}

    def show_notices(self, output: Output) -> None:
        """Say what the inventory would mean elsewhere, on standard error."""
        if output.as_json or not self.inventory.warnings:
            return
        from guiwei.report.problem import render_notice

        for notice in self.inventory.warnings:
            output.side.print(render_notice(notice, output.words))

    @cached_property
    def applied(self) -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
        """Host → resource → field → value as the last applies left them."""
        return self.history.applied(self.inventory.hosts) if self.history else {}

    @cached_property
    def keyring(self) -> Keyring:
        """Vault passwords from the options."""
        ids = list(self.selection.vault_ids)
        if self.selection.ask_vault_pass:
            ids.append("default@prompt")
        return Keyring.from_options(self.selection.vault_password_files, ids, ask_password)

    @cached_property
    def extra(self) -> Mapping[str, Any]:
        """Extra variables of the command line."""
        return parse_extra(self.selection.extra)

    @cached_property
    def inventory(self) -> Inventory:
        """The merged inventory.

        Raises:
            InputError: it is wrong, or none was given (`inventory-none`).
        """
        paths = self.selection.inventories or _default_inventories()
        if not paths:
            raise InputError("inventory-none")
        folder = self.playbook_path.parent if self.playbook_path else None
        return load_inventory(list(paths), self.keyring, folder, self.extra)

    @cached_property
    def playbook(self) -> Playbook:
        """The playbook."""
        from guiwei.language.playbook import load_playbook

        assert self.playbook_path is not None
        return load_playbook(self.playbook_path, self.keyring)

    @cached_property
    def hosts(self) -> tuple[Host, ...]:
        """The selected hosts without a playbook: `all`, limited."""
        return select(self.inventory, "all", self.selection.limit)

    def settled(self, host: Host) -> Host:
        """Return a host ready to be connected to.

        Raises:
            InputError: a wrong connection variable.
        """
        return reachable(host, self.groups, self.inventory.hosts)

    @cached_property
    def reachable_hosts(self) -> tuple[Host, ...]:
        """The selected hosts, ready to be connected to.

        Raises:
            InputError: a wrong inventory or connection variable; no host has been asked then.
        """
        return tuple(self.settled(host) for host in self.hosts)

    @cached_property
    def works(self) -> tuple[Work, ...]:
        """What every selected host should be, in the order in which the plays name them.

        Raises:
            InputError: anything is wrong with the playbook, the inventory, or how they fit together.
        """
        plays: dict[str, list[Play]] = {}
        for play in self.playbook.plays:
            for host in self.hosts_of(play):
                plays.setdefault(host.name, []).append(play)
        if not plays:
            named = ", ".join(dict.fromkeys(play.hosts for play in self.playbook.plays))
            raise InputError("limit-no-host", limit=self.selection.limit, hosts=named)
        # A wrong connection variable of one host must not show when others have been changed already.
        hosts = {name: self.settled(self.inventory.hosts[name]) for name in plays}
        return tuple(self._work(hosts[name], chosen) for name, chosen in plays.items())

    def hosts_of(self, play: Play) -> tuple[Host, ...]:
        """Return the hosts that a play and the limit name; one that the limit leaves no host to is passed over."""
        inventory = self.inventory
        try:
            chosen = select(inventory, play.hosts)
        except InputError as error:
            raise InputError(error.code, play.places.get(("hosts",), play.place), **error.arguments) from error
        if self.selection.limit is None:
            return chosen
        limited = {host.name for host in select(inventory, "all", self.selection.limit)}
        return tuple(host for host in chosen if host.name in limited)

    def _work(self, host: Host, plays: list[Play]) -> Work:
        from guiwei.cli._compile import compile_host

        inputs = Inputs(self.extra, self.groups, self.selection.tags, self.selection.skip_tags)
        plays = [play_at(play, host, self.inventory, inputs, self.instant) for play in plays]
        instances = [instances_of(host, play, inputs) for play in plays]
        work = compile_host(inputs, host, plays, instances, self.applied.get(host.name, {}))
        return replace(
            work,
            at=self.instant,
            done=self._done.get(host.name, {}),
            looked=self._looks.get(host.name),
            interrupts=interrupts(plays, self.instant),
            closed=closing(plays, self.instant, self.override),
        )

    @cached_property
    def groups(self) -> Mapping[str, list[str]]:
        """Group → its hosts, for templates."""
        found: dict[str, list[str]] = {"all": list(self.inventory.hosts)}
        for name in self.inventory.groups:
            found[name] = [host.name for host in self.inventory.hosts.values() if name in host.groups or name == "all"]
        return found


def _default_inventories() -> tuple[Path, ...]:
    """`$GUIWEI_INVENTORY`, several with the system's path separator."""
    text = os.environ.get("GUIWEI_INVENTORY", "")
    return tuple(Path(part) for part in text.split(os.pathsep) if part)
