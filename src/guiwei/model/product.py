"""A product profile: how one invoicing client keeps version, parameters, disk and data. Data only, no behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from guiwei.errors import Place

__all__ = [
    "Action",
    "Busy",
    "CauseRule",
    "Check",
    "Definition",
    "DeviceUsb",
    "Driver",
    "Endpoint",
    "InstanceField",
    "Issue",
    "Parameter",
    "Product",
    "Reading",
    "Recovery",
    "Software",
    "StateResource",
]

Label = Mapping[str, str]


@dataclass(frozen=True)
class Reading:
    """One field of what one resource reads; dots go into mappings (`answer.disk.number`).

    Attributes:
        stored: how the value is written there, where that is not its own form; see `invoicing/stored.py`.
    """

    module: str
    arguments: Mapping[str, Any]
    field: str
    stored: Mapping[str, Any] | None = None

    def holding(self, value: Any) -> dict[str, Any]:
        """Return what the agent compares by: this reading, and the value that it has, must have or must not have."""
        return {"module": self.module, "with": dict(self.arguments), "field": self.field, "value": value}


@dataclass(frozen=True)
class Action:
    """A program of the client.

    Attributes:
        argv: the program and its arguments.
        given: names of the host or instance variables whose (secret) values go to standard input, a line each.
        timeout: seconds.
        tries: what counts the tries left of what is given, a dotted field of the device's answer or a reading: with
            one left, guiwei gives nothing.
        full: how many tries there are as long as nobody gave something wrong; with fewer, guiwei gives nothing. None
            if that is not known.
    """

    argv: tuple[str, ...]
    given: tuple[str, ...] = ()
    timeout: float = 60.0
    tries: str | Reading | None = None
    full: int | None = None


@dataclass(frozen=True)
class Definition:
    """A name below `facts.` or `instance.` and where its value comes from: a text, or a reading."""

    name: str
    text: str | None = None
    reading: Reading | None = None
    default: Any = None


@dataclass(frozen=True)
class DeviceUsb:
    """How the client's tax device shows on the USB bus.

    Attributes:
        kinds: what the client works with.
        number: the USB string that is the disk number, None if none is.
        also: devices beyond those that are known: `kind`, `id`, and maybe `product` and `manufacturer` patterns.
    """

    kinds: tuple[str, ...]
    number: str | None = None
    also: tuple[Mapping[str, str], ...] = ()


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
        device_stored: how the device writes it, as a reading's `stored`.
        identity: instance field that always decides, whether `state:` names the parameter or not.
        restart: the client reads it at its start.
        write: the client's own program that sets it, where writing the reading's resource would not do.
        when_true: the value that `true` in a playbook stands for.
        at_least: a later value is as good: a day since when something must have been done.
    """

    name: str
    path: tuple[str, ...]
    type: str
    kind: str
    label: Label
    reading: Reading | None = None
    copies: tuple[Reading, ...] = ()
    device: str | None = None
    device_stored: Mapping[str, Any] | None = None
    identity: str | None = None
    restart: bool = True
    risk: str = "ordinary"
    write: Action | None = None
    when_true: str | None = None
    at_least: bool = False


@dataclass(frozen=True)
class StateResource:
    """A resource whose values `state:` says: a certificate that the client needs, a job that backs it up.

    Attributes:
        path: where `state:` names it, such as ("maintenance", "backup").
        arguments: key and option fields.
        values: what the profile itself says of it.
        meant: the field that is meant where `state:` has no mapping but one value.
        restart: the client reads it at its start.
    """

    path: tuple[str, ...]
    label: Label
    module: str
    arguments: Mapping[str, Any]
    values: Mapping[str, Any] = field(default_factory=dict)
    meant: str | None = None
    restart: bool = False
    risk: str = "ordinary"


@dataclass(frozen=True)
class Endpoint:
    """A server that the client needs.

    Attributes:
        probe: `tcp` (it accepts connections) or `http` (it answers).
        address: where the client looks for it: a URL, with references into its own settings.
        parameter: path in `state:` of the setting that holds the address; None if none does.
        province: the instance's field whose first two digits name the province; None if addresses do not depend on it.
    """

    name: str
    label: Label
    address: str
    probe: str = "tcp"
    parameter: str | None = None
    province: str | None = None


