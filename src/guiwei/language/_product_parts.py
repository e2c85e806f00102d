"""Parts of a product profile around its parameters: recovery, drivers, rehearsal, tax devices, report dates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from guiwei.errors import InputError, ResourceError
from guiwei.invoicing.devices import DEVICE_KINDS
from guiwei.invoicing.diagnosis import SIGNS
from guiwei.invoicing.parameters import check_value
from guiwei.language._words import closest
from guiwei.language.source import Source
from guiwei.target.contract import FORMS, find_type

__all__ = ["part_problems"]

#: Operators whose operand is a sign itself.
_OF_SIGNS = ("older_than", "before", "differs_from")
_normal = FORMS["version"]

Path = tuple[str | int, ...]


def part_problems(source: Source) -> Iterator[InputError]:
    """Yield what is wrong with these parts, beyond their readings and references."""
    data: Mapping[str, Any] = source.data
    yield from _recovery(source, data.get("recovery", {}))
    for name, entry in data.get("drivers", {}).items():
        yield from _driver_versions(source, entry["versions"], ("drivers", name, "versions"))
    for number, entry in enumerate(data.get("rehearsal", {}).get("settings", ())):
        if not _is_lens(entry["module"]):
            path = ("rehearsal", "settings", number, "module")
            yield InputError("product-not-written", source.place(path), module=entry["module"])
    yield from _needs(source, data)
    yield from _kinds(source, data.get("device_usb", {}))


# Recovery


def _recovery(source: Source, recovery: Mapping[str, Any]) -> Iterator[InputError]:
    signs = recovery.get("signs", {})
    for name in signs:
        if name in SIGNS:
            yield InputError("product-sign-taken", source.key_place(("recovery", "signs", name)), sign=name)
    known = {*signs, *SIGNS}
    for cause, told in recovery.get("causes", {}).items():
        path: Path = ("recovery", "causes", cause)
        if isinstance(told, list):
            for number, rule in enumerate(told):
                yield from _rule(source, rule, (*path, number), known)
        else:
            yield from _rule(source, told, path, known)


def _rule(source: Source, rule: Mapping[str, Any], path: Path, known: set[str]) -> Iterator[InputError]:
    for sign, wanted in rule["if"].items():
        where = (*path, "if", sign)
        yield from _sign(source, sign, where, known, key=True)
        for operator in _OF_SIGNS if isinstance(wanted, Mapping) else ():
            if operator in wanted:
                yield from _sign(source, str(wanted[operator]), (*where, operator), known)
    for name, sign in rule.get("evidence", {}).items():
        yield from _sign(source, sign, (*path, "evidence", name), known)


def _sign(source: Source, sign: str, path: Path, known: set[str], key: bool = False) -> Iterator[InputError]:
    """What is seen is named first; below `errors` stands a sign again, below `instance` what the inventory says."""
    head, _, below = sign.partition(".")
    place = source.key_place(path) if key else source.place(path)
    if head not in known:
        yield InputError("product-sign", place, sign=head, near=closest(head, sorted(known)))
    elif head == "errors" and below not in known:
        yield InputError("product-sign", place, sign=below, near=closest(below, sorted(known)))
    elif head == "instance" and below.partition(".")[0] not in (names := _instance_names(source.data)):
        yield InputError("product-reference", place, reference=sign, near=closest(below, names))


def _instance_names(data: Mapping[str, Any]) -> list[str]:
    defined = [entry["name"].partition(".") for entry in data.get("define", ())]
    return ["id", *data["instance"]["fields"], *(name for scope, _, name in defined if scope == "instance")]


# The rest


def _driver_versions(source: Source, versions: list[Any], path: Path) -> Iterator[InputError]:
    seen: dict[str, str] = {}
    for number, version in enumerate(versions):
        place = source.place((*path, number))
        try:
            check_value("version", version, "version")
        except InputError as error:
            yield InputError(error.code, place, **error.arguments)
            continue
        if _normal(version) in seen:
            yield InputError("product-version-twice", place, version=version, other=seen[_normal(version)])
        seen[_normal(version)] = version


def _needs(source: Source, data: Mapping[str, Any]) -> Iterator[InputError]:
    """A part that rests on another one, which is not there."""
    wanted: list[tuple[Path, str]] = []
    if data.get("filing"):
        wanted.append((("filing",), "device"))
    if "rehearsal" in data:
        wanted += [(("rehearsal",), "service"), (("rehearsal",), "software")]
    if "stop" in data.get("busy", {}):
        wanted.append((("busy", "stop"), "service"))
    for name, entry in data["parameters"].items():
        if isinstance(entry.get("write", {}).get("tries"), str):
            wanted.append((("parameters", name, "write", "tries"), "device"))
    if isinstance(data.get("verify", {}).get("issue", {}).get("login", {}).get("tries"), str):
        wanted.append((("verify", "issue", "login", "tries"), "device"))
    for path, part in wanted:
        if part not in data:
            yield InputError("product-part-needs", source.key_place(path), part=str(path[-1]), needed=part)


def _kinds(source: Source, usb: Mapping[str, Any]) -> Iterator[InputError]:
    """A kind that no device is of would refuse every disk that is plugged in."""
    known = {*DEVICE_KINDS, *(entry["kind"] for entry in usb.get("devices", ()))}
    for number, kind in enumerate(usb.get("kinds", ())):
        if kind not in known:
            place = source.place(("device_usb", "kinds", number))
            yield InputError("product-device-kind", place, kind=kind, known=", ".join(sorted(known)))


def _is_lens(module: str) -> bool:
    try:
        return find_type(module).kind == "lens"
    except ResourceError:
        # Said where the type is looked at.
        return True
