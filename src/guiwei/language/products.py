"""Product profiles: from YAML, checked against their schema, to `Product`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from guiwei.errors import InputError, ResourceError
from guiwei.language._device_schema import device_of
from guiwei.language._product_care import care_of
from guiwei.language._product_schema import PRODUCT_SCHEMA
from guiwei.language._product_upkeep import released_of, upkeep_of
from guiwei.language._recovery_schema import drivers_of, recovery_of
from guiwei.language.source import Source, load
from guiwei.model.product import (
    Action,
    Busy,
    Check,
    Definition,
    InstanceField,
    Issue,
    Parameter,
    Product,
    Reading,
    Software,
    Told,
)
from guiwei.target.contract import fields_of, find_type

__all__ = ["PRODUCT_SCHEMA", "find_product", "load_product"]


def find_product(name: str, folders: list[Path]) -> Path:
    """Return the profile's file, looking beside the playbook first and then among guiwei's own.

    Raises:
        InputError: there is none (`product-unknown`).
    """
    for folder in folders:
        path = folder / f"{name}.yml"
        if path.is_file():
            return path
    known = sorted({path.stem for folder in folders if folder.is_dir() for path in folder.glob("*.yml")})
    raise InputError("product-unknown", product=name, known=", ".join(known))


def load_product(path: Path) -> Product:
    """Return the profile in a file.

    Raises:
        InputError: it is not one; with the place of the first thing that is wrong.
    """
    source = load(path)
    _check_schema(source)
    data = source.data
    _check_readings(source, data, ())
    verify = data.get("verify", {})
    return Product(
        name=data["product"],
        title=data["title"],
        verified=data.get("verified", False),
        instance_id=data["instance"]["id"],
        fields=tuple(
            InstanceField(name, entry["type"], entry.get("required", False), entry.get("label", _named(name)))
            for name, entry in data["instance"]["fields"].items()
        ),
        definitions=tuple(_definition(entry) for entry in data.get("define", ())),
        present=_reading(data.get("present")),
        device=_reading(data.get("device")),
        usb=device_of(data.get("device_usb")),
        parameters=tuple(_parameter(name, entry) for name, entry in data["parameters"].items()),
        service=data["service"]["with"] if "service" in data else None,
        software=_software(source, data["software"]) if "software" in data else None,
        backup=data.get("backup", {}),
        ledger=data.get("ledger"),
        ready=tuple(
            Check(name, entry["module"], entry["with"], entry["expect"], entry.get("label", _named(name)))
            for name, entry in verify.get("ready", {}).items()
        ),
        issue=_issue(verify.get("issue")),
        place=source.place(()),
        drivers=drivers_of(data.get("drivers", {}), _reading),
        recovery=recovery_of(data.get("recovery"), _action),
        busy=_busy(data.get("busy")),
        **care_of(data),
        **upkeep_of(data),
    )


def _check_schema(source: Source) -> None:
    from jsonschema import Draft202012Validator

    problems = sorted(Draft202012Validator(PRODUCT_SCHEMA).iter_errors(source.data), key=lambda p: list(p.path))
    if problems:
        first = problems[0]
        raise InputError("product-invalid", source.place(tuple(first.path)), detail=first.message)


def _check_readings(source: Source, value: Any, path: tuple[str | int, ...]) -> None:
    """Every `module` with its `with` must be a resource type and its key and option fields."""
    for name, item in _items(value):
        _check_readings(source, item, (*path, name))
    if isinstance(value, Mapping) and isinstance(value.get("module"), str) and isinstance(value.get("with"), Mapping):
        try:
            specs = {spec.name: spec for spec in fields_of(find_type(value["module"]))}
        except ResourceError as error:
            raise InputError(error.code, source.place((*path, "module")), **error.arguments) from error
        for name in value["with"]:
            if name not in specs or specs[name].role not in ("key", "option"):
                raise InputError(
                    "product-argument", source.place((*path, "with", name)), module=value["module"], argument=name
                )


def _items(value: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(value, Mapping):
        yield from value.items()
    elif isinstance(value, list):
        yield from enumerate(value)


def _named(name: str) -> dict[str, str]:
    return {"en": name.replace("_", " "), "zh": name}


def _reading(entry: Mapping[str, Any] | None) -> Reading | None:
    if not entry or "module" not in entry:
        return None
    return Reading(entry["module"], entry["with"], entry["field"], entry.get("stored"))


def _action(entry: Mapping[str, Any] | None) -> Action | None:
    if not entry:
        return None
    given, tries = entry.get("given", ()), entry.get("tries")
    return Action(
        argv=tuple(entry["argv"]),
        given=(given,) if isinstance(given, str) else tuple(given),
        timeout=float(entry.get("timeout", 60)),
        tries=_reading(tries) if isinstance(tries, Mapping) else tries,
        full=entry.get("full"),
    )


def _busy(entry: Mapping[str, Any] | None) -> Busy | None:
    reading = _reading(entry)
    if entry is None or reading is None:
        return None
    stop = entry.get("stop")
    label = entry.get("label", {"en": "somebody is working with it", "zh": "正在使用"})
    return Busy(reading, entry.get("value", True), label, tuple(stop) if stop else None)


def _definition(entry: Mapping[str, Any]) -> Definition:
    return Definition(entry["name"], entry.get("text"), _reading(entry), entry.get("default"))


def _parameter(name: str, entry: Mapping[str, Any]) -> Parameter:
    copies = (_reading(copy) for copy in entry.get("copies", ()))
    return Parameter(
        name=name,
        path=tuple(entry["path"].split(".")),
        type=entry["type"],
        kind=entry["kind"],
        label=entry["label"],
        reading=_reading(entry),
        copies=tuple(copy for copy in copies if copy),
        device=entry.get("device"),
        device_stored=entry.get("device_stored"),
        identity=entry.get("identity"),
        restart=entry.get("restart", True),
        risk=entry.get("risk", "ordinary"),
        write=_action(entry.get("write")),
        when_true=entry.get("when_true"),
        at_least=entry.get("compare") == "at_least",
    )


def _software(source: Source, entry: Mapping[str, Any]) -> Software:
    activation = entry.get("activation")
    version = _reading(entry["version"])
    assert version
    return Software(
        version=version,
        data_version=_reading(entry.get("data_version")),
        package=entry.get("package"),
        source=entry.get("source", ""),
        versions=entry.get("versions", {}),
        activation=_reading(activation),
        active=activation["good"] if activation else None,
        activate=_action(activation["write"]) if activation else None,
        place=source.key_place(("software",)),
        released=released_of(entry),
    )


def _issue(entry: Mapping[str, Any] | None) -> Issue | None:
    if not entry:
        return None
    issue, void = _action(entry["issue"]), _action(entry["void"])
    assert issue
    assert void
    answer = {
        name: Told(told) if isinstance(told, str) else Told(told["field"], told.get("stored"))
        for name, told in entry["answer"].items()
    }
    return Issue(_action(entry.get("login")), issue, void, answer)
