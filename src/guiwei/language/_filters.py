"""The filters and tests of Ansible that playbook authors expect, beside Jinja2's own.

Each is a pure function of its arguments. None knows about secrets: what a filter would look into is decided in
`_evaluate`, which hands a filter either a closed box (any look at it is noticed) or the text of a tainted rendering.
"""

from __future__ import annotations

import base64
import hashlib
import json
import ntpath
import posixpath
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from itertools import zip_longest
from typing import Any

import yaml
from jinja2.runtime import Undefined

from guiwei.target.contract import FORMS

__all__ = ["FILTERS", "TESTS"]


def _text(item: Any) -> str:
    if isinstance(item, Undefined):
        str(item)  # raises: strict
    return item if isinstance(item, str) else str(item)


def _b64encode(item: Any, encoding: str = "utf-8") -> str:
    return base64.b64encode(_text(item).encode(encoding)).decode("ascii")


def _b64decode(item: Any, encoding: str = "utf-8") -> str:
    return base64.b64decode(_text(item), validate=True).decode(encoding)


def _plain(item: Any) -> Any:
    """Turn what Jinja2 leaves lazy into lists; an undefined value raises."""
    if isinstance(item, Undefined):
        str(item)
    if item is None or isinstance(item, (str, int, float)):
        return item
    if isinstance(item, Mapping):
        return {key: _plain(part) for key, part in item.items()}
    if isinstance(item, Iterable):
        return [_plain(part) for part in item]
    raise TypeError(f"{type(item).__name__} is not plain data")


def _to_json(item: Any, **options: Any) -> str:
    return json.dumps(_plain(item), ensure_ascii=False, **options)


def _to_nice_json(item: Any, indent: int = 4, sort_keys: bool = True) -> str:
    return json.dumps(_plain(item), ensure_ascii=False, indent=indent, sort_keys=sort_keys)


def _from_json(item: Any) -> Any:
    return json.loads(_text(item))


def _to_yaml(item: Any, indent: int = 2) -> str:
    return yaml.safe_dump(_plain(item), allow_unicode=True, default_flow_style=False, indent=indent, sort_keys=False)


def _from_yaml(item: Any) -> Any:
    from guiwei.language.source import loads

    return loads(_text(item), "<from_yaml>").data


def _flags(ignorecase: bool, multiline: bool) -> int:
    return (re.IGNORECASE if ignorecase else 0) | (re.MULTILINE if multiline else 0)


def _regex_replace(
    item: Any,
    pattern: str = "",
    replacement: str = "",
    ignorecase: bool = False,
    multiline: bool = False,
    count: int = 0,
) -> str:
    return re.compile(pattern, _flags(ignorecase, multiline)).sub(replacement, _text(item), count=count)


def _regex_search(item: Any, pattern: str, *groups: str, ignorecase: bool = False, multiline: bool = False) -> Any:
    match = re.search(pattern, _text(item), _flags(ignorecase, multiline))
    if match is None:
        return None
    if not groups:
        return match.group()
    # Ansible names groups as a replacement would: \\1 or \\g<name>.
    return [match.group(_group(group)) for group in groups]


def _group(written: str) -> int | str:
    named = re.match(r"\\g<(\w+)>", written)
    name = named.group(1) if named else written.lstrip("\\")
    return int(name) if name.isdigit() else name


def _regex_findall(item: Any, pattern: str, multiline: bool = False, ignorecase: bool = False) -> list[Any]:
    return _plain(re.findall(pattern, _text(item), _flags(ignorecase, multiline)))  # type: ignore[no-any-return]


def _bool(item: Any) -> bool:
    """Read a truth value as Ansible writes them; unlike Ansible, refuse anything else instead of saying false."""
    if isinstance(item, bool):
        return item
    word = _text(item).strip().lower()
    if word in ("true", "yes", "on", "1", "t", "y"):
        return True
    if word in ("false", "no", "off", "0", "f", "n"):
        return False
    raise ValueError("not a truth value: write true or false")


def _hash(item: Any, algorithm: str = "sha1") -> str:
    return hashlib.new(algorithm, _text(item).encode("utf-8")).hexdigest()


def _dict2items(item: Mapping[str, Any], key_name: str = "key", value_name: str = "value") -> list[dict[str, Any]]:
    if not isinstance(item, Mapping):
        raise TypeError("dict2items needs a mapping")
    return [{key_name: key, value_name: part} for key, part in item.items()]


def _items2dict(item: Iterable[Mapping[str, Any]], key_name: str = "key", value_name: str = "value") -> dict[str, Any]:
    return {part[key_name]: part[value_name] for part in item}


def _combine(first: Mapping[str, Any], *others: Any, recursive: bool = False) -> dict[str, Any]:
    parts: list[Any] = [first]
    for other in others:
        parts.extend(other if isinstance(other, list) else [other])
    combined: dict[str, Any] = {}
    for part in parts:
        if not isinstance(part, Mapping):
            raise TypeError("combine needs mappings")
        combined = _merge(combined, part, recursive)
    return combined


