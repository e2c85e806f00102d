"""An error as a person reads it: where, what, the line itself, and what to do."""

from __future__ import annotations

from rich.cells import cell_len
from rich.text import Text

from guiwei.errors import GuiweiError
from guiwei.model.inventory import Notice
from guiwei.report._text import clean
from guiwei.report.words import Words

__all__ = ["render_error", "render_notice"]

#: Columns of a source line that are shown; a longer one is cut around the caret.
_WINDOW = 80


def render_error(error: GuiweiError, words: Words, source_line: str | None = None) -> Text:
    """Return `file:line:column: message`, the source line with a caret under the column, and `→ fix`.

    Args:
        source_line: the line that the error's place names, without its end; None shows no line.
    """
    return _render(error, words.error(error), words.error_fix(error), source_line, "gw.bad")


def render_notice(notice: Notice, words: Words, source_line: str | None = None) -> Text:
    """Return a notice (something that works, but not as Ansible would do it) in the form of an error."""
    message = words.say("view-notice", message=words.say(notice.code, **notice.arguments))
    return _render(notice, message, words.fix(notice.code, **notice.arguments), source_line, "gw.warn")


def _render(told: GuiweiError | Notice, message: str, fix: str | None, source_line: str | None, style: str) -> Text:
    text = Text()
    if told.place:
        text.append(f"{clean(told.place.file)}:{told.place.line}:{told.place.column}: ", style="gw.strong")
    text.append(message, style=style)
    if told.place and source_line is not None:
        text.append("\n").append_text(_source(source_line, told.place.line, told.place.column))
    if fix:
        text.append("\n").append("→ ", style="gw.good").append(fix)
    return text


def _source(line: str, number: int, column: int) -> Text:
    """The line under a gutter with its number, and a caret that stands under the column as the terminal shows it."""
    shown = clean(line.replace("\t", " ").rstrip("\r\n"), keep="")
    before = clean(line[: column - 1].replace("\t", " "), keep="")
    shown, before = _window(shown, before)
    gutter = f"{number:>5} │ "
    text = Text().append(gutter, style="gw.muted").append(shown)
    return text.append("\n" + " " * (len(gutter) - 2) + "│ ", style="gw.muted").append(
        " " * cell_len(before) + "^", style="gw.bad"
    )


def _window(shown: str, before: str) -> tuple[str, str]:
    if cell_len(shown) <= _WINDOW:
        return shown, before
    start = 0
    while cell_len(before[start:]) > _WINDOW // 2:
        start += 1
    end = start + 1
    while end < len(shown) and cell_len(shown[start : end + 1]) <= _WINDOW:
        end += 1
    head, tail = ("…" if start else ""), ("…" if end < len(shown) else "")
    return head + shown[start:end] + tail, head + before[start:]
