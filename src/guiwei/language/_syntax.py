"""Turn the YAML parser's complaints into errors that say what to write instead."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import yaml

from guiwei.errors import InputError, Place

__all__ = ["syntax_error"]

_TEMPLATE = re.compile(r"(?::|^\s*-)\s+(\{\{)")
_INDENTATION = ("did not find expected key", "'-' indicator", "<block end>", "could not find expected ':'")


def syntax_error(error: yaml.MarkedYAMLError, file: str, line: Callable[[int], str]) -> InputError:
    """Return the error for what the parser found.

    The parser's wording is the only sign of the cause, and libyaml's differs from PyYAML's own in places; what
    neither of them names falls back to `yaml-syntax` with the parser's words.

    Args:
        error: what the parser raised.
        file: the file's name.
        line: gives a line's text by its 1-based number.
    """
    problem, context = error.problem or "", error.context or ""
    mark: Any = error.problem_mark or error.context_mark
    opened: Any = error.context_mark or mark
    place, start = (Place(file, at.line + 1, at.column + 1) for at in (mark, opened))
    text = line(place.line)
    character = text[mark.column : mark.column + 1]

    template = _TEMPLATE.search(text) or (_TEMPLATE.search(line(start.line)) if start.line != place.line else None)
    if "tab character" in problem or ("cannot start any token" in problem and character == "\t"):
        return InputError("yaml-tab", place)
    if template:
        at = place if _TEMPLATE.search(text) else start
        return InputError("yaml-unquoted-template", Place(file, at.line, template.start(1) + 1))
    if "quoted scalar" in context:
        if "escape" in problem:
            # libyaml points at the backslash, PyYAML's own scanner behind it.
            slash = mark.column - (character != "\\")
            return InputError("yaml-bad-escape", place._replace(column=slash + 1), escape=text[slash : slash + 2])
        return InputError("yaml-unclosed-quote", start)
    if "cannot start any token" in problem:
        return InputError("yaml-bad-start", place, character=character)
    if "mapping values are not allowed" in problem:
        return InputError("yaml-colon", place)
    if "flow" in context:
        return InputError("yaml-unclosed-bracket", start)
    if any(words in problem for words in _INDENTATION):
        return InputError("yaml-indentation", place)
    return InputError("yaml-syntax", place, detail=problem or context or str(error))
