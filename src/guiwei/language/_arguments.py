"""Check a resource's arguments against the one definition of its fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from guiwei.errors import InputError, Place, ResourceError
from guiwei.language._words import closest
from guiwei.language.source import Vaulted
from guiwei.language.template import PlaceOf, is_template
from guiwei.target.contract import FieldSpec, fields_of, find_type
from guiwei.target.secret import Secret

__all__ = ["FieldType", "check_arguments", "coerce_arguments", "module_names", "type_of", "validate_arguments"]

#: JSON Schema types by their Python annotation.
_TYPES = {"str": "string", "int": "integer", "float": "number", "bool": "boolean", "Any": "any"}
_LISTS = ("List", "list", "Sequence", "Tuple", "tuple")
_MAPPINGS = ("Dict", "dict", "Mapping")


class FieldType:
    """What an annotation allows.

    Attributes:
        kind: `string`, `integer`, `number`, `boolean`, `array`, `object` or `any`.
        item: of a list's entries or a mapping's values.
    """

    __slots__ = ("item", "kind")

    def __init__(self, kind: str, item: FieldType | None = None) -> None:
        self.kind, self.item = kind, item


@lru_cache(maxsize=256)
def type_of(annotation: str) -> FieldType:
    """Return the type that a field's annotation names, such as `Optional[List[str]]`.

    Raises:
        ValueError: the annotation is none that a module may use.
    """
    text = annotation.replace(" ", "").replace("typing.", "")
    match = re.fullmatch(r"(\w+)(?:\[(.*)\])?", text)
    if not match:
        raise ValueError(f"no field type: {annotation}")
    head, inside = match.group(1), match.group(2)
    if head == "Optional":
        return type_of(inside or "Any")
    if head in _TYPES:
        return FieldType(_TYPES[head])
    if head in _LISTS:
        return FieldType("array", type_of((inside or "Any").removesuffix(",...")))
    if head in _MAPPINGS:
        return FieldType("object", type_of(inside.split(",", 1)[1] if inside else "Any"))
    raise ValueError(f"no field type: {annotation}")


@lru_cache(maxsize=1)
def module_names() -> tuple[str, ...]:
    """Return the names of all resource types, sorted."""
    import importlib
    import pkgutil

    # Found by name, as `find_type` finds them: the language knows no resource type.
    modules = importlib.import_module("guiwei.modules")
    names = (item.name for item in pkgutil.iter_modules(modules.__path__))
    return tuple(sorted(name for name in names if not name.startswith("_")))


def validate_arguments(module: str, arguments: Mapping[str, Any], place_of: PlaceOf) -> None:
    """Check arguments against their fields' types, patterns and choices; templates are left for later.

    Args:
        module: the resource type.
        arguments: fields by name; None is unset.
        place_of: where each of them stands.

    Raises:
        InputError: the first that is wrong: `field-…`, or the type's own rule.
    """
    for error in check_arguments(module, arguments, place_of):
        raise error


def coerce_arguments(module: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return rendered arguments in their fields' types where that loses nothing.

    `{{ port }}` is a number or a text after where the variable comes from (`-e port=7001` is a text), and nobody can
    put quotes around what an expression gives. Numbers print as they were written, so nothing is lost either way.
    """
    specs = {spec.name: spec for spec in fields_of(find_type(module))}
    return {
        name: _coerced(type_of(specs[name].annotation), item) if name in specs else item
        for name, item in arguments.items()
    }


def _coerced(wanted: FieldType, item: Any) -> Any:
    kind = type(item)
    if wanted.kind == "string" and (kind is int or kind is float):
        return str(item)
    if wanted.kind in ("integer", "number") and kind is str and _INTEGER.match(item):
        return int(item)
    if wanted.kind == "number" and kind is str and _DECIMAL.match(item):
        return float(item)
    if wanted.item is not None and kind is list:
        return [_coerced(wanted.item, part) for part in item]
    if wanted.item is not None and kind is dict:
        return {name: _coerced(wanted.item, part) for name, part in item.items()}
    return item


_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)\Z")
_DECIMAL = re.compile(r"-?[0-9]+\.[0-9]+\Z")


