"""What `state:` says below `authentication`, `endpoints` and `maintenance`, checked before any host is touched."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from guiwei.cli._inputs import Inputs
from guiwei.engine.work import InstanceWork, Wanted
from guiwei.errors import InputError, Place
from guiwei.invoicing.devices import DEVICE_KINDS, FAMILIES, DeviceRow, tax_devices
from guiwei.invoicing.parameters import check_value
from guiwei.language.compile import declare_state
from guiwei.language.template import LATE, is_template, references
from guiwei.model.inventory import Host
from guiwei.model.playbook import Declaration, Play, Task
from guiwei.model.product import Endpoint, Product, StateResource
from guiwei.target.contract import fields_of, find_type

__all__ = ["check_upkeep", "known_upkeep", "with_addresses", "with_upkeep"]

_AGES = ("maintenance.version_age", "maintenance.driver_age", "maintenance.audit")
_ENDPOINT_WORDS = ("address", "addresses", "reachable", "tries", "loss", "latency")


def known_upkeep(product: Product) -> tuple[set[str], set[str]]:
    """Return the dotted paths that the product knows: all of them, and those below which nothing is looked at here."""
    whole = {".".join(resource.path) for resource in product.resources}
    whole |= {f"endpoints.{endpoint.name}.addresses" for endpoint in product.endpoints}
    known = {f"endpoints.{each.name}.{word}" for each in product.endpoints for word in _ENDPOINT_WORDS}
    known.add(_AGES[2])
    if product.software is not None and product.software.released:
        known.add(_AGES[0])
    if any(driver.released for driver in product.drivers):
        known.add(_AGES[1])
    return known | whole, whole


# Values


def check_upkeep(path: str, leaf: Wanted, product: Product) -> bool:
    """Check one leaf as far as it is a literal; False if it is none of these.

    Raises:
        InputError: it is not what it must be.
    """
    if path in _AGES:
        _check_number(path, leaf, least=1)
        return True
    if any(path == ".".join(resource.path) for resource in product.resources):
        # Its fields are checked with the others of the resource.
        return True
    section, _, rest = path.partition(".")
    if section != "endpoints":
        return False
    word = rest.partition(".")[2]
    if word == "reachable" and leaf.value is not True:
        raise InputError("endpoint-reachable", leaf.place, path=path)
    if word == "tries" and not (_is_number(leaf.value) and isinstance(leaf.value, int) and 1 <= leaf.value <= 100):
        raise InputError("endpoint-tries", leaf.place, path=path, value=str(leaf.value))
    if word == "loss":
        _check_number(path, leaf, least=0, most=1)
    if word == "latency":
        _check_number(path, leaf, least=1)
    if word == "address" and not is_template(leaf.value):
        check_value("url", leaf.value, path, leaf.place)
    if word == "addresses":
        _check_table(path, leaf)
    return True


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _check_number(path: str, leaf: Wanted, least: float, most: float | None = None) -> None:
    value = leaf.value
    if isinstance(value, str) and is_template(value):
        return
    if not _is_number(value):
        raise InputError("value-number", leaf.place, parameter=path, value=str(value))
    if value < least or (most is not None and value > most):
        limits = f"≥ {least:g}" if most is None else f"{least:g} … {most:g}"
        raise InputError("value-limits", leaf.place, parameter=path, value=str(value), limits=limits)


def _check_table(path: str, leaf: Wanted) -> None:
    if isinstance(leaf.value, str) and is_template(leaf.value):
        return
    if not isinstance(leaf.value, Mapping) or not leaf.value:
        raise InputError("endpoint-table", leaf.place, path=path)
    families = {*FAMILIES.values(), *DEVICE_KINDS, "default"}
    for province, told in leaf.value.items():
        if province != "default" and not (str(province).isdigit() and len(str(province)) == 2):
            raise InputError("endpoint-province", leaf.place, path=path, province=str(province))
        for family, address in told.items() if isinstance(told, Mapping) else [("default", told)]:
            if family not in families:
                known = ", ".join(sorted(families))
                raise InputError("endpoint-family", leaf.place, path=path, family=str(family), known=known)
            if not (isinstance(address, str) and is_template(address)):
                check_value("url", address, f"{path}.{province}", leaf.place)


# Addresses


def with_addresses(wanted: Mapping[str, Wanted], product: Product) -> dict[str, Wanted]:
    """Return what is wanted with each endpoint's address as the value of the parameter that holds it.

    Raises:
        InputError: it is said twice, or no parameter holds it.
    """
    found = dict(wanted)
    for endpoint in product.endpoints:
        head = f"endpoints.{endpoint.name}"
        said = [leaf for word in ("address", "addresses") if (leaf := wanted.get(f"{head}.{word}")) is not None]
        own = wanted.get(endpoint.parameter or "")
        if not said:
            continue
        if endpoint.parameter is None:
            raise InputError("endpoint-no-parameter", said[0].place, endpoint=endpoint.name, product=product.name)
        if len(said) > 1 or own is not None:
            other = (said[1] if len(said) > 1 else own) or said[0]
            raise InputError("endpoint-address-twice", said[0].place, endpoint=endpoint.name, other=str(other.place))
        leaf = said[0]
        if f"{head}.addresses" in wanted:
            leaf = replace(leaf, render=_Chosen(leaf, endpoint, product))
        found[endpoint.parameter] = leaf
    return found


class _Chosen:
    """Renders a table of addresses to the one of the instance's province and the plugged device's family."""

    def __init__(self, leaf: Wanted, endpoint: Endpoint, product: Product) -> None:
        self._leaf = leaf
        self._endpoint = endpoint
        self._product = product

    def __call__(self, value: Any, context: Mapping[str, Any], place: Place | None) -> Any:
        told = self.of_province(context)
        if not isinstance(told, Mapping):
            return told
        kinds = self._kinds(context)
        for kind in kinds:
            for family in (kind, FAMILIES.get(kind)):
                if family in told:
                    return told[family]
        if "default" in told:
            return told["default"]
        raise InputError(
            "endpoint-no-family",
            place,
            endpoint=self._endpoint.name,
            kind=", ".join(kinds) or "?",
            known=", ".join(told),
        )

    def of_province(self, context: Mapping[str, Any]) -> Any:
        """Return the province's address, or its addresses by family."""
        table = self._leaf.rendered(context)
        if not isinstance(table, Mapping):
            raise InputError("endpoint-table", self._leaf.place, path=f"endpoints.{self._endpoint.name}.addresses")
        code = str(context["instance"].get(self._endpoint.province or "", ""))[:2]
        # A province that is written without quotes is a number.
        told = {str(province): item for province, item in table.items()}
        if code in told or "default" in told:
            return told.get(code, told.get("default"))
        known = ", ".join(told)
        raise InputError(
            "endpoint-no-province", self._leaf.place, endpoint=self._endpoint.name, province=code, known=known
        )

    def _kinds(self, context: Mapping[str, Any]) -> list[str]:
        """The kinds that are plugged in; where none is seen, the one that the client works with, if it is one."""
        usb = self._product.usb
        also = [DeviceRow(**row) for row in usb.also] if usb else []
        works_with = usb.kinds if usb else ()
        seen = [device.kind for device in tax_devices(context.get("facts", {}).get("usb") or (), also)]
        fitting = [kind for kind in seen if kind in works_with]
        return fitting or seen or (list(works_with) if len(works_with) == 1 else [])