def _merge(low: Mapping[str, Any], high: Mapping[str, Any], recursive: bool) -> dict[str, Any]:
    merged = dict(low)
    for key, part in high.items():
        below = merged.get(key)
        both = recursive and isinstance(part, Mapping) and isinstance(below, Mapping)
        merged[key] = _merge(below, part, True) if both else part  # type: ignore[arg-type]
    return merged


def _unique(item: Iterable[Any]) -> list[Any]:
    found: list[Any] = []
    for part in item:
        if part not in found:
            found.append(part)
    return found


def _mandatory(item: Any, message: str = "") -> Any:
    if type(item) is not str and isinstance(item, Undefined):
        str(item)
    return item


def _ternary(item: Any, when_true: Any, when_false: Any, when_none: Any = None) -> Any:
    if item is None and when_none is not None:
        return when_none
    return when_true if item else when_false


def _zip(first: Iterable[Any], *others: Iterable[Any]) -> list[list[Any]]:
    return [list(row) for row in zip(first, *others, strict=False)]


def _zip_longest(first: Iterable[Any], *others: Iterable[Any], fillvalue: Any = None) -> list[list[Any]]:
    return [list(row) for row in zip_longest(first, *others, fillvalue=fillvalue)]


def _split(item: Any, separator: str | None = None, maxsplit: int = -1) -> list[str]:
    return _text(item).split(separator, maxsplit)


def _flatten(item: Iterable[Any], levels: int | None = None) -> list[Any]:
    flat: list[Any] = []
    for part in item:
        if isinstance(part, list) and (levels is None or levels > 0):
            flat.extend(_flatten(part, None if levels is None else levels - 1))
        else:
            flat.append(part)
    return flat


def _path_join(item: Any) -> str:
    return _text(item) if isinstance(item, str) else posixpath.join(*[_text(part) for part in item])


def _version_key(text: Any) -> list[tuple[int, str]]:
    """Order versions part by part; 3.1 and 3.1.0 are one version."""
    parts = FORMS["version"](text).split(".")
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": lambda a, b: a == b, "=": lambda a, b: a == b, "eq": lambda a, b: a == b,
    "!=": lambda a, b: a != b, "<>": lambda a, b: a != b, "ne": lambda a, b: a != b,
    "<": lambda a, b: a < b, "lt": lambda a, b: a < b, "<=": lambda a, b: a <= b, "le": lambda a, b: a <= b,
    ">": lambda a, b: a > b, "gt": lambda a, b: a > b, ">=": lambda a, b: a >= b, "ge": lambda a, b: a >= b,
}  # fmt: skip


def _version(item: Any, other: Any, operator: str = "==") -> bool:
    if operator not in _COMPARISONS:
        raise ValueError("not a comparison: write one of " + " ".join(_COMPARISONS))
    return _COMPARISONS[operator](_version_key(_text(item)), _version_key(_text(other)))


def _match(item: Any, pattern: str, ignorecase: bool = False, multiline: bool = False) -> bool:
    return re.match(pattern, _text(item), _flags(ignorecase, multiline)) is not None


def _search(item: Any, pattern: str, ignorecase: bool = False, multiline: bool = False) -> bool:
    return re.search(pattern, _text(item), _flags(ignorecase, multiline)) is not None


FILTERS: dict[str, Callable[..., Any]] = {
    "b64decode": _b64decode,
    "b64encode": _b64encode,
    "basename": lambda item: posixpath.basename(_text(item)),
    "bool": _bool,
    "combine": _combine,
    "dict2items": _dict2items,
    "difference": lambda item, other: [part for part in _unique(item) if part not in other],
    "dirname": lambda item: posixpath.dirname(_text(item)),
    "flatten": _flatten,
    "from_json": _from_json,
    "from_yaml": _from_yaml,
    "hash": _hash,
    "intersect": lambda item, other: [part for part in _unique(item) if part in other],
    "items2dict": _items2dict,
    "mandatory": _mandatory,
    "path_join": _path_join,
    "quote": lambda item: shlex.quote(_text(item)),
    "regex_escape": lambda item: re.escape(_text(item)),
    "regex_findall": _regex_findall,
    "regex_replace": _regex_replace,
    "regex_search": _regex_search,
    "split": _split,
    "ternary": _ternary,
    "to_json": _to_json,
    "to_nice_json": _to_nice_json,
    "to_yaml": _to_yaml,
    "union": lambda item, other: _unique([*item, *other]),
    "unique": _unique,
    "win_basename": lambda item: ntpath.basename(_text(item)),
    "win_dirname": lambda item: ntpath.dirname(_text(item)),
    "zip": _zip,
    "zip_longest": _zip_longest,
}

TESTS: dict[str, Callable[..., bool]] = {
    "contains": lambda item, part: part in item,
    "match": _match,
    "regex": _search,
    "search": _search,
    "subset": lambda item, other: all(part in other for part in item),
    "superset": lambda item, other: all(part in item for part in other),
    "version": _version,
}
