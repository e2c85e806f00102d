"""Which policy decides a value: it says the value itself, or a variable that the value is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from guiwei.errors import Place
from guiwei.language.template import Templates, references
from guiwei.model.playbook import Play
from guiwei.target.contract import fields_of, find_type

__all__ = ["Rulings"]

#: A policy's name, and where it says what decides.
Ruling = tuple[str, Place | None]


class Rulings:
    """Answer for the values of one play.

    Args:
        play: with its policies put over it.
    """

    def __init__(self, play: Play) -> None:
        self._play = play
        self._names = {str(path[1]): policy for path, policy in play.ruled.items() if path[0] == "vars"}

    def of(self, value: Any, variables: Mapping[str, Any]) -> Ruling | None:
        """Return the policy that decides a value through variables, None if none does.

        Args:
            variables: all that the value may use; one that something else says (`-e`, a task) is no policy's.
        """
        return self._reached(references(value), variables) if self._names else None

    def of_fields(
        self, module: str, values: Mapping[str, Any], variables: Mapping[str, Any], templates: Templates
    ) -> dict[str, Ruling]:
        """Return field → policy for the fields of a task that a policy decides."""
        found: dict[str, Ruling] = {}
        for spec in fields_of(find_type(module)) if self._names else ():
            value = values.get(spec.name)
            names = references(value)
            if spec.how == "template" and isinstance(value, str):
                names |= templates.file_references(value)
            ruling = self._reached(names, variables)
            if ruling is not None:
                found[spec.into or spec.name] = ruling
        return found

    def _reached(self, names: frozenset[str], variables: Mapping[str, Any]) -> Ruling | None:
        todo = sorted({name.partition(".")[0] for name in names})
        seen: set[str] = set()
        while todo:
            name = todo.pop(0)
            if name in seen or name not in variables:
                continue
            seen.add(name)
            if name in self._names and variables[name] is self._play.vars[name]:
                return self._names[name], self._play.places.get(("vars", name), self._play.place)
            todo += sorted({other.partition(".")[0] for other in references(variables[name])})
        return None
