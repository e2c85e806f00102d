"""What is wanted of one host, before anything is known of it: the input of a host's run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from guiwei.errors import Place
from guiwei.model.inventory import Host
from guiwei.model.playbook import Declaration, Desired
from guiwei.model.product import Endpoint, Parameter, Product, Reading, StateResource
from guiwei.target.contract import identity_of

__all__ = ["InstanceWork", "Render", "Wanted", "Work", "observation_request", "read_of", "reading_id", "value_at"]

#: Renders a declaration once the host was observed; the language's `finish`, given from outside.
Finish = Callable[[Declaration, Mapping[str, Any]], Desired]
#: Renders a `state:` value once the host was observed.
Render = Callable[[Any, Mapping[str, Any], Place | None], Any]


@dataclass(frozen=True)
class Wanted:
    """One leaf of `state:`: the value as written, where, and what renders it; None where there is nothing to render.

    Attributes:
        policy: name of the policy that decides it.
    """

    value: Any
    place: Place | None
    origin: str = "playbook"
    render: Render | None = field(default=None, compare=False)
    policy: str = ""

    def rendered(self, context: Mapping[str, Any]) -> Any:
        """Return the value, now that the host was observed."""
        return self.value if self.render is None else self.render(self.value, context, self.place)


@dataclass(frozen=True)
class InstanceWork:
    """One taxpayer's client on the host.

    Attributes:
        values: what the inventory says of it, checked, `id` included.
        wanted: dotted path of `state:` → leaf, templates not rendered yet.
        secrets: variables that the profile's actions give to standard input.
        artifacts: version → package file on the controller.
        resources: what `state:` says of the profile's resources, each with its declaration.
        servers: endpoint → every address at which it may be wanted, so that all are tried in one look at the host.
        place: where the inventory names its host.
    """

    id: str
    product: Product
    values: Mapping[str, Any]
    wanted: Mapping[str, Wanted]
    secrets: Mapping[str, Any] = field(default_factory=dict)
    artifacts: Mapping[str, str] = field(default_factory=dict)
    place: Place | None = None
    resources: tuple[tuple[StateResource, Declaration], ...] = ()
    servers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Work:
    """Everything that a run wants of one host.

    Attributes:
        declarations: resources of tasks and handlers, in order.
        verify: level and options of the play's `verify:`.
        applied: what the last apply left, resource → field → value; labels drift.
        at: the instant that it is wanted at; None where nothing depends on that.
        done: resource → `wanted` and `done` of what a person said to be done.
        interrupts: a client in use may be stopped.
        looked: when somebody last looked at it before this run; None if nobody ever did.
        closed: the filing deadline in whose quiet days `at` lies, see `HostPlan.closed`.
    """

    host: Host
    declarations: tuple[Declaration, ...] = ()
    instances: tuple[InstanceWork, ...] = ()
    finish: Finish | None = None
    verify: Mapping[str, Any] = field(default_factory=dict)
    applied: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    at: datetime | None = None
    done: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    interrupts: bool = False
    closed: Mapping[str, Any] | None = None
    looked: datetime | None = None


def reading_id(reading: Reading, instance: str | None) -> str:
    """Return the identity of what a profile's reading reads; equal readings are read once."""
    return identity_of(reading.module, reading.arguments, instance)


def read_of(identity: str, module: str, arguments: Mapping[str, Any], instance: str | None) -> dict[str, Any]:
    """Return one read of an `observe` request."""
    return {"id": identity, "module": module, "with": dict(arguments), "instance": instance}


def observation_request(work: Work, reading_only: tuple[str, ...] | None = None) -> dict[str, Any]:
    """Return the one request that observes the whole host: facts, instances, definitions, reads."""
    reads: dict[str, dict[str, Any]] = {}
    state_resources = (declaration for each in work.instances for _, declaration in each.resources)
    for declaration in (*work.declarations, *state_resources):
        reads[declaration.id] = read_of(declaration.id, declaration.module, declaration.reading, declaration.instance)
    for instance in work.instances:
        for reading in _readings(instance):
            identity = reading_id(reading, instance.id)
            reads[identity] = read_of(identity, reading.module, reading.arguments, instance.id)
    if reading_only is not None:
        reads = {name: read for name, read in reads.items() if name in reading_only}
    return {"op": "observe", "reads": list(reads.values()), **contexts(work)}


