"""INI files as Windows programs read them, edited so that every other byte stays.

What a reader finds is what `GetPrivateProfileString` finds: the first section of that name and the first option of that
name in it; names compare without case; `;` starts a comment only at the start of a line, and so does `#`; the value is
what follows the first `=`, without the spaces around it. Two things differ on purpose: a name written exactly so wins
over one that differs in case, and quotation marks stay part of the value.
"""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional, Tuple

from guiwei.target.text import Text, parse, split_end

__all__ = ["Ini", "parse_ini"]

#: Blanks around names and values. A full-width space (U+3000) is a character of the value.
_BLANKS = " \t\r\f\v"

#: How many parsed files are remembered.
_MEMO_SIZE = 8


class _Section(NamedTuple):
    """Where a section lies: its header's line (-1 for what stands before the first header) and its end."""

    start: int
    end: int
    options: Dict[str, int]
    folded: Dict[str, int]


class Ini:
    """A parsed INI file. Edits return new lines and leave the object as it is."""

    def __init__(self, text: Text) -> None:
        self.text = text
        self._sections: Dict[str, _Section] = {}
        self._folded: Dict[str, _Section] = {}
        self._index()

    def names(self) -> List[Tuple[str, str]]:
        """Return section and option of everything that `value` finds, in the file's order."""
        return [(name, option) for name, section in self._sections.items() for option in section.options]

    def value(self, section: str, option: str) -> Optional[str]:
        """Return an option's value without the spaces around it, None if it is not there."""
        at = self._find(section, option)
        return None if at is None else _taken_apart(self.text.lines[at])[1]

    def with_value(self, section: str, option: str, value: str, spacing: str = "auto", newline: str = "\n") -> Text:
        """Return the text in which the option has that value.

        Args:
            spacing: of a line that is added: `none` (a=b), `spaces` (a = b) or `auto`, the file's own habit.
            newline: of lines that are added to a file that has no line end yet.
        """
        at = self._find(section, option)
        if at is not None:
            head, _, tail = _taken_apart(self.text.lines[at])
            return self._replaced(at, at + 1, [head + value + tail])
        there = self._section(section)
        equals = " = " if self._spaces(there, spacing) else "="
        if there is None:
            return self._with_section(section, option + equals + value, newline)
        return self._inserted(self._place(there), [option + equals + value], newline)

    def without(self, section: str, option: str) -> Text:
        """Return the text without the option's line, and without those that a reader would take for it next."""
        there = self._section(section)
        if there is None:
            return self.text
        name = option.strip(_BLANKS).lower()
        lines = self.text.lines
        kept = [line for line in lines[there.start + 1 : there.end] if (_option_name(line) or "").lower() != name]
        return self._replaced(there.start + 1, there.end, kept)

    def _index(self) -> None:
        name, start, options, folded = "", -1, {}, {}  # type: str, int, Dict[str, int], Dict[str, int]
        for number, line in enumerate(self.text.lines):
            header = _section_name(line)
            if header is not None:
                self._remember(name, _Section(start, number, options, folded))
                name, start, options, folded = header, number, {}, {}
                continue
            found = _option_name(line)
            if found is not None:
                options.setdefault(found, number)
                folded.setdefault(found.lower(), number)
        self._remember(name, _Section(start, len(self.text.lines), options, folded))

    def _remember(self, name: str, section: _Section) -> None:
        # `[]` has no name that anyone could ask for: "" is what stands before the first header.
        if name or section.start == -1:
            self._sections.setdefault(name, section)
            self._folded.setdefault(name.lower(), section)

    def _section(self, name: str) -> Optional[_Section]:
        name = name.strip(_BLANKS)
        return self._sections.get(name) or self._folded.get(name.lower())

    def _find(self, section: str, option: str) -> Optional[int]:
        there = self._section(section)
        if there is None:
            return None
        option = option.strip(_BLANKS)
        return there.options.get(option, there.folded.get(option.lower()))

    def _spaces(self, there: Optional[_Section], spacing: str) -> bool:
        """Look how the lines nearest to the new one are written: its section's, else the whole file's."""
        if spacing != "auto":
            return spacing == "spaces"
        numbers = list(there.options.values()) if there is not None else []
        if not numbers:
            numbers = [number for section in self._sections.values() for number in section.options.values()]
        spaced = sum(1 for number in numbers if self.text.lines[number].partition("=")[0][-1:] in (" ", "\t"))
        return 2 * spaced > len(numbers)

    def _place(self, there: _Section) -> int:
        """Return the line where a new option goes: the section's end, before the next header's own comment."""
        lines, first = self.text.lines, there.start + 1
        end = _before_blanks(lines, first, there.end)
        if there.end == len(lines):
            return end
        comment = end
        while comment > first and lines[comment - 1].lstrip(_BLANKS)[:1] in (";", "#"):
            comment -= 1
        # A comment with a blank line above it speaks of the section that follows.
        if first < comment < end and not lines[comment - 1].strip():
            return _before_blanks(lines, first, comment)
        return end

    def _with_section(self, section: str, line: str, newline: str) -> Text:
        lines = self.text.lines
        added = ["[%s]" % section.strip(_BLANKS), line]
        headers = [one.start for one in self._sections.values() if one.start > 0]
        if lines and lines[-1].strip() and (not headers or any(not lines[at - 1].strip() for at in headers)):
            added.insert(0, "")
        return self._inserted(len(lines), added, newline)

    def _inserted(self, at: int, added: List[str], newline: str) -> Text:
        lines = self.text.lines
        # The line end of the line before counts, then that of any other.
        near = lines[max(0, at - 1) :] + lines[: max(0, at - 1)]
        ends = [end for end in (split_end(line)[1] for line in near) if end]
        newline = ends[0] if ends else newline
        if at and not split_end(lines[at - 1])[1]:
            # The last line had no end, and so the new last one gets none either.
            before = lines[at - 1] + newline
            return self._replaced(at - 1, at, [before] + [line + newline for line in added[:-1]] + [added[-1]])
        return self._replaced(at, at, [line + newline for line in added])

    def _replaced(self, start: int, end: int, lines: List[str]) -> Text:
        return self.text._replace(lines=self.text.lines[:start] + lines + self.text.lines[end:])


