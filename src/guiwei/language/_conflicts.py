"""Several tasks that declare one resource: one declaration if they agree, an error if they do not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from guiwei.errors import InputError
from guiwei.model.playbook import Declaration, Desired
from guiwei.target.contract import FORMS, fields_of, find_type
from guiwei.target.secret import Secret

__all__ = ["combine", "gather"]


def combine(
    declared: list[Declaration], certain: Callable[[Declaration], Mapping[str, Any] | None]
) -> tuple[Declaration, ...]:
    """Return one declaration for each resource; later tasks join the first as its `also`.

    Args:
        declared: in order.
        certain: the values that a declaration wants for sure; None while a condition is open.

    Raises:
        InputError: two of them cannot both be true (`resource-conflict`); what depends on an observation is compared
            after it.
    """
    first: dict[str, Declaration] = {}
    for declaration in declared:
        known = first.get(declaration.id)
        if known is None:
            first[declaration.id] = declaration
            continue
        for earlier in (known, *known.also):
            _check_options(earlier, declaration)
            _check_certain(earlier, declaration, certain)
        first[declaration.id] = replace(
            known,
            also=(*known.also, declaration),
            notify=tuple(dict.fromkeys((*known.notify, *declaration.notify))),
            tags=tuple(dict.fromkeys((*known.tags, *declaration.tags))),
            places={**declaration.places, **known.places},
            ruled={**declaration.ruled, **known.ruled},
        )
    return tuple(first.values())


def gather(first: Desired, second: Desired) -> Desired:
    """Return what two tasks want of one resource together.

    Raises:
        InputError: `resource-conflict`.
    """
    if first.skipped or second.skipped:
        return second if first.skipped else first
    if (first.state is None) != (second.state is None):
        raise _conflict(first.declaration, second.declaration, "state")
    if first.state is None or second.state is None:
        return first
    _compare(first.declaration, second.declaration, first.state, second.state)
    state = {**second.state, **first.state}
    for name in _mappings(first.declaration):
        if first.state.get(name) is not None and second.state.get(name) is not None:
            state[name] = {**second.state[name], **first.state[name]}
    artifacts = tuple(dict.fromkeys((*first.artifacts, *second.artifacts)))
    return Desired(first.declaration, state, False, artifacts)


def _mappings(declaration: Declaration) -> list[str]:
    """Return the fields of which each task names its own keys."""
    return [spec.name for spec in fields_of(find_type(declaration.module)) if spec.form == "mapping"]


def _check_options(first: Declaration, second: Declaration) -> None:
    """One thing is read in one way."""
    for spec in fields_of(find_type(first.module)):
        if spec.role == "option":
            ours, theirs = (each.reading.get(spec.name, spec.default) for each in (first, second))
            if ours != theirs:
                raise _conflict(first, second, spec.name)


def _check_certain(
    first: Declaration, second: Declaration, certain: Callable[[Declaration], Mapping[str, Any] | None]
) -> None:
    ours, theirs = certain(first), certain(second)
    if ours is None or theirs is None:
        return
    if first.absent != second.absent:
        raise _conflict(first, second, "state")
    _compare(first, second, ours, theirs)


def _compare(first: Declaration, second: Declaration, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> None:
    for spec in fields_of(find_type(first.module)):
        our, their = ours.get(spec.name), theirs.get(spec.name)
        if our is None or their is None:
            continue
        if spec.form == "mapping" and isinstance(our, Mapping) and isinstance(their, Mapping):
            for name in our:
                if name in their and not _same(FORMS["plain"], our[name], their[name]):
                    raise _conflict(first, second, f"{spec.name}.{name}")
        elif not _same(FORMS[spec.form], our, their):
            raise _conflict(first, second, spec.name)


def _same(form: Callable[[Any], Any], ours: Any, theirs: Any) -> bool:
    plain = [item.reveal() if isinstance(item, Secret) else item for item in (ours, theirs)]
    try:
        return bool(form(plain[0]) == form(plain[1]))
    except ValueError:
        return bool(plain[0] == plain[1])  # not valid yet: the field's own check tells


def _conflict(first: Declaration, second: Declaration, field: str) -> InputError:
    path = (first.module, *field.split("."))
    place = second.places.get(path, second.place)
    earlier = first.places.get(path, first.place)
    return InputError("resource-conflict", place, resource=first.id, field=field, first=str(earlier))
