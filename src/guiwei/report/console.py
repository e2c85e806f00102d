"""The terminal: colours that are calm on a white and on a dark ground, and lines with a left and a right part."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from typing import IO

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.text import Text
from rich.theme import Theme

__all__ = ["STATUS_STYLES", "THEME", "Flush", "Line", "blank", "ink", "make_console", "rule"]

#: Middle tones: each keeps a contrast of at least 3 to 1 against white and against a dark ground.
THEME = Theme(
    {
        "gw.add": "#2b9a66",
        "gw.change": "#b5761a",
        "gw.remove": "#d0524f",
        "gw.run": "#3b82c4",
        "gw.maybe": "#8b6fc6",
        "gw.muted": "#7d8590",
        "gw.faint": "#89919b",
        "gw.strong": "bold",
        "gw.good": "#2b9a66",
        "gw.bad": "#d0524f",
        "gw.warn": "#b5761a",
        "gw.place": "#7d8590",
        "gw.head": "bold",
    }
)

STATUS_STYLES = {
    "unchanged": "gw.muted",
    "differs": "gw.change",
    "changed": "gw.good",
    "waiting": "gw.run",
    "refused": "gw.bad",
    "failed": "gw.bad",
    "unreachable": "gw.bad",
    "unknown": "gw.bad",
    "skipped": "gw.muted",
    "pending": "gw.run",
}

#: What stands in for a sign that the terminal's encoding (GBK on many Windows PCs) does not have.
_STAND_INS = {
    "☎": "#",
    "✓": "√",
    "✗": "×",
    "•": "*",
    "‹": "<",
    "›": ">",
    "│": "|",
    "─": "-",
    "→": "->",
    "…": "...",
    "·": "-",
}


def _stand_in(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    told = ""
    for character in error.object[error.start : error.end]:
        for candidate in (_STAND_INS.get(character), {"✓": "+", "✗": "x"}.get(character), "?"):
            if candidate is not None and _encodes(candidate, error.encoding):
                told += candidate
                break
    return told, error.end


def _encodes(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def make_console(file: IO[str] | None = None, *, width: int | None = None, environ: Mapping[str, str]) -> Console:
    """Return a console that writes plain text where nobody sees colours.

    Args:
        file: where to write; the standard output if None.
        width: columns; None asks the terminal, and takes 100 where there is none.
        environ: the process's environment: a non-empty `NO_COLOR` turns colours off (https://no-color.org).
    """
    console = Console(
        file=file,
        width=width,
        theme=THEME,
        no_color=bool(environ.get("NO_COLOR")) or None,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=False,
    )
    if not console.is_terminal:
        console = Console(
            file=file,
            width=width or 100,
            theme=THEME,
            color_system=None,
            force_terminal=False,
            highlight=False,
            markup=False,
            emoji=False,
        )
    reconfigure = getattr(console.file, "reconfigure", None)
    if reconfigure is not None:
        codecs.register_error("guiwei-stand-in", _stand_in)
        reconfigure(errors="guiwei-stand-in")
    return console


def ink(text: str, style: str) -> Text:
    """Return a text in a style that ends with it: what is appended later keeps its own."""
    return Text().append(text, style=style)


class Line:
    """One line with a left part that wraps under itself and a right part that stays at the margin.

    Args:
        left: what is said.
        right: what it comes from or how it stands; goes below where both do not fit.
        indent: columns before both.
        hang: further columns before the second and later lines of `left`.
    """

    def __init__(self, left: Text, right: Text | None = None, indent: int = 0, hang: int = 2) -> None:
        self.left = left
        self.right = right
        self.indent = indent
        self.hang = hang

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if "\n" in self.left.plain:
            first, *rest = self.left.split("\n", allow_blank=True)
            yield Line(first, self.right, self.indent, self.hang)
            for piece in rest:
                yield Line(piece, None, self.indent, self.hang)
            return
        width = options.max_width
        margin = " " * self.indent
        left = cell_len(self.left.plain)
        right = cell_len(self.right.plain) if self.right else 0
        if self.indent + left + (right + 2 if right else 0) <= width:
            line = Text(margin).append_text(self.left)
            if self.right:
                line.append(" " * (width - self.indent - left - right)).append_text(self.right)
            yield line
            return
        room = max(width - self.indent - self.hang, 8)
        for number, piece in enumerate(self.left.wrap(console, room, tab_size=4)):
            piece.rstrip()
            yield Text(margin + " " * (self.hang if number else 0)).append_text(piece)
        if self.right:
            room = max(width - self.indent - self.hang, 8)
            for piece in self.right.wrap(console, room, tab_size=4):
                piece.rstrip()
                yield Text(" " * max(width - cell_len(piece.plain), 0)).append_text(piece)


class Flush:
    """Anything that rich renders, indented and without blanks at the line ends.

    Args:
        content: such as a table.
        indent: columns before it.
    """

    def __init__(self, content: RenderableType, indent: int = 0) -> None:
        self.content = content
        self.indent = indent

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        inner = options.update(width=max(options.max_width - self.indent, 8))
        for segments in console.render_lines(self.content, inner, pad=False):
            line = Text(" " * self.indent, end="\n")
            for segment in segments:
                line.append(segment.text, style=segment.style)
            line.rstrip()
            yield line


def blank() -> Text:
    """Return an empty line."""
    return Text("")


def rule() -> _Rule:
    """Return a thin line over the whole width."""
    return _Rule()


class _Rule:
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield ink("─" * options.max_width, "gw.faint")