def parse_ini(data: bytes, encoding: str, path: str) -> Ini:
    """Return a file's parsed form; the same bytes are parsed once, however many options are asked for.

    Raises:
        ResourceError: the bytes are not text of that encoding (`text-encoding`).
    """
    kept = _memo.get((path, encoding))
    if kept is not None and kept[0] == data:
        return kept[1]
    found = Ini(parse(data, encoding, path))
    if len(_memo) >= _MEMO_SIZE:
        del _memo[next(iter(_memo))]
    _memo[path, encoding] = (data, found)
    return found


# A memo of pure results: the key's file may change, and then its bytes do.
_memo: Dict[Tuple[str, str], Tuple[bytes, Ini]] = {}


def _before_blanks(lines: List[str], first: int, end: int) -> int:
    while end > first and not lines[end - 1].strip():
        end -= 1
    return end


def _section_name(line: str) -> Optional[str]:
    text = line.strip(_BLANKS + "\n")
    if not text.startswith("[") or "]" not in text:
        return None
    return text[1 : text.rindex("]")].strip(_BLANKS)


def _option_name(line: str) -> Optional[str]:
    name, equals, _ = line.partition("=")
    name = name.strip(_BLANKS)
    return name if equals and name and name[0] not in ";#" else None


def _taken_apart(line: str) -> Tuple[str, str, str]:
    """Return what stands before the value, the value, and what stands after it."""
    name, _, rest = line.partition("=")
    body, end = split_end(rest)
    value = body.strip(_BLANKS)
    if not value:
        # Only blanks: they stand before a value that is written there, as in `a = `.
        return name + "=" + body.rstrip("\r"), "", body[len(body.rstrip("\r")) :] + end
    lead = len(body) - len(body.lstrip(_BLANKS))
    return name + "=" + body[:lead], value, body[lead + len(value) :] + end
