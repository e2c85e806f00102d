"""What a command shows: a console in the user's language, or one JSON document."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType

from guiwei.errors import GuiweiError, InputError
from guiwei.report.console import make_console
from guiwei.report.words import Words, pick_language

__all__ = ["Output", "make_output", "source_line", "tell_error", "write_text"]


@dataclass(frozen=True)
class Output:
    """Where results go.

    Attributes:
        as_json: one JSON document on standard output; everything else goes to standard error.
    """

    lang: str
    as_json: bool = False

    @cached_property
    def words(self) -> Words:
        """The catalogue in the user's language."""
        return Words(self.lang)

    @cached_property
    def console(self) -> Console:
        """Standard output."""
        return make_console(environ=os.environ)

    @cached_property
    def side(self) -> Console:
        """Standard error: progress, notices, questions."""
        return make_console(sys.stderr, environ=os.environ)

    def show(self, view: RenderableType) -> None:
        """Show a view to a person; nothing where JSON was asked for."""
        if not self.as_json:
            self.console.print(view)

    def say(self, code: str, **args: Any) -> None:
        """Say one catalogued sentence on standard error."""
        self.side.print(self.words.say(code, **args), highlight=False)

    def document(self, value: Any) -> None:
        """Print the JSON document, if JSON was asked for."""
        if not self.as_json:
            return
        from guiwei.report.as_json import to_json

        json.dump(to_json(value, self.words), sys.stdout, ensure_ascii=False, indent=2)
        sys.stdout.write("\n")


def make_output(lang: str | None, as_json: bool) -> Output:
    """Return the output for a command's options."""
    return Output(pick_language(lang, os.environ), as_json)


def tell_error(error: GuiweiError, lang: str | None, as_json: bool) -> None:
    """Show an expected error: on standard error for a person, as the JSON document for a program."""
    from guiwei.report.problem import render_error

    output = make_output(lang, as_json)
    if as_json:
        output.document(error)
        return
    # Nothing folds a line for a program: `file:line:column: …` stays in one piece.
    output.side.print(render_error(error, output.words, source_line(error)), soft_wrap=not output.side.is_terminal)


def write_text(path: Path, text: str) -> None:
    """Write a file that the user asked for.

    Raises:
        InputError: it cannot be written there (`file-unwritable`).
    """
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise InputError("file-unwritable", file=str(path), reason=error.strerror or str(error)) from error


def source_line(error: GuiweiError) -> str | None:
    """Return the line of the user's file that an error means, if it can be read."""
    if error.place is None:
        return None
    try:
        with open(error.place.file, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if number == error.place.line:
                    return line.rstrip("\n")
    except (OSError, UnicodeDecodeError):
        return None
    return None
