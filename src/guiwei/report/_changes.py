"""Values and their differences as lines: typed, itemwise, and with every secret a mask."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from rich.cells import cell_len
from rich.text import Text

from guiwei.report._text import clean, shorten
from guiwei.report.console import ink
from guiwei.report.words import Words
from guiwei.target.secret import MASK, Secret

__all__ = ["ChangeLines", "literal", "plain"]

#: Lines of a multi-line difference, and items of a list or mapping, that are shown before "… n more".
LIMIT = 12
#: Beyond this a line-by-line comparison costs more than it tells.
_DIFF_LINES = 4000
_LONG = 400
_HASH = re.compile(r"[0-9a-f]{40,64}\Z")
_AMBIGUOUS = re.compile(
    r"(?:[-+]?[0-9][0-9_]*(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?|true|false|null|none|yes|no|~)\Z", re.IGNORECASE
)


def plain(value: Any) -> Any:
    """Return a value with every secret a mask, at any depth, in its wire form and as a plan's fingerprint too."""
    if isinstance(value, Secret):
        return MASK
    if isinstance(value, Mapping):
        if len(value) == 1 and next(iter(value)) in ("$secret", "hmac"):
            return MASK
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(item) for item in value), key=str)
    if isinstance(value, (bytes, bytearray)):
        return f"<{len(value)} bytes>"
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    return str(value)


def literal(value: Any, words: Words, typed: bool = False) -> str:
    """Return a value on one line.

    Args:
        typed: quote a text that would read as a number or truth value (where the other side is one).
    """
    value = plain(value)
    if value is None:
        return words.say("view-unset")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value, typed)
    if isinstance(value, list):
        return "[" + ", ".join(literal(item, words, typed) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{clean(name)}: {literal(item, words, typed)}" for name, item in value.items()) + "}"
    return str(value)


def _text(value: str, typed: bool) -> str:
    if _HASH.match(value):
        return value[:12] + "…"
    quoted = (
        not value
        or value != value.strip()
        or "→" in value
        or value[0] in "\"'[{(<"
        or (typed and bool(_AMBIGUOUS.match(value)))
    )
    shown = clean(shorten(value, _LONG))
    return f'"{shown}"' if quoted else shown


class ChangeLines:
    """Turn one change into lines.

    Args:
        alias: applied to every text of the PC; stands names in that differ from PC to PC.
        limit: lines that one change may take.
    """

    def __init__(self, words: Words, alias: Callable[[str], str], limit: int = LIMIT) -> None:
        self._words = words
        self._alias = alias
        self._limit = limit

    def lines(self, name: str, before: Any, after: Any, width: int = 0) -> list[Text]:
        """Return the lines of `name: before → after`.

        Args:
            width: columns that the name is padded to, so that a step's values stand under each other.
        """
        head = ink(name + ":", "gw.muted")
        head.append(" " * max(width - cell_len(name), 0) + " ")
        before, after = plain(before), plain(after)
        if _is_long(before) or _is_long(after):
            return [head, *self._limited(self._multiline(before, after))]
        if isinstance(after, (list, dict)) and (before is None or type(before) is type(after)):
            lines = list(self._items(before, after))
            if lines and (len(lines) > 1 or before is not None):
                return [head, *self._limited(lines)]
        return [head.append_text(self._pair(before, after))]

    def value(self, value: Any, other: Any = None) -> str:
        """Return a value of the PC or playbook on one line, quoted where its type is not that of `other`."""
        typed = isinstance(value, str) and other is not None and not isinstance(other, str)
        return self._alias(literal(value, self._words, typed))

    def _pair(self, before: Any, after: Any) -> Text:
        text = Text()
        if before is not None:
            text.append(self.value(before, after), style="gw.remove").append(" → ", style="gw.muted")
        return text.append(self.value(after, before), style="gw.add")

    def _items(self, before: Any, after: Any) -> Iterator[Text]:
        if isinstance(after, dict):
            there = before if isinstance(before, dict) else {}
            for name in [*after, *(name for name in there if name not in after)]:
                if there.get(name) == after.get(name) and name in there and name in after:
                    continue
                sign, style = ("-", "gw.remove") if name not in after else ("~", "gw.change")
                sign, style = ("+", "gw.add") if name not in there else (sign, style)
                line = ink(f"  {sign} ", style).append(f"{self._alias(clean(name))}: ", style="gw.muted")
                if name in after:
                    yield line.append_text(self._pair(there.get(name), after[name]))
                else:
                    yield line.append(self.value(there[name]), style="gw.remove")
            return
        there_items = before if isinstance(before, list) else []
        matcher = difflib.SequenceMatcher(
            a=[literal(item, self._words, True) for item in there_items],
            b=[literal(item, self._words, True) for item in after],
            autojunk=False,
        )
        for kind, low, high, new_low, new_high in matcher.get_opcodes():
            if kind == "equal":
                continue
            for item in there_items[low:high]:
                yield ink("  - " + self.value(item), "gw.remove")
            for item in after[new_low:new_high]:
                yield ink("  + " + self.value(item), "gw.add")

    def _multiline(self, before: Any, after: Any) -> Iterator[Text]:
        old, new = _split(before), _split(after)
        if len(old) + len(new) > _DIFF_LINES:
            yield ink("  " + self._words.say("view-many-lines", before=len(old), after=len(new)), "gw.muted")
            return
        if old == new:
            # Only line ends differ, or the end of the last line: say so instead of showing nothing.
            yield ink("  " + self._words.say("view-line-ends"), "gw.muted")
            return
        for line in list(difflib.unified_diff(old, new, n=1, lineterm=""))[2:]:
            style = {"+": "gw.add", "-": "gw.remove", "@": "gw.maybe"}.get(line[:1], "gw.muted")
            sign, content = line[:1], self._alias(clean(shorten(line[1:], _LONG).replace("\t", "    ")))
            yield ink(f"  {sign} {content}" if sign != "@" else f"  {sign}{content}", style)

    def _limited(self, lines: Iterator[Text] | Sequence[Text]) -> list[Text]:
        all_lines = list(lines)
        if len(all_lines) <= self._limit + 1:
            return all_lines
        more = self._words.say("view-more", n=len(all_lines) - self._limit)
        return [*all_lines[: self._limit], ink("  " + more, "gw.muted")]


def _is_long(value: Any) -> bool:
    return isinstance(value, str) and "\n" in value.rstrip("\r\n")


def _split(value: Any) -> list[str]:
    if value is None:
        return []
    lines = str(value).replace("\r\n", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines
