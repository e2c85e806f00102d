"""How hosts are reached, settled before the first one is: templates rendered, every connection variable checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from guiwei.errors import InputError
from guiwei.language.template import Scope, Templates, TooEarly
from guiwei.model.inventory import Host
from guiwei.transport.variables import read_login

__all__ = ["reachable"]


def reachable(
    host: Host, groups: Mapping[str, Sequence[str]], hosts: Mapping[str, Host], behind: tuple[str, ...] = ()
) -> Host:
    """Return the host with its connection variables, guiwei's own, instances and contact rendered, and its jump host.

    Args:
        groups: group → host names, for templates.
        hosts: the inventory's hosts, among which jump hosts are.
        behind: the hosts that this one is the jump host of.

    Raises:
        InputError: a variable is wrong, encrypted without a password, or needs what only the PC can tell
            (`connection-late`); the jump host is not in the inventory, or leads back (`jump-unknown`, `jump-circle`).
    """
    data = {
        "inventory_hostname": host.name,
        "inventory_hostname_short": host.name.partition(".")[0],
        "group_names": sorted(host.groups),
        "groups": groups,
    }
    scope = Scope(dict(host.vars), data)
    templates = Templates(Path())
    rendered = {}
    for name, value in host.vars.items():
        if name.startswith(("ansible_", "guiwei_")) or name in ("instances", "contact"):
            try:
                rendered[name] = templates.render(value, scope, lambda _: host.place, early=True)
            except TooEarly as error:
                raise InputError("connection-late", host.place, host=host.name, variable=name) from error
    settled = replace(host, vars={**host.vars, **rendered})
    settled = replace(settled, jump=_jump(settled, groups, hosts, behind))
    read_login(settled)
    return settled


def _jump(
    host: Host, groups: Mapping[str, Sequence[str]], hosts: Mapping[str, Host], behind: tuple[str, ...]
) -> Host | None:
    """Return the host that `guiwei_jump` names; a host that names itself, as by a variable of `all`, has none."""
    name = host.vars.get("guiwei_jump")
    if name in (None, "", host.name) or str(host.vars.get("ansible_connection", "")).endswith("local"):
        return None
    if name in behind:
        raise InputError("jump-circle", host.place, host=host.name, jump=name, behind=list(behind))
    if name not in hosts:
        near = get_close_matches(str(name), hosts, 3, 0.4)
        raise InputError("jump-unknown", host.place, host=host.name, jump=str(name), near=", ".join(near) or "-")
    return reachable(hosts[name], groups, hosts, (*behind, host.name))
