"""Small matters of text: what may reach a terminal, and names of many hosts in a few words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

__all__ = ["clean", "compact", "shorten"]

#: Control characters, lone surrogates, and what reorders or hides text: none of it reaches a terminal as itself.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff\ufff9-\ufffb]")
_NAMED = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}
_DIGITS = re.compile(r"([0-9]+)")


def clean(text: str, keep: str = "") -> str:
    """Return `text` with characters that a terminal would act on, or could not encode, as visible escapes.

    Args:
        keep: characters that stay as they are, such as a line feed.
    """
    if not _UNSAFE.search(text):
        return text
    return _UNSAFE.sub(lambda match: match[0] if match[0] in keep else _escape(match[0]), text)


def _escape(character: str) -> str:
    number = ord(character)
    return _NAMED.get(character) or (f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}")


def shorten(text: str, width: int) -> str:
    """Return `text` in at most `width` characters, its middle left out."""
    if len(text) <= width or width < 3:
        return text
    tail = (width - 1) // 2
    return f"{text[: width - 1 - tail]}…{text[len(text) - tail :]}"


def compact(names: Iterable[str]) -> tuple[str, ...]:
    """Return host names with runs as ranges in the inventory's own notation: `pc[01:12].branch`.

    Three or more in a row make a range. Expanding the ranges gives the names again, each once.
    """
    families: dict[tuple[str, ...], list[list[str]]] = {}
    for name in dict.fromkeys(names):
        parts = _DIGITS.split(name)
        families.setdefault(tuple(parts[0::2]), []).append(parts)
    return tuple(text for family in families.values() for text in _ranges(family))


def _ranges(family: Sequence[Sequence[str]]) -> list[str]:
    """Ranges of names that differ in their numbers alone, along the number that gives the fewest ranges."""
    positions = range(1, len(family[0]), 2)
    tries = [_along(family, position) for position in positions]
    return min(tries, key=len) if tries else ["".join(parts) for parts in family]


def _along(family: Sequence[Sequence[str]], position: int) -> list[str]:
    rows: dict[tuple[str, ...], list[str]] = {}
    for parts in family:
        rows.setdefault((*parts[:position], "", *parts[position + 1 :]), []).append(parts[position])
    texts: list[str] = []
    for frame, numbers in rows.items():
        head, tail = "".join(frame[:position]), "".join(frame[position + 1 :])
        for run in _runs(numbers):
            if len(run) >= 3:
                texts.append(f"{head}[{run[0]}:{run[-1]}]{tail}")
            else:
                texts.extend(f"{head}{number}{tail}" for number in run)
    return texts


def _runs(numbers: Sequence[str]) -> list[list[str]]:
    """Cut numbers into runs of neighbours; padded numbers (`01`) run with their own length alone."""
    padded = {len(number) for number in numbers if number.startswith("0") and len(number) > 1}
    runs: list[list[str]] = []
    width = -1
    order = sorted(numbers, key=lambda number: (len(number) if len(number) in padded else 0, int(number)))
    for number in order:
        pad = len(number) if len(number) in padded else 0
        if runs and pad == width and int(number) == int(runs[-1][-1]) + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
        width = pad
    return runs
