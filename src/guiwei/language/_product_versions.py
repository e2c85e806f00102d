"""The version graph of a product profile: every version can be reached, and there is what an upgrade needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from guiwei.errors import InputError
from guiwei.invoicing.parameters import check_value
from guiwei.language.source import Source
from guiwei.target.contract import FORMS

__all__ = ["version_problems"]

_normal = FORMS["version"]


def version_problems(source: Source) -> Iterator[InputError]:
    """Yield what is wrong with the profile's versions and what lies around them."""
    software: Mapping[str, Any] = source.data.get("software", {})
    versions: Mapping[str, Mapping[str, Any]] = software.get("versions", {})
    spelled: dict[str, str] = {}
    for version, entry in versions.items():
        path = ("software", "versions", version)
        try:
            check_value("version", version, "version")
        except InputError as error:
            yield InputError(error.code, source.key_place(path), **error.arguments)
        if _normal(version) in spelled:
            other = spelled[_normal(version)]
            yield InputError("product-version-twice", source.key_place(path), version=version, other=other)
        spelled[_normal(version)] = version
        if entry.get("reactivate") and "activation" not in software:
            yield InputError("product-no-activation", source.key_place((*path, "reactivate")), version=version)
    yield from _edges(source, versions, spelled)
    if any(entry.get("from") for entry in versions.values()):
        yield from _needs(source, software)


def _edges(
    source: Source, versions: Mapping[str, Mapping[str, Any]], spelled: Mapping[str, str]
) -> Iterator[InputError]:
    before: dict[str, list[str]] = {version: [] for version in spelled}
    for version, entry in versions.items():
        for number, name in enumerate(entry.get("from", ())):
            if _normal(name) not in spelled:
                place = source.place(("software", "versions", version, "from", number))
                yield InputError("product-version-unknown", place, version=name, known=", ".join(versions))
            else:
                before[_normal(version)].append(_normal(name))
    for version, sources in before.items():
        place = source.key_place(("software", "versions", spelled[version]))
        if version in _ancestors(version, before):
            yield InputError("product-version-cycle", place, version=spelled[version])
        alone = not sources and not any(version in others for others in before.values())
        if alone and len(before) > 1:
            yield InputError("product-version-alone", place, version=spelled[version])


def _ancestors(version: str, before: Mapping[str, list[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(before[version])
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += before[one]
    return found


def _needs(source: Source, software: Mapping[str, Any]) -> Iterator[InputError]:
    """An upgrade stops the client, backs it up, puts a package in place, starts it."""
    needs = {"service": source.data, "backup": source.data, "package": software, "source": software}
    for part, holder in needs.items():
        if part not in holder:
            yield InputError("product-upgrade-needs", source.key_place(("software", "versions")), part=part)
