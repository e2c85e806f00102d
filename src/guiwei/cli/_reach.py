"""How hosts are reached, settled before the first one is: templates rendered, every connection variable checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from guiwei.errors import InputError
from guiwei.language.template import Scope, Templates, TooEarly
from guiwei.model.inventory import Host
from guiwei.transport.variables import read_login

__all__ = ["reachable"]


def reachable(host: Host, groups: Mapping[str, Sequence[str]]) -> Host:
    """Return the host with its connection variables, guiwei's own and its instances rendered.

    Args:
        groups: group → host names, for templates.

    Raises:
        InputError: a variable is wrong, encrypted without a password, or needs what only the PC can tell
            (`connection-late`).
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
        if name.startswith(("ansible_", "guiwei_")) or name == "instances":
            try:
                rendered[name] = templates.render(value, scope, lambda _: host.place, early=True)
            except TooEarly as error:
                raise InputError("connection-late", host.place, host=host.name, variable=name) from error
    settled = replace(host, vars={**host.vars, **rendered})
    read_login(settled)
    return settled
