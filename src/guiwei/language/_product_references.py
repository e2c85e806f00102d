"""References of a product profile: each `{{ facts.… }}` and `{{ instance.… }}` must be known where it stands."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from guiwei.errors import InputError
from guiwei.language._words import closest
from guiwei.language.source import Source

__all__ = ["FACTS", "reference_problems"]

#: What every PC says of itself (`target/facts.py`).
FACTS = (
    "hostname", "system", "distribution", "distribution.id", "distribution.version", "distribution.name",
    "architecture", "python", "interpreter", "user", "machine_id", "pc_id", "copied_pc_id", "usb", "root", "prefix",
    "state_dir", "utc_offset", "clock",
)  # fmt: skip

_TEMPLATE = re.compile(r"\{\{(.*?)\}\}|\{\{|\{%", re.DOTALL)
_REFERENCE = re.compile(r"\s*((?:facts|instance)(?:\.\w+)+)\s*", re.UNICODE)
#: Parts that are words for people, not texts that the PC fills in.
_WORDS = ("product", "title", "label")

Path = tuple[str | int, ...]


def reference_problems(source: Source) -> Iterator[InputError]:
    """Yield references that nothing defines, or not yet where they stand, and templates that are no references."""
    data: Mapping[str, Any] = source.data
    fields = {f"instance.{name}" for name in data["instance"]["fields"]}
    known = {f"facts.{name}" for name in FACTS} | fields | {"instance.id"}
    # The id is made of what the inventory says, before any PC is asked.
    yield from _unknown(source, data["instance"]["id"], ("instance", "id"), fields)
    for number, entry in enumerate(data.get("define", ())):
        name, path = entry["name"], ("define", number)
        if name in known:
            yield InputError("product-defined-twice", source.place((*path, "name")), name=name)
        if "text" not in entry and "module" not in entry:
            yield InputError("product-define-empty", source.place(path), name=name)
        # A fact is the whole PC's: it cannot depend on one of the instances.
        seen = {each for each in known if each.startswith("facts.")} if name.startswith("facts.") else known
        yield from _unknown(source, entry, path, seen)
        known.add(name)
    for part, value in data.items():
        if part not in ("instance", "define"):
            yield from _unknown(source, value, (part,), known)


def _unknown(source: Source, value: Any, path: Path, known: Collection[str]) -> Iterator[InputError]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            if name not in _WORDS:
                yield from _unknown(source, item, (*path, name), known)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _unknown(source, item, (*path, number), known)
    elif isinstance(value, str):
        for match in _TEMPLATE.finditer(value):
            reference = _REFERENCE.fullmatch(match[1] or "")
            if reference is None:
                yield InputError("product-template", source.place(path), text=match[0])
            elif reference[1] not in known and not _below(reference[1], known):
                near = closest(reference[1], sorted(known))
                yield InputError("product-reference", source.place(path), reference=reference[1], near=near)


def _below(reference: str, known: Collection[str]) -> bool:
    """A definition that reads a mapping may be gone into; what is in it only the PC knows."""
    parts = reference.split(".")
    above = [".".join(parts[:length]) for length in range(2, len(parts))]
    return any(name in known and name.removeprefix("facts.") not in FACTS for name in above)