def _servers(instance: InstanceWork) -> dict[str, tuple[str, ...]]:
    """Every address at which an endpoint may be wanted, before the host is looked at."""
    found = {}
    for endpoint in instance.product.endpoints:
        leaf = instance.wanted.get(endpoint.parameter or "")
        if leaf is None or not any(path.startswith(f"endpoints.{endpoint.name}.") for path in instance.wanted):
            continue
        late = {name.partition(".")[0] for name in references(leaf.value)} & set(LATE) - {"instance"}
        if late:
            raise InputError("endpoint-late", leaf.place, endpoint=endpoint.name, name=sorted(late)[0])
        context = {"instance": instance.values, "facts": {}}
        told = leaf.render.of_province(context) if isinstance(leaf.render, _Chosen) else leaf.rendered(context)
        addresses: Iterable[Any] = told.values() if isinstance(told, Mapping) else (told,)
        name = str(endpoint.parameter)
        found[endpoint.name] = tuple(dict.fromkeys(check_value("url", each, name, leaf.place) for each in addresses))
    return found


# Resources


def with_upkeep(instance: InstanceWork, host: Host, play: Play, inputs: Inputs) -> InstanceWork:
    """Return an instance with its servers and with what `state:` says of the profile's resources.

    Raises:
        InputError: a resource has no such field, or a wrong one.
    """
    resources = []
    for resource in instance.product.resources:
        leaf = instance.wanted.get(".".join(resource.path))
        if leaf is not None:
            resources.append((resource, _declared(resource, leaf, instance, host, play, inputs)))
    instance = replace(instance, wanted=_of_policies(instance, play))
    return replace(instance, resources=tuple(resources), servers=_servers(instance))


