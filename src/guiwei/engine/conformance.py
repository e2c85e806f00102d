"""A profile's own conformance against a PC: every reading answers, with its type; client and device agree."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from guiwei.engine.observation import Observation
from guiwei.engine.work import InstanceWork, Work, contexts, read_of, reading_id, value_at
from guiwei.errors import GuiweiError, InputError, ResourceError
from guiwei.invoicing.parameters import KINDS, check_value
from guiwei.invoicing.stored import from_stored
from guiwei.invoicing.versions import VersionGraph, same_version
from guiwei.model.product import Driver, Parameter, Product, Reading
from guiwei.target.contract import PRESENCE, identity_of

__all__ = ["Finding", "conform", "conformance_request"]

_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])\Z")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        part: of the profile: `define`, `present`, `device`, `parameter`, `service`, `busy`, `software`, `driver`,
            `upkeep`, `backup`, `rehearsal`, `ledger`, `recovery`, `check`.
        name: what it is, as the profile calls it.
        fits: whether the PC answers as the profile says; None where the disk would have to be plugged in for that.
        error: what does not fit.
    """

    part: str
    name: str
    fits: bool | None
    found: Any = None
    label: Mapping[str, str] = field(default_factory=dict)
    error: GuiweiError | None = None


def conformance_request(work: Work) -> dict[str, Any]:
    """Return the one request that reads everything that the profile of each instance names; nothing is written."""
    reads: dict[str, dict[str, Any]] = {}
    for instance in work.instances:
        for module, arguments in _resources(instance.product):
            identity = identity_of(module, arguments, instance.id)
            reads[identity] = read_of(identity, module, arguments, instance.id)
    return {"op": "observe", "reads": list(reads.values()), **contexts(work)}


def _resources(product: Product) -> Iterator[tuple[str, Mapping[str, Any]]]:
    readings = product.readings()
    if product.busy is not None:
        readings.append(product.busy.reading)
    if product.recovery is not None:
        readings += product.recovery.signs.values()
    yield from ((each.module, each.arguments) for each in readings)
    if product.service is not None:
        yield "service", product.service
    if product.ledger:
        yield "query", product.ledger
    yield from ((check.module, check.arguments) for check in product.ready)
    yield from ((each["module"], each["with"]) for each in product.backup.get("values", ()))
    yield from ((each.module, each.arguments) for each in product.resources)
    yield from (("directory", {"path": path}) for path in _paths(product))


def _paths(product: Product) -> list[str]:
    """Folders and files that must be there."""
    package = product.software.package if product.software else None
    return [
        *product.backup.get("paths", ()),
        *([package["path"]] if package else []),
        *(product.recovery.settings if product.recovery else ()),
        *(product.rehearsal or {}).get("copy", ()),
    ]


def conform(instance: InstanceWork, observation: Observation) -> tuple[Finding, ...]:
    """Return everything that was looked at on one instance, in the profile's order."""
    return tuple(_Conformance(instance, observation).findings())


