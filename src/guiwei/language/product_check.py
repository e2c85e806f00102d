"""Everything that can be known to be wrong with a product profile without a PC: all of it, each at its place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from guiwei.errors import InputError, Place, ResourceError
from guiwei.language._arguments import check_arguments, module_names, type_of
from guiwei.language._product_parameters import parameter_problems
from guiwei.language._product_parts import part_problems
from guiwei.language._product_references import reference_problems
from guiwei.language._product_schema import PRODUCT_SCHEMA
from guiwei.language._product_upkeep import upkeep_problems
from guiwei.language._product_versions import version_problems
from guiwei.language._words import closest
from guiwei.language.source import Source, load
from guiwei.target.contract import PRESENCE, fields_of, find_type

__all__ = ["check_product"]

Path_ = tuple[str | int, ...]

#: What an issue's answer must tell, or nothing could be recorded and reconciled.
_TOLD = ("number", "kind", "issued", "amount", "tax")
_CHINESE = re.compile("[\u3400-\u9fff]")


def check_product(path: Path) -> list[InputError]:
    """Return everything that is wrong with a profile, in the order of the file; empty if it is sound.

    Beyond the schema: every reading is a real resource type with real fields, every reference is defined before it is
    used, every parameter is kept somewhere, every version can be reached, every label is there in both languages.
    """
    try:
        source = load(path)
    except InputError as error:
        return [error]
    problems = list(_schema_problems(source))
    if not problems:
        problems = list(_Profile(source).problems())
    unique = {(error.code, error.place, str(error.arguments)): error for error in problems}
    return sorted(unique.values(), key=lambda error: error.place or Place("", 0, 0))


def _schema_problems(source: Source) -> Iterator[InputError]:
    from jsonschema import Draft202012Validator

    for problem in Draft202012Validator(PRODUCT_SCHEMA).iter_errors(source.data):
        path: Path_ = tuple(problem.absolute_path)
        if problem.validator == "additionalProperties" and isinstance(problem.instance, Mapping):
            known = problem.schema.get("properties", {})
            for name in problem.instance:
                if name not in known:
                    yield InputError(
                        "product-word", source.key_place((*path, name)), word=name, near=closest(name, known)
                    )
        else:
            yield InputError("product-invalid", source.place(path), detail=problem.message)


class _Profile:
    """A profile that fits the schema, looked at part by part."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._data: Mapping[str, Any] = source.data

    def problems(self) -> Iterator[InputError]:
        """Yield what is wrong, part by part."""
        yield from self._values(self._data, ())
        yield from self._whole_arguments()
        yield from reference_problems(self._source)
        yield from parameter_problems(self._source)
        yield from version_problems(self._source)
        yield from part_problems(self._source)
        yield from upkeep_problems(self._source)
        yield from self._labels()
        yield from self._issue()

    # Resources

    def _values(self, value: Any, path: Path_) -> Iterator[InputError]:
        """Walk everything: each mapping with `module` and `with` is a reading, a check or a value of a backup."""
        if isinstance(value, Mapping):
            if isinstance(value.get("module"), str) and isinstance(value.get("with"), Mapping):
                yield from self._resource(value, path)
            for name, item in value.items():
                # What a resource is given may have any words of its own in it.
                if name != "with":
                    yield from self._values(item, (*path, name))
        elif isinstance(value, list):
            for number, item in enumerate(value):
                yield from self._values(item, (*path, number))

    def _resource(self, value: Mapping[str, Any], path: Path_) -> Iterator[InputError]:
        module = value["module"]
        try:
            cls = find_type(module)
        except ResourceError:
            near = closest(module, module_names())
            yield InputError("product-module", self._source.place((*path, "module")), module=module, near=near)
            return
        yield from self._arguments(module, value["with"], (*path, "with"))
        if cls.kind == "action":
            yield InputError("product-action", self._source.place((*path, "module")), module=module)
        if path[:2] == ("backup", "values") and cls.kind != "lens":
            yield InputError("product-not-written", self._source.place((*path, "module")), module=module)
        named: list[tuple[Path_, str]] = [(("expect", name), name) for name in value.get("expect", {})]
        if isinstance(value.get("field"), str):
            named.append((("field",), value["field"]))
        for where, dotted in named:
            if not _readable(module, dotted):
                known = ", ".join(_value_fields(module))
                place = self._source.key_place((*path, *where))
                yield InputError("product-field", place, module=module, field=dotted, known=known)

    def _arguments(self, module: str, arguments: Mapping[str, Any], path: Path_) -> Iterator[InputError]:
        roles = {spec.name: spec.role for spec in fields_of(find_type(module))}
        for name in arguments:
            if roles.get(name) in ("value", "supply"):
                place = self._source.key_place((*path, name))
                yield InputError("product-argument", place, module=module, argument=name)
        yield from check_arguments(
            module,
            {name: item for name, item in arguments.items() if roles.get(name) not in ("value", "supply")},
            lambda below: self._source.place((*path, *below)),
            key_place_of=lambda below: self._source.key_place((*path, *below)),
        )

    def _whole_arguments(self) -> Iterator[InputError]:
        """Parts that are one resource's arguments without saying so."""
        if "ledger" in self._data:
            yield from self._arguments("query", self._data["ledger"], ("ledger",))
        package = self._software.get("package")
        if package is not None:
            yield from self._arguments("package", package, ("software", "package"))
        for name, driver in self._data.get("drivers", {}).items():
            yield from self._arguments("package", driver["package"], ("drivers", name, "package"))
        people = self._data.get("support", {}).get("people")
        if people is not None:
            yield from self._arguments("query", people, ("support", "people"))

    @cached_property
    def _software(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._data.get("software", {})
        return found

    # Words for people

    def _labels(self) -> Iterator[InputError]:
        wanted: list[Path_] = [("title",)]
        wanted += [("instance", "fields", name, "label") for name in self._data["instance"]["fields"]]
        for section in ("parameters", "authentication", "endpoints", "maintenance"):
            wanted += [(section, name, "label") for name in self._data.get(section, {})]
        wanted += [("verify", "ready", name, "label") for name in self._data.get("verify", {}).get("ready", {})]
        wanted += [("drivers", name, "label") for name in self._data.get("drivers", {})]
        wanted += [("busy", "label")] if "label" in self._data.get("busy", {}) else []
        for path in wanted:
            label = self._at(path)
            if label is None:
                yield InputError("product-label-missing", self._source.key_place(path[:-1]), name=str(path[-2]))
            elif not _CHINESE.search(label["zh"]) or _CHINESE.search(label["en"]):
                yield InputError("product-label-language", self._source.place(path), en=label["en"], zh=label["zh"])

    def _at(self, path: Path_) -> Any:
        found: Any = self._data
        for part in path:
            found = found.get(part) if isinstance(found, Mapping) else None
        return found

    # Verification

    def _issue(self) -> Iterator[InputError]:
        issue = self._data.get("verify", {}).get("issue")
        if issue is None:
            return
        place = self._source.key_place(("verify", "issue", "answer"))
        for name in _TOLD:
            if name not in issue["answer"]:
                yield InputError("product-answer", place, name=name)
        if not any("{number}" in word for word in issue["void"]["argv"]):
            yield InputError("product-void", self._source.key_place(("verify", "issue", "void")))


def _value_fields(module: str) -> list[str]:
    return [spec.name for spec in fields_of(find_type(module)) if spec.role == "value"]


def _readable(module: str, dotted: str) -> bool:
    """A field that the type reads; dots lead on only into what may be a mapping."""
    head, dot, _ = dotted.partition(".")
    if dotted == PRESENCE and find_type(module).kind == "lens":
        return True
    spec = next((spec for spec in fields_of(find_type(module)) if spec.name == head and spec.role == "value"), None)
    return spec is not None and (not dot or type_of(spec.annotation).kind in ("object", "any"))