def contexts(work: Work) -> dict[str, Any]:
    """Return what references resolve against: the instances' values and the profile's definitions."""
    definitions: list[dict[str, Any]] = []
    for product in {instance.product.name: instance.product for instance in work.instances}.values():
        for definition in product.definitions:
            scope, _, name = definition.name.partition(".")
            entry: dict[str, Any] = {"name": name, "instance": scope == "instance"}
            if definition.text is not None:
                entry["text"] = definition.text
            elif definition.reading:
                entry.update(
                    {
                        "module": definition.reading.module,
                        "with": dict(definition.reading.arguments),
                        "field": definition.reading.field,
                    }
                )
            if definition.default is not None:
                entry["default"] = definition.default
            definitions.append(entry)
    return {"instances": {instance.id: dict(instance.values) for instance in work.instances}, "define": definitions}


def _readings(instance: InstanceWork) -> list[Reading]:
    product = instance.product
    found = [product.present, product.device]
    for parameter in product.parameters:
        if parameter_wanted(parameter, instance):
            found += [parameter.reading, *parameter.copies]
            tries = parameter.write.tries if parameter.write else None
            found += [tries] if isinstance(tries, Reading) else []
    found += condition_readings(instance)
    if product.service is not None:
        found.append(Reading("service", product.service, "running"))
    for driver in product.drivers:
        if f"drivers.{driver.name}" in instance.wanted:
            found += [driver.version, Reading("package", driver.package, "version")]
    software = product.software
    if software:
        found += [software.version, software.data_version, software.activation]
    if product.ledger:
        found.append(Reading("query", product.ledger, "rows"))
    if product.busy:
        found.append(product.busy.reading)
    return [reading for reading in found if reading is not None]


def condition_readings(instance: InstanceWork) -> list[Reading]:
    """Return what tells whether the instance's conditions are met: servers, and versions whose age is asked for."""
    product = instance.product
    found = [
        endpoint_reading(instance, endpoint, address)
        for endpoint in product.endpoints
        if endpoint_wanted(instance, endpoint)
        for address in instance.servers.get(endpoint.name, (endpoint.address,))
    ]
    if "maintenance.version_age" in instance.wanted and product.software is not None:
        found.append(product.software.version)
    if "maintenance.driver_age" in instance.wanted:
        found += [driver.version for driver in product.drivers]
    return found


def endpoint_wanted(instance: InstanceWork, endpoint: Endpoint) -> Wanted | None:
    """Return the first thing that `state:` says of a server; None if it says nothing."""
    head = f"endpoints.{endpoint.name}."
    return next((leaf for path, leaf in instance.wanted.items() if path.startswith(head)), None)


def endpoint_reading(instance: InstanceWork, endpoint: Endpoint, address: str) -> Reading:
    """Return the reading that tries a server as often as is wanted: five times if nothing is said."""
    tries = instance.wanted.get(f"endpoints.{endpoint.name}.tries")
    arguments = {
        "url" if endpoint.probe == "http" else "host": address,
        "tries": 5 if tries is None else int(tries.value),
        "timeout": 3.0,
    }
    return Reading(endpoint.probe, arguments, "loss")


def parameter_wanted(parameter: Parameter, instance: InstanceWork) -> Wanted | None:
    """Return what is wanted of a parameter: what `state:` says, else the inventory's identity, else None."""
    wanted = instance.wanted.get(".".join(parameter.path))
    if wanted is not None:
        return wanted
    if parameter.identity and instance.values.get(parameter.identity) is not None:
        return Wanted(instance.values[parameter.identity], instance.place, "inventory")
    return None


def value_at(value: Any, dotted: str) -> Any:
    """Return what a dotted path leads to in nested mappings, None if it leads nowhere."""
    for part in dotted.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value
