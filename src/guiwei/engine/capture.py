"""From a PC to the words of a playbook: what an instance is, and what of it no playbook may say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from guiwei.engine.observation import Observation
from guiwei.engine.work import InstanceWork, Work, contexts, read_of, reading_id, value_at
from guiwei.errors import GuiweiError, InputError, ResourceError
from guiwei.invoicing.parameters import check_value
from guiwei.invoicing.stored import from_stored
from guiwei.invoicing.versions import same_version
from guiwei.model.product import Driver, Parameter, Product, Reading, StateResource
from guiwei.target.contract import differences, fill, find_type, identity_of
from guiwei.target.secret import Secret, reveal

__all__ = ["Captured", "LeftOut", "capture_instance", "capture_request"]


@dataclass(frozen=True)
class LeftOut:
    """Something that the playbook does not say, and why.

    Attributes:
        reason: `error` is what the catalogue words.
        shown: the value, where people may see it.
    """

    path: str
    error: GuiweiError
    shown: Any = None
    label: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Captured:
    """One instance in the words of `state:`.

    Attributes:
        state: dotted path → value, in the profile's order.
        kinds: dotted path → `settable`, `mirrored` or `asserted`; `labels` likewise, for people.
    """

    instance: str
    state: Mapping[str, Any]
    left_out: tuple[LeftOut, ...]
    kinds: Mapping[str, str]
    labels: Mapping[str, Mapping[str, str]]


def capture_request(work: Work) -> dict[str, Any]:
    """Return the one request that reads all parameters, the software and the device of each instance."""
    reads: dict[str, dict[str, Any]] = {}
    for instance in work.instances:
        for reading in _readings(instance.product):
            identity = reading_id(reading, instance.id)
            reads[identity] = read_of(identity, reading.module, reading.arguments, instance.id)
    return {"op": "observe", "reads": list(reads.values()), **contexts(work)}


def _readings(product: Product) -> list[Reading]:
    readings = product.readings()
    if product.service is not None:
        readings.append(Reading("service", product.service, "running"))
    readings += [Reading(resource.module, resource.arguments, "") for resource in product.resources]
    if product.ledger:
        readings.append(Reading("query", product.ledger, "rows"))
    return readings


def capture_instance(instance: InstanceWork, observation: Observation) -> Captured:
    """Return what an instance is.

    What the inventory says of its identity, what moves by itself (a lock date), secrets, and what a playbook would be
    refused for (a copy that the device contradicts) is left out, and said so.
    """
    return _Capture(instance, observation).captured()


class _Capture:
    def __init__(self, instance: InstanceWork, observation: Observation) -> None:
        self._instance = instance
        self._observation = observation
        self._left_out: list[LeftOut] = []
        #: Whatever looks like one of these is never written down.
        self._secrets = {str(reveal(secret)) for secret in instance.secrets.values()}

    def captured(self) -> Captured:
        product = self._instance.product
        state: dict[str, Any] = dict(self._software())
        labels: dict[str, Mapping[str, str]] = {}

        def put(path: str, label: Mapping[str, str], call: Callable[[], Any]) -> None:
            labels[path] = label
            try:
                value = call()
                if isinstance(value, Secret) or str(value) in self._secrets:
                    raise ResourceError("capture-secret")
            except GuiweiError as error:
                self._left_out.append(LeftOut(path, error, error.arguments.get("value"), label))
            else:
                state[path] = value

        for parameter in product.parameters:
            put(".".join(parameter.path), parameter.label, partial(self._parameter, parameter))
        for driver in product.drivers:
            put(f"drivers.{driver.name}", driver.label, partial(self._driver, driver))
        for resource in product.resources:
            put(".".join(resource.path), resource.label, partial(self._resource, resource))
        return Captured(
            instance=self._instance.id,
            state=state,
            left_out=tuple(self._left_out),
            kinds={".".join(parameter.path): parameter.kind for parameter in product.parameters},
            labels=labels,
        )

    def _software(self) -> Iterator[tuple[str, Any]]:
        product, software = self._instance.product, self._instance.product.software
        if software is not None:
            try:
                yield "software.version", self._version()
            except GuiweiError as error:
                self._left_out.append(LeftOut("software.version", error))
        if product.service is not None:
            try:
                reading = Reading("service", product.service, "running")
                yield "software.running", bool(self._observation.value(reading, self._instance.id))
            except GuiweiError as error:
                self._left_out.append(LeftOut("software.running", error))

    def _version(self) -> str:
        software = self._instance.product.software
        assert software is not None
        found = self._observation.value(software.version, self._instance.id)
        if found is None:
            raise ResourceError("capture-nothing")
        version = check_value("version", str(found), "software.version")
        if software.data_version is not None:
            data = self._observation.value(software.data_version, self._instance.id)
            if not same_version(str(data), software.data_at(version)):
                raise ResourceError("capture-unfinished", version=version, data=str(data))
        return version

    def _parameter(self, parameter: Parameter) -> Any:
        """Return a parameter's value in the form that a playbook writes.

        Raises:
            GuiweiError: why the playbook does not say it.
        """
        if parameter.when_true is not None:
            return self._switch(parameter)
        device = self._device(parameter)
        client = self._client(parameter)
        value = device if device is not None else client
        if value is None:
            raise ResourceError("capture-nothing")
        if parameter.kind == "mirrored" and device is not None and client != device:
            raise ResourceError("capture-differs", client=client, device=device)
        if parameter.identity and self._instance.values.get(parameter.identity) is not None:
            raise ResourceError("capture-identity", field=parameter.identity, value=value)
        if parameter.kind == "asserted" and parameter.type == "date":
            raise ResourceError("capture-moves", value=value)
        return value

    def _driver(self, driver: Driver) -> str:
        found = self._observation.value(driver.version, self._instance.id)
        if found is None:
            raise ResourceError("capture-nothing")
        return check_value("version", str(found), f"drivers.{driver.name}")

    def _resource(self, resource: StateResource) -> Any:
        """Return the one value that `state:` says of a resource that is as the profile makes it."""
        found = self._observation.state(identity_of(resource.module, resource.arguments, self._instance.id))
        if found is None:
            raise ResourceError("capture-nothing")
        if resource.meant is None:
            raise ResourceError("capture-no-source")
        made = fill(resource.values, self._observation.context(self._instance.id))
        if differences(find_type(resource.module), made, dict(found)):
            raise ResourceError("capture-made-otherwise")
        return found[resource.meant]

    def _switch(self, parameter: Parameter) -> bool:
        assert parameter.when_true is not None
        wanted = fill(parameter.when_true, self._observation.context(self._instance.id))
        if self._client(parameter) != check_value(parameter.type, wanted, parameter.name):
            raise ResourceError("capture-not-so")
        return True

    def _device(self, parameter: Parameter) -> str | None:
        device = self._instance.product.device
        if device is None or parameter.device is None:
            return None
        if not self._plugged:
            # Another one may be: what it says is not this taxpayer's.
            raise ResourceError("capture-unplugged")
        found = value_at(self._observation.value(device, self._instance.id), parameter.device)
        if found is None:
            raise ResourceError("capture-device", field=parameter.device)
        return self._formed(parameter, found, parameter.device_stored)

    @property
    def _plugged(self) -> bool:
        present = self._instance.product.present
        return present is None or self._observation.value(present, self._instance.id) not in (None, False)

    def _client(self, parameter: Parameter) -> str | None:
        if parameter.reading is None:
            return None
        found = self._observation.value(parameter.reading, self._instance.id)
        if isinstance(found, Secret):
            raise ResourceError("capture-secret")
        return None if found is None else self._formed(parameter, found, parameter.reading.stored)

    @staticmethod
    def _formed(parameter: Parameter, found: Any, stored: Mapping[str, Any] | None) -> str:
        told = from_stored(found, stored)
        try:
            return check_value(parameter.type, told, ".".join(parameter.path))
        except InputError:
            # A number has lost nothing where the device keeps one; all else is no value of this type.
            return check_value(parameter.type, str(told), ".".join(parameter.path))