def check_arguments(
    module: str,
    arguments: Mapping[str, Any],
    place_of: PlaceOf,
    *,
    key_place_of: PlaceOf | None = None,
    complete: bool = True,
) -> Iterator[InputError]:
    """Yield everything that is wrong with a resource's arguments.

    Args:
        key_place_of: where the fields' names stand; by default where their values do.
        complete: required fields must be there.
    """
    cls = find_type(module)
    specs = {spec.name: spec for spec in fields_of(cls)}
    wrong = False
    for name, item in arguments.items():
        spec = specs.get(name)
        if spec is None:
            wrong = True
            place = (key_place_of or place_of)((name,))
            yield InputError("field-unknown", place, module=module, field=name, near=closest(name, specs))
        elif item is not None:
            for error in _check_field(module, spec, item, place_of):
                wrong = True
                yield error
    if complete:
        for spec in specs.values():
            if spec.required and arguments.get(spec.name) is None:
                wrong = True
                yield InputError("field-required", place_of(()), module=module, field=spec.name, example=_example(spec))
    rule: ResourceError | None = None if wrong else cls.check_arguments(arguments)
    if rule is not None:
        yield InputError(rule.code, place_of(()), **{"module": module, **rule.arguments})


def _check_field(module: str, spec: FieldSpec, item: Any, place_of: PlaceOf) -> Iterator[InputError]:
    def wrong(code: str, place: Place | None, **arguments: Any) -> InputError:
        return InputError(code, place, module=module, field=spec.name, **arguments)

    place = place_of((spec.name,))
    if isinstance(item, (Secret, Vaulted)):
        if spec.role in ("key", "option"):
            yield wrong("field-secret", place)
            return
        if type_of(spec.annotation).kind not in ("string", "any"):
            yield wrong("field-secret-type", place, expected=type_of(spec.annotation).kind)
            return
        if isinstance(item, Secret) and spec.pattern and not re.search(spec.pattern, item.reveal()):
            yield wrong("field-secret-pattern", place, pattern=spec.pattern)
        return
    problems = list(_check_type(type_of(spec.annotation), item, (spec.name,), place_of, wrong))
    yield from problems
    if problems or (isinstance(item, str) and is_template(item)):
        return
    if spec.choices is not None and item not in spec.choices:
        yield wrong("field-choice", place, value=item, choices=", ".join(map(str, spec.choices)))
    elif spec.pattern is not None and isinstance(item, str) and not re.search(spec.pattern, item):
        yield wrong("field-pattern", place, value=_short(item), pattern=spec.pattern, example=_example(spec))


def _check_type(
    wanted: FieldType,
    item: Any,
    path: tuple[str | int, ...],
    place_of: PlaceOf,
    wrong: Callable[..., InputError],
) -> Iterator[InputError]:
    """Yield what has the wrong type; a text with a template may become anything."""
    if wanted.kind == "any" or (isinstance(item, str) and is_template(item)):
        return
    if isinstance(item, (Secret, Vaulted)):
        if wanted.kind != "string":
            yield wrong("field-secret-type", place_of(path), expected=wanted.kind)
        return
    found = _kind(item)
    if wanted.kind == "array" and found == "array":
        for index, part in enumerate(item):
            if wanted.item is not None:
                yield from _check_type(wanted.item, part, (*path, index), place_of, wrong)
    elif wanted.kind == "object" and found == "object":
        for name, part in item.items():
            if wanted.item is not None:
                yield from _check_type(wanted.item, part, (*path, name), place_of, wrong)
    elif found == wanted.kind or (wanted.kind == "number" and found == "integer"):
        return
    elif wanted.kind == "string" and found in ("integer", "number"):
        # YAML keeps a number only if it prints as it was written, so this is what to write between quotes.
        yield wrong("field-digits", place_of(path), value=str(item))
    else:
        yield wrong("field-type", place_of(path), expected=wanted.kind, found=found)


def _kind(item: Any) -> str:
    if isinstance(item, bool):
        return "boolean"
    if isinstance(item, Mapping):
        return "object"
    if isinstance(item, (list, tuple)):
        return "array"
    for kind, name in ((str, "string"), (int, "integer"), (float, "number")):
        if isinstance(item, kind):
            return name
    return "null"


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "…"


def _example(spec: FieldSpec) -> str:
    return "…" if spec.example is None else str(spec.example)
