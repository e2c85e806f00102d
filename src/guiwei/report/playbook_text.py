"""A playbook as text, with comments in both languages: what `guiwei capture` writes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from guiwei.report.words import Words

__all__ = ["PlayText", "Template", "playbook_text", "said", "yaml_text"]

#: Characters that YAML takes as they are, in double quotes too; the rest is escaped.
_SET = r"\x20\x21\x23-\x5b\x5d-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff"
_PLAIN = re.compile(f"[{_SET}]")
#: A line that may stand in a literal block: empty, or not of blanks alone.
_BLOCK_LINE = re.compile(rf"(?! +\Z)[{_SET}\"\\]*")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
#: What the playbook language would take for a template.
_TEMPLATES = ("{{", "{%", "{#")

_EN, _ZH = Words("en"), Words("zh")


class Template(str):
    """A text of a playbook that is to be rendered; every other one is what it is, whatever it looks like."""

    __slots__ = ()


class PlayText:
    """One play that is put together part by part.

    Args:
        host: what it is of.
        product: the profile's name, None for a play of tasks alone.
    """

    def __init__(self, host: str, product: str | None) -> None:
        self._host = host
        self._product = product
        #: Dotted path → value.
        self.state: dict[str, Any] = {}
        #: Dotted path → what people call it, and what they should know of it; a comment above it.
        self.about: dict[str, str] = {}
        #: Instance → dotted path → value, where instances differ.
        self.differing: dict[str, dict[str, Any]] = {}
        #: Comments on what the playbook does not say.
        self.left_out: list[str] = []
        #: Resource type and arguments, or a comment.
        self.tasks: list[tuple[str, Mapping[str, Any]] | str] = []

    def lines(self) -> Iterator[str]:
        """Yield the play's lines."""
        yield f"- name: {yaml_text(said('capture-play', host=self._host))}"
        yield f"  hosts: {yaml_text(self._host)}"
        if self._product is not None:
            yield f"  product: {self._product}"
        if self.differing:
            yield f"  # {said('capture-several')}"
            yield "  vars:"
            yield "    captured:"
            for instance, values in self.differing.items():
                yield f"      {yaml_text(instance)}:"
                yield from (f"        {yaml_text(path)}: {yaml_text(value)}" for path, value in values.items())
        if self.state:
            yield "  state:"
            yield from self._mapping(_nested(self.state), (), 4)
        yield from (f"  # {line}" for line in self.left_out)
        if self.tasks:
            yield "  tasks:"
            for task in self.tasks:
                yield from [f"    # {task}"] if isinstance(task, str) else _task(*task)

    def _mapping(self, values: Mapping[str, Any], path: tuple[str, ...], indent: int) -> Iterator[str]:
        for name, value in values.items():
            whole = (*path, name)
            about = self.about.get(".".join(whole))
            if about:
                yield f"{' ' * indent}# {about}"
            if isinstance(value, Mapping):
                yield f"{' ' * indent}{yaml_text(name)}:"
                yield from self._mapping(value, whole, indent + 2)
            else:
                yield f"{' ' * indent}{yaml_text(name)}: {yaml_text(value)}"


def said(code: str, /, **arguments: Any) -> str:
    """Return a text in both languages on one line."""
    texts = (_EN.say(code, **arguments), _ZH.say(code, **arguments))
    return " / ".join(dict.fromkeys(" ".join(text.split()) for text in texts))


def playbook_text(plays: Sequence[PlayText], head: Iterable[str]) -> str:
    """Return a whole playbook.

    Args:
        head: lines of the comment at its top.
    """
    lines = [f"# {line}" for line in head]
    for play in plays:
        lines += ["", *play.lines()]
    return "\n".join(lines) + "\n"


def _task(module: str, arguments: Mapping[str, Any]) -> Iterator[str]:
    yield f"    - {module}:"
    for name, value in arguments.items():
        if isinstance(value, str) and _is_block(value):
            yield f"        {name}: {_tag(value)}|{_chomping(value)}"
            yield from (f"          {line}" if line else "" for line in value.rstrip("\n").split("\n"))
            yield from [""] * (len(value) - len(value.rstrip("\n")) - 1)
        else:
            yield f"        {name}: {yaml_text(value)}"


def _is_block(text: str) -> bool:
    """Tell whether a text of several lines reads back from a literal block as it is."""
    lines = text.rstrip("\n").split("\n")
    # The first line's indentation is the block's; a line of blanks alone could be taken for it.
    if len(lines) < 2 or lines[0][:1] in ("", " "):
        return False
    return all(_BLOCK_LINE.fullmatch(line) for line in lines)


def _chomping(text: str) -> str:
    ends = len(text) - len(text.rstrip("\n"))
    return "-" if ends == 0 else "" if ends == 1 else "+"


def _tag(text: str) -> str:
    return "!unsafe " if any(sign in text for sign in _TEMPLATES) else ""


def yaml_text(value: Any) -> str:
    """Return a scalar or a list of scalars as YAML that reads back as exactly this value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(yaml_text(item) for item in value) + "]"
    if not isinstance(value, str):
        return repr(value)
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value) and value.lower() not in _WORDS_OF_YAML:
        return value
    return ("" if isinstance(value, Template) else _tag(value)) + '"' + "".join(map(_escaped, value)) + '"'


#: Plain words that are something else to one reader of YAML or another.
_WORDS_OF_YAML = ("null", "true", "false", "yes", "no", "on", "off", "y", "n")


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if _PLAIN.match(character):
        return character
    number = ord(character)
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _nested(state: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path, value in state.items():
        *above, name = path.split(".")
        place = found
        for part in above:
            place = place.setdefault(part, {})
        place[name] = value
    return found