def _of_policies(instance: InstanceWork, play: Play) -> dict[str, Wanted]:
    """Which policy decides a table's address is a matter of the instance's province."""
    wanted = dict(instance.wanted)
    for endpoint in instance.product.endpoints:
        path = ("endpoints", endpoint.name, "addresses")
        leaf = wanted.get(".".join(path))
        if leaf is None or not isinstance(leaf.value, Mapping):
            continue
        code = str(instance.values.get(endpoint.province or "", ""))[:2]
        where = ("state", *path, code if code in map(str, leaf.value) else "default")
        ruled = next((at for at in play.ruled if tuple(map(str, at[: len(where)])) == where), None)
        if ruled is not None:
            policy, place = play.ruled[ruled], play.places.get(ruled, leaf.place)
            for name in (".".join(path), str(endpoint.parameter)):
                wanted[name] = replace(wanted[name], policy=policy, origin="policy", place=place)
    return wanted


def _declared(
    resource: StateResource, leaf: Wanted, instance: InstanceWork, host: Host, play: Play, inputs: Inputs
) -> Declaration:
    given = leaf.value
    if not isinstance(given, Mapping):
        if resource.meant is None:
            raise InputError("state-not-mapping", leaf.place, path=".".join(resource.path))
        given = {resource.meant: given}
    known = [spec.name for spec in fields_of(find_type(resource.module)) if spec.role in ("value", "supply")]
    head = ("state", *resource.path)
    for name in given:
        if name not in known:
            place = play.places.get((*head, name), leaf.place)
            path = ".".join((*resource.path, str(name)))
            raise InputError("state-unknown", place, path=path, product=instance.product.name, near=", ".join(known))
    place = leaf.place or play.place
    task = Task(
        name=resource.label["en"],
        module=resource.module,
        arguments={**resource.arguments, **resource.values, **given},
        place=place,
        places=dict(_places(resource, given, play, place)),
    )
    declaration = declare_state(play, host, task, instance.id, extra=inputs.extra, groups=inputs.groups)
    policies = {name: play.ruled.get((*head, name)) or play.ruled.get(head) for name in given}
    own = {name: (policy, task.places[resource.module, name]) for name, policy in policies.items() if policy}
    return replace(declaration, ruled={**declaration.ruled, **_into(resource, own)})


def _into(resource: StateResource, own: Mapping[str, tuple[str, Place]]) -> dict[str, tuple[str, Place]]:
    """What a supply says is said of the field that it becomes, and of all that follows from it."""
    specs = {spec.name: spec for spec in fields_of(find_type(resource.module))}
    found = {specs[name].into or name: told for name, told in own.items()}
    if any(specs[name].role == "supply" for name in own):
        follows = (spec.name for spec in specs.values() if spec.role == "value" and spec.compared)
        found = {**dict.fromkeys(follows, next(iter(own.values()))), **found}
    return found


def _places(
    resource: StateResource, given: Mapping[str, Any], play: Play, place: Place
) -> Iterator[tuple[tuple[str | int, ...], Place]]:
    yield (), place
    for name in given:
        yield (resource.module, name), play.places.get(("state", *resource.path, name), place)
