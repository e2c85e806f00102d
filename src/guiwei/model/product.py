"""A product profile: how one invoicing client keeps version, parameters, disk and data. Data only, no behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from guiwei.errors import Place

__all__ = ["Action", "Check", "Definition", "InstanceField", "Issue", "Parameter", "Product", "Reading", "Software"]

Label = Mapping[str, str]


@dataclass(frozen=True)
class Reading:
    """One field of what one resource reads; dots go into mappings (`answer.disk.number`)."""

    module: str
    arguments: Mapping[str, Any]
    field: str


@dataclass(frozen=True)
class Action:
    """A program of the client.

    Attributes:
        argv: the program and its arguments.
        given: name of the host or instance variable whose (secret) value goes to standard input.
        timeout: seconds.
    """

    argv: tuple[str, ...]
    given: str | None = None
    timeout: float = 60.0


@dataclass(frozen=True)
class Definition:
    """A name below `facts.` or `instance.` and where its value comes from: a text, or a reading."""

    name: str
    text: str | None = None
    reading: Reading | None = None
    default: Any = None


@dataclass(frozen=True)
class InstanceField:
    """What an inventory says of each instance: its type and whether it must be there."""

    name: str
    type: str
    required: bool
    label: Label


@dataclass(frozen=True)
class Parameter:
    """One parameter of the client.

    Attributes:
        path: where `state:` names it, such as ("parameters", "upload_address").
        kind: `settable` (converge it), `asserted` (read it, report, refuse), `mirrored` (the device decides).
        reading: the client's own copy.
        copies: further places of the client that must hold the same value.
        device: dotted field of the device's answer, for asserted and mirrored ones.
        identity: instance field that always decides, whether `state:` names the parameter or not.
        restart: the client reads it at its start.
        write: the client's own program that sets it, where writing the reading's resource would not do.
        when_true: the value that `true` in a playbook stands for.
    """

    name: str
    path: tuple[str, ...]
    type: str
    kind: str
    label: Label
    reading: Reading | None = None
    copies: tuple[Reading, ...] = ()
    device: str | None = None
    identity: str | None = None
    restart: bool = True
    risk: str = "ordinary"
    write: Action | None = None
    when_true: str | None = None


@dataclass(frozen=True)
class Software:
    """The program tree, its versions and what an upgrade needs.

    Attributes:
        version: what is installed, by the client's record.
        data_version: which version's first start migrated the data.
        source: file name of a version's package, with `{version}`.
        versions: version → {from, one_way, reactivate}.
        activation: reading and action after an edge that says so; `active` is the reading's good value.
    """

    version: Reading
    data_version: Reading
    package: Mapping[str, Any]
    source: str
    versions: Mapping[str, Mapping[str, Any]]
    activation: Reading | None = None
    active: Any = None
    activate: Action | None = None
    place: Place | None = None


@dataclass(frozen=True)
class Check:
    """One verification: a reading of fields that must have these values."""

    name: str
    module: str
    arguments: Mapping[str, Any]
    expect: Mapping[str, Any]
    label: Label


@dataclass(frozen=True)
class Issue:
    """How one test invoice is issued, recorded and voided; `answer` says where the client's answer names it."""

    login: Action | None
    issue: Action
    void: Action
    answer: Mapping[str, str]


@dataclass(frozen=True)
class Product:
    """A whole profile; see `schemas/product.json` for what the file may say."""

    name: str
    title: Label
    verified: bool
    instance_id: str
    fields: tuple[InstanceField, ...]
    definitions: tuple[Definition, ...]
    present: Reading | None
    device: Reading | None
    parameters: tuple[Parameter, ...]
    service: Mapping[str, Any] | None
    software: Software | None
    backup: Mapping[str, Any]
    ledger: Mapping[str, Any] | None
    ready: tuple[Check, ...]
    issue: Issue | None = None
    place: Place | None = None
