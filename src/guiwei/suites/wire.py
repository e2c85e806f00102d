"""What goes to the process that runs a suite, over its standard input alone: passwords are in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from guiwei.model.inventory import Host
from guiwei.target.secret import Secret
from guiwei.transport.settings import Settings

__all__ = ["SuiteHost", "host_from_wire", "host_to_wire", "settings_from_wire", "settings_to_wire"]

_SECRET = "\0secret"


@dataclass(frozen=True)
class SuiteHost:
    """A host that a suite is run on.

    Attributes:
        instances: `id` and the inventory's fields of each of its clients, without secrets.
    """

    host: Host
    instances: tuple[Mapping[str, Any], ...] = ()


def host_to_wire(item: SuiteHost) -> dict[str, Any]:
    """Return plain values: of the variables those that say how to reach the host."""
    return {**_host_to_wire(item.host), "instances": [dict(each) for each in item.instances]}


def host_from_wire(data: Mapping[str, Any]) -> SuiteHost:
    """Return what `host_to_wire` was given."""
    return SuiteHost(_host_from_wire(data), tuple(data["instances"]))


def settings_to_wire(settings: Settings) -> dict[str, Any]:
    """Return plain values."""
    return {**asdict(settings), "known_hosts": str(settings.known_hosts)}


def settings_from_wire(data: Mapping[str, Any]) -> Settings:
    """Return what `settings_to_wire` was given."""
    return Settings(**{**data, "known_hosts": Path(data["known_hosts"])})


def _host_to_wire(host: Host) -> dict[str, Any]:
    reaching = {name: value for name, value in host.vars.items() if name.startswith(("ansible_", "guiwei_"))}
    return {
        "name": host.name,
        "groups": list(host.groups),
        "vars": {name: _to_wire(value) for name, value in reaching.items()},
        "jump": None if host.jump is None else _host_to_wire(host.jump),
    }


def _host_from_wire(data: Mapping[str, Any]) -> Host:
    jump = data["jump"]
    return Host(
        name=data["name"],
        vars={name: _from_wire(value) for name, value in data["vars"].items()},
        groups=tuple(data["groups"]),
        jump=None if jump is None else _host_from_wire(jump),
    )


def _to_wire(value: Any) -> Any:
    if isinstance(value, Secret):
        return {_SECRET: value.reveal()}
    if isinstance(value, Mapping):
        return {str(name): _to_wire(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_to_wire(item) for item in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def _from_wire(value: Any) -> Any:
    if isinstance(value, Mapping):
        if set(value) == {_SECRET}:
            return Secret(value[_SECRET])
        return {name: _from_wire(item) for name, item in value.items()}
    return [_from_wire(item) for item in value] if isinstance(value, list) else value
