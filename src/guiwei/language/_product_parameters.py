"""Parameters of a product profile: each has one place in `state:`, a place on the PC, and values that can be told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from guiwei.errors import InputError, ResourceError
from guiwei.invoicing.parameters import check_value
from guiwei.language.source import Source
from guiwei.target.contract import find_type

__all__ = ["parameter_problems"]

_RESERVED = ("software.version", "software.running")
#: Types whose values are numbers; others keep their leading zeros, which a number would lose.
_NUMBERS = ("integer", "machine", "amount", "limit")


def parameter_problems(source: Source) -> Iterator[InputError]:
    """Yield what is wrong with the profile's parameters."""
    parameters: Mapping[str, Mapping[str, Any]] = source.data["parameters"]
    paths: dict[str, str] = {}
    for name, entry in parameters.items():
        path = entry["path"]
        twice = next((each for each in (*paths, *_RESERVED) if _collide(path, each)), None)
        if twice is not None:
            place = source.place(("parameters", name, "path"))
            yield InputError("product-path-twice", place, path=path, other=paths.get(twice, twice))
        paths[path] = name
        yield from _Parameter(source, name, entry).problems()


def _collide(one: str, other: str) -> bool:
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")


class _Parameter:
    def __init__(self, source: Source, name: str, entry: Mapping[str, Any]) -> None:
        self._source = source
        self._name = name
        self._entry = entry

    def problems(self) -> Iterator[InputError]:
        """Yield what is wrong with this one."""
        yield from self._kept()
        yield from self._identity()
        yield from self._stored("stored")
        yield from self._stored("device_stored")
        for number in range(len(self._entry.get("copies", ()))):
            yield from self._stored("copies", number, "stored")

    def _wrong(self, code: str, *path: str | int, **arguments: Any) -> InputError:
        whole = ("parameters", self._name, *path)
        place = self._source.key_place(whole) if not path else self._source.place(whole)
        return InputError(code, place, parameter=self._name, **arguments)

    def _kept(self) -> Iterator[InputError]:
        """Each kind needs the places that it is compared with."""
        entry, kind = self._entry, self._entry["kind"]
        reads, asks = "module" in entry, "device" in entry
        if asks and "device" not in self._source.data:
            yield self._wrong("product-no-device", "device")
        if reads and not ("with" in entry and "field" in entry):
            yield self._wrong("product-reading", "module")
        needed = {"settable": reads, "mirrored": reads and asks, "asserted": reads or asks}
        if not needed[kind]:
            yield self._wrong(f"product-nowhere-{kind}")
        if kind == "asserted" and ("copies" in entry or "write" in entry):
            yield self._wrong("product-asserted", "copies" if "copies" in entry else "write")
        if "write" in entry and not reads:
            yield self._wrong("product-unproved", "write")
        if kind == "asserted" or "write" in entry:
            return
        for path, reading in (((), entry), *((("copies", n), copy) for n, copy in enumerate(entry.get("copies", ())))):
            if reading.get("module") and not _is_lens(reading["module"]):
                yield self._wrong("product-not-written", *path, "module", module=reading["module"])

    def _identity(self) -> Iterator[InputError]:
        fields, name = self._source.data["instance"]["fields"], self._entry.get("identity")
        if name is None:
            return
        if name not in fields:
            yield self._wrong("product-identity", "identity", field=name, known=", ".join(fields))
        elif fields[name]["type"] != self._entry["type"]:
            given = {"type": self._entry["type"], "other": fields[name]["type"]}
            yield self._wrong("product-identity-type", "identity", field=name, **given)

    def _stored(self, *path: str | int) -> Iterator[InputError]:
        """What is written must be what is read again: numbers of numbers, each part of a map once."""
        stored: Any = self._entry
        for part in path:
            stored = stored.get(part) if isinstance(stored, Mapping) else stored[part]
        if stored is None:
            return
        type_name, mapped = self._entry["type"], stored.get("map", {})
        number = stored.get("as") == "number" or "scale" in stored
        if number and not mapped and type_name not in _NUMBERS:
            yield self._wrong("product-stored-number", *path, type=type_name)
        if len({str(kept) for kept in mapped.values()}) < len(mapped):
            yield self._wrong("product-stored-twice", *path)
        for value in mapped:
            try:
                form = check_value(type_name, value, self._name)
            except InputError as error:
                yield InputError(error.code, self._source.key_place(("parameters", self._name, *path, "map", value)),
                                 **error.arguments)  # fmt: skip
                continue
            if form != value:
                yield self._wrong("product-stored-form", *path, "map", value, value=value, form=form)


def _is_lens(module: str) -> bool:
    try:
        return find_type(module).kind == "lens"
    except ResourceError:
        # Said where the type is looked at.
        return True
