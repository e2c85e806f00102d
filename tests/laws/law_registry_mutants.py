"""Mutants of the registry: the promises that `law_mutants` breaks for files and rows, broken for values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest import mock

from guiwei.target import registry
from guiwei.target.registry import Raw, Registry

if TYPE_CHECKING:
    from law_bench import Bites

__all__ = ["OTHER_VIEW", "registry_patches"]

OTHER_VIEW = "write to the other view"

_set, _delete, _create = registry._set, registry._delete, registry._create


def registry_patches(mutant: str, bites: Bites) -> list[Any]:
    """Return what makes the registry behave as this mutant."""
    return [mock.patch.object(registry, name, patch) for name, patch in _PATCHES[mutant](bites).items()]


def _drop(bites: Bites) -> dict[str, Any]:
    def dropped(place: str, name: str, view: int, wanted: Raw) -> None:
        bites.bite()

    return {"_set": dropped}


def _drop_removal(bites: Bites) -> dict[str, Any]:
    def dropped(place: str, name: str, view: int) -> None:
        bites.bite()

    return {"_delete": dropped}


def _drop_last(bites: Bites) -> dict[str, Any]:
    """A value loses its last two bytes and the NUL, or its kind where it has no more."""

    def shorter(place: str, name: str, view: int, wanted: Raw) -> None:
        bites.bite()
        left = Raw(wanted.kind, wanted.data[:-4]) if len(wanted.data) > 4 else Raw(0, wanted.data)
        _set(place, name, view, left)

    return {"_set": shorter}


def _spill(bites: Bites) -> dict[str, Any]:
    def others(place: str, name: str, view: int) -> list[str]:
        winreg, _ = registry._api()
        with registry._opened(place, view, registry._LIST) as key:
            if key is None:
                return []
            found = [winreg.EnumValue(key, number)[0] for number in range(winreg.QueryInfoKey(key)[1])]
        return [each for each in found if each.upper() != name.upper()]

    def set_all(place: str, name: str, view: int, wanted: Raw) -> None:
        _set(place, name, view, wanted)
        for other in others(place, name, view):
            bites.bite(registry._get(place, other, view) != wanted)
            _set(place, other, view, wanted)

    def delete_all(place: str, name: str, view: int) -> None:
        _delete(place, name, view)
        for other in others(place, name, view):
            bites.bite()
            _delete(place, other, view)

    return {"_set": set_all, "_delete": delete_all}


def _twice(bites: Bites) -> dict[str, Any]:
    """Write without looking whether it is there already."""
    get = registry._get
    journal = Registry._writer

    def put(self: Registry, path: str, name: str, view: int, wanted: Raw) -> None:
        place = registry.place_of(path, self._root)
        for key in registry._missing(place, view, registry._base(self._root)):
            journal(self).append({"op": "registry-key", "path": key, "view": view})
            _create(key, view)
        before = get(place, name, view)
        bites.bite(before == wanted)
        self._intend(place, name, view, before, wanted)
        _set(place, name, view, wanted)

    def remove(self: Registry, path: str, name: str, view: int) -> None:
        place = registry.place_of(path, self._root)
        before = get(place, name, view)
        bites.bite(before is None)
        self._intend(place, name, view, before, None)
        if before is not None:
            _delete(place, name, view)

    return {"Registry": type("Twice", (Registry,), {"put": put, "remove": remove})}


def _other_view(bites: Bites) -> dict[str, Any]:
    """64 and 32 are taken for each other, in reading as well: only a look from outside tells."""
    views = registry._VIEWS

    def set_there(place: str, name: str, view: int, wanted: Raw) -> None:
        bites.bite()
        _set(place, name, view, wanted)

    return {"_VIEWS": {64: views[32], 32: views[64]}, "_set": set_there}


_PATCHES = {
    "drop the write": _drop,
    "drop the removal": _drop_removal,
    "drop the last field": _drop_last,
    "spill": _spill,
    "write twice": _twice,
    OTHER_VIEW: _other_view,
}