@dataclass(frozen=True)
class _Conformance:
    instance: InstanceWork
    observation: Observation

    def findings(self) -> Iterator[Finding]:
        yield from self._definitions()
        yield from self._device()
        for parameter in self.instance.product.parameters:
            yield from self._parameter(parameter)
        yield from self._service()
        yield from self._software()
        yield from self._drivers()
        yield from self._upkeep()
        yield from self._backup()
        yield from self._ledger()
        yield from self._recovery()
        yield from self._checks()

    def _read(self, reading: Reading) -> Any:
        """Return what a reading gives.

        Raises:
            GuiweiError: it cannot be read, or nothing is there.
        """
        found = self.observation.value(reading, self.instance.id)
        if found is None:
            raise ResourceError("conform-nothing", resource=self._named(reading.module, reading.arguments))
        return found

    def _named(self, module: str, arguments: Mapping[str, Any]) -> str:
        return self.observation.identity(module, arguments, self.instance.id)

    def _definitions(self) -> Iterator[Finding]:
        for definition in self.instance.product.definitions:
            scope, _, name = definition.name.partition(".")
            holder = self.observation.facts if scope == "facts" else self.observation.instances[self.instance.id]
            error = None if name in holder else ResourceError("conform-undefined", name=definition.name)
            yield Finding("define", definition.name, error is None, holder.get(name), error=error)

    @property
    def _plugged(self) -> bool:
        present = self.instance.product.present
        try:
            return present is None or self.observation.value(present, self.instance.id) not in (None, False)
        except GuiweiError:
            return False

    def _device(self) -> Iterator[Finding]:
        present, device = self.instance.product.present, self.instance.product.device
        if present is not None:
            yield self._finding("present", "present", lambda: self.observation.value(present, self.instance.id))
        if device is None:
            return
        if not self._plugged:
            yield Finding("device", "device", None)
            return

        def mapping() -> Any:
            found = self._read(device)
            if not isinstance(found, Mapping):
                raise ResourceError("conform-type", found=found, wanted="mapping")
            return found

        yield self._finding("device", "device", mapping)
        for name in self.instance.product.filing:
            yield self._finding("device", name, lambda name=name: self._asked(name))

    def _finding(self, part: str, name: str, call: Any, label: Mapping[str, str] | None = None) -> Finding:
        """Call, and make a finding of what it returns or raises."""
        try:
            return Finding(part, name, True, call(), label or {})
        except GuiweiError as error:
            return Finding(part, name, False, error.arguments.get("found"), label or {}, error)

    # Parameters

    def _parameter(self, parameter: Parameter) -> Iterator[Finding]:
        name, label = ".".join(parameter.path), parameter.label
        own = (
            None if parameter.reading is None else self._finding("parameter", name, lambda: self._own(parameter), label)
        )
        if own is not None:
            yield own
        for number, copy in enumerate(parameter.copies, 1):
            yield self._finding(
                "parameter", f"{name} ({number})", lambda copy=copy: self._copied(parameter, copy, own), label
            )
        if parameter.device is None or self.instance.product.device is None:
            return
        name = f"{name} ← {parameter.device}"
        if not self._plugged:
            yield Finding("parameter", name, None, label=label)
        else:
            yield self._finding("parameter", name, lambda: self._on_device(parameter, own), label)

    def _own(self, parameter: Parameter) -> str:
        assert parameter.reading is not None
        value = self._typed(parameter, self._read(parameter.reading), parameter.reading.stored)
        if parameter.when_true is None:
            self._as_inventory(parameter, value)
        return value

    def _typed(self, parameter: Parameter, found: Any, stored: Mapping[str, Any] | None) -> str:
        try:
            return check_value(parameter.type, from_stored(found, stored), ".".join(parameter.path))
        except InputError as error:
            # Digits that a device or a JSON file keeps as a number have lost nothing that was there.
            if error.code in ("value-quote-digits", "value-quote-version"):
                return check_value(parameter.type, str(found), ".".join(parameter.path))
            raise

    def _as_inventory(self, parameter: Parameter, value: str) -> None:
        wanted = self.instance.values.get(parameter.identity) if parameter.identity else None
        if wanted is not None and wanted != value:
            raise ResourceError("conform-inventory", found=value, wanted=wanted)

    def _copied(self, parameter: Parameter, copy: Reading, own: Finding | None) -> str:
        value = self._typed(parameter, self._read(copy), copy.stored)
        if own is not None and own.fits and own.found != value:
            raise ResourceError("conform-copy", found=value, wanted=own.found)
        return value

    def _on_device(self, parameter: Parameter, own: Finding | None) -> str:
        value = self._typed(parameter, self._asked(str(parameter.device)), parameter.device_stored)
        self._as_inventory(parameter, value)
        if parameter.kind == "mirrored" and own is not None and own.fits and own.found != value:
            raise ResourceError("conform-mirror", found=value, client=own.found)
        return value

    def _asked(self, field: str) -> Any:
        device = self.instance.product.device
        assert device is not None
        found = value_at(self._read(device), field)
        if found is None:
            raise ResourceError("conform-device-silent", field=field)
        return found

    # The other parts

    def _service(self) -> Iterator[Finding]:
        service = self.instance.product.service
        if service is not None:
            yield self._finding("service", "running", lambda: self._read(Reading("service", service, "running")))
        busy = self.instance.product.busy
        if busy is not None:
            yield self._finding("busy", "busy", lambda: self._read(busy.reading), busy.label)

    def _software(self) -> Iterator[Finding]:
        software = self.instance.product.software
        if software is None:
            return
        version = self._finding("software", "version", lambda: self._version(self._read(software.version)))
        yield version
        if software.data_version is not None:
            data = software.data_version
            yield self._finding("software", "data_version", lambda: self._data_version(self._read(data), version))
        if software.activation is not None:
            activation = software.activation
            yield self._finding("software", "activation", lambda: self._read(activation))
        if software.package is not None:
            path = software.package["path"]
            yield self._finding("software", "package", lambda: self._there(path))

    def _version(self, found: Any) -> str:
        software = self.instance.product.software
        assert software is not None
        version = check_value("version", str(found), "software.version")
        return VersionGraph.from_profile(software.versions).known(version) if software.versions else version

    def _data_version(self, found: Any, version: Finding) -> str:
        software = self.instance.product.software
        assert software is not None
        wanted = software.data_at(str(version.found)) if version.fits else str(found)
        if not same_version(str(found), wanted):
            raise ResourceError("conform-data-version", found=str(found), wanted=wanted)
        return str(found)

    def _drivers(self) -> Iterator[Finding]:
        for driver in self.instance.product.drivers:
            yield self._finding("driver", driver.name, lambda driver=driver: self._driver(driver), driver.label)

    def _driver(self, driver: Driver) -> str:
        return check_value("version", str(self._read(driver.version)), driver.name)

    def _upkeep(self) -> Iterator[Finding]:
        """Whether certificates and jobs can be looked at: a playbook says whether they are to be there."""
        for each in self.instance.product.resources:
            identity = identity_of(each.module, each.arguments, self.instance.id)
            yield self._finding(
                "upkeep",
                ".".join(each.path),
                lambda identity=identity: self.observation.state(identity) is not None,
                each.label,
            )

    def _there(self, path: str) -> str:
        """A folder or a file: reading a file as a folder is an error that says that it is there."""
        named = self._named("directory", {"path": path})
        try:
            if self.observation.state(identity_of("directory", {"path": path}, self.instance.id)) is None:
                raise ResourceError("conform-nothing", resource=named)
        except GuiweiError as error:
            if error.code != "path-kind":
                raise
        return named.partition("path=")[2].rstrip("]")

    def _backup(self) -> Iterator[Finding]:
        backup = self.instance.product.backup
        for path in backup.get("paths", ()):
            yield self._finding("backup", path, lambda path=path: self._there(path))
        for each in backup.get("values", ()):
            identity = identity_of(each["module"], each["with"], self.instance.id)
            name = self._named(each["module"], each["with"]).removeprefix(f"{self.instance.id}/")
            # A value that is not there is one: it is taken away again by a restore.
            yield self._finding("backup", name, lambda identity=identity: self.observation.state(identity))

        for path in (self.instance.product.rehearsal or {}).get("copy", ()):
            yield self._finding("rehearsal", path, lambda path=path: self._there(path))

    def _recovery(self) -> Iterator[Finding]:
        recovery = self.instance.product.recovery
        if recovery is None:
            return
        for name, sign in recovery.signs.items():
            # What is not there may be the sign itself; it must be possible to look.
            yield self._finding("recovery", name, lambda sign=sign: self._seen(sign))
        for path in recovery.settings:
            yield self._finding("recovery", path, lambda path=path: self._there(path))

    def _seen(self, sign: Reading) -> Any:
        if sign.field:
            return self.observation.value(sign, self.instance.id)
        return self.observation.state(reading_id(sign, self.instance.id))

    def _ledger(self) -> Iterator[Finding]:
        ledger = self.instance.product.ledger
        if ledger:
            yield self._finding("ledger", "rows", lambda: _well_formed(self._read(Reading("query", ledger, "rows"))))

    def _checks(self) -> Iterator[Finding]:
        for check in self.instance.product.ready:
            yield self._finding(
                "check", check.name, lambda check=check: self._fields(check.module, check.arguments, check.expect),
                check.label,
            )  # fmt: skip

    def _fields(self, module: str, arguments: Mapping[str, Any], expect: Mapping[str, Any]) -> dict[str, Any]:
        """Whether the values are good is what `verify` tells; here they must be there."""
        state = self.observation.state(reading_id(Reading(module, arguments, ""), self.instance.id))
        found = {path: value_at(state, path) for path in expect if path != PRESENCE}
        if PRESENCE in expect and state is None:
            raise ResourceError("conform-nothing", resource=self._named(module, arguments))
        for path, value in found.items():
            if value is None:
                raise ResourceError("conform-field", field=path, resource=self._named(module, arguments))
        return found


def _well_formed(rows: Any) -> str:
    """Return how many invoices the rows tell of.

    Raises:
        ResourceError: a row lacks what reconciliation needs, or has it in another form.
    """
    count = 0
    for number, row in enumerate(rows, 1):
        wrong = [name for name, good in _row_checks(row).items() if not good]
        if wrong:
            raise ResourceError("conform-row", row=number, column=wrong[0], found=row.get(wrong[0]))
        count += row["count"]
    return f"{len(rows)} / {count}"


def _row_checks(row: Mapping[str, Any]) -> dict[str, bool]:
    return {
        "kind": row.get("kind") in KINDS,
        "month": isinstance(row.get("month"), str) and bool(_MONTH.match(row["month"])),
        "count": type(row.get("count")) is int and row["count"] >= 0,
        **{name: _money(row, name) for name in ("amount", "tax")},
    }


def _money(row: Mapping[str, Any], name: str) -> bool:
    """Fen as a whole number, or yuan as decimal text; a float has lost something already."""
    if type(row.get(f"{name}_fen")) is int:
        return True
    return isinstance(row.get(name), str) and bool(re.fullmatch(r"-?[0-9]+(\.[0-9]{1,2})?", row[name]))