@dataclass(frozen=True)
class Software:
    """The program tree, its versions and what an upgrade needs.

    Attributes:
        version: what is installed, by the client's record.
        data_version: which version's first start migrated the data; None where the client does not tell.
        package: how the program is put in place; None where that is not known: its version is compared, no more.
        source: file name of a version's package, with `{version}`.
        versions: version → {from, one_way, reactivate, data}; see `data_at`.
        activation: reading and action after an edge that says so; `active` is the reading's good value.
        released: version → day of its release, as far as that is known.
    """

    version: Reading
    data_version: Reading | None = None
    package: Mapping[str, Any] | None = None
    source: str = ""
    versions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    activation: Reading | None = None
    active: Any = None
    activate: Action | None = None
    place: Place | None = None
    released: Mapping[str, str] = field(default_factory=dict)

    def data_at(self, version: str) -> str:
        """Return what `data_version` reads once a version has migrated the data: the version, or its schema's name."""
        return str(self.versions.get(version, {}).get("data", version))


@dataclass(frozen=True)
class Driver:
    """A driver of the tax disk: kept at the wanted version or newer.

    Attributes:
        version: what is installed.
        source: file name of a version's package, with `{version}`.
        versions: those that are known.
        released: version → day of its release, as far as that is known.
    """

    name: str
    label: Label
    version: Reading
    package: Mapping[str, Any]
    source: str
    versions: tuple[str, ...]
    released: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CauseRule:
    """What shows one cause of a failure: every condition holds.

    Attributes:
        conditions: dotted sign → the value that it has, or operators (`not`, `contains`, `at_most`, `older_than`, …).
        evidence: name → dotted sign, what people are shown of it.
    """

    cause: str
    conditions: Mapping[str, Any]
    evidence: Mapping[str, str]


@dataclass(frozen=True)
class Recovery:
    """What a product adds to diagnosis and ladder.

    Attributes:
        signs: name → what is read to judge by.
        reset_mode: the client's own program that sets its copies back to the device's values; it must be stopped.
        unstick: seconds to wait before a client that answers nothing is ended by its process id; None: it is not.
        settings: files of the client's settings, which a backup can give back alone.
    """

    signs: Mapping[str, Reading]
    rules: tuple[CauseRule, ...]
    reset_mode: Action | None = None
    unstick: float | None = None
    settings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Check:
    """One verification: a reading of fields that must have these values."""

    name: str
    module: str
    arguments: Mapping[str, Any]
    expect: Mapping[str, Any]
    label: Label


@dataclass(frozen=True)
class Told:
    """Where an answer tells something, and how it is written there."""

    field: str
    stored: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Issue:
    """How one test invoice is issued, recorded and voided; `answer` says where the client's answer names it."""

    login: Action | None
    issue: Action
    void: Action
    answer: Mapping[str, Told]


@dataclass(frozen=True)
class Busy:
    """How to tell that somebody is working with the client.

    Attributes:
        value: what the reading says then.
        stop: how the client is stopped nevertheless, where its user agreed.
    """

    reading: Reading
    value: Any
    label: Label
    stop: tuple[str, ...] | None = None


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
    drivers: tuple[Driver, ...] = ()
    recovery: Recovery | None = None
    busy: Busy | None = None
    usb: DeviceUsb | None = None
    rehearsal: Mapping[str, Any] | None = None
    filing: tuple[str, ...] = ()
    support: Mapping[str, Any] = field(default_factory=dict)
    screens: Mapping[str, Label] = field(default_factory=dict)
    resources: tuple[StateResource, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()

    def readings(self) -> list[Reading]:
        """Return every reading that tells what a client is: disk, device, parameters and copies, software, drivers."""
        found = [self.present, self.device]
        for parameter in self.parameters:
            found += [parameter.reading, *parameter.copies]
        if self.software is not None:
            found += [self.software.version, self.software.data_version, self.software.activation]
        found += [driver.version for driver in self.drivers]
        return [reading for reading in found if reading is not None]
