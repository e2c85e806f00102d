"""Render the Jinja2 of playbooks: strict, sandboxed, lazy as Ansible's variables are, and silent about secrets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from guiwei.errors import InputError, Place
from guiwei.language._closed import ReferenceUsed
from guiwei.language._evaluate import LATE, Run, Scope, TooEarly, place_in, problem_error
from guiwei.language._jinja import TemplateProblem, compile_text, is_template, simple_pieces
from guiwei.language._secrets import publish
from guiwei.language._text import decode, read_bytes
from guiwei.target.secret import Secret

__all__ = [
    "LATE",
    "PlaceOf",
    "Scope",
    "Templates",
    "TooEarly",
    "check_templates",
    "condition_references",
    "is_template",
    "references",
]

#: Gives the place of a part of a value, by its path below the value.
PlaceOf = Callable[[tuple[str | int, ...]], Place | None]


def _nowhere(path: tuple[str | int, ...]) -> None:
    return None


class Templates:
    """Render values and files of one play.

    A value that is exactly one `{{ expression }}` becomes what the expression gives, of whatever type; any other
    text with braces becomes a text. Variables may hold templates, rendered where they are used. A rendering that
    looked into a `Secret` is a `Secret` as a whole. Keys of mappings and `Unsafe` texts stay as they are.

    Args:
        folder: the play's folder; files of templates are looked for in it, then in `templates/` below.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def render(self, value: Any, scope: Mapping[str, Any], place_of: PlaceOf = _nowhere, *, early: bool = False) -> Any:
        """Return a value with its templates rendered.

        Args:
            value: any YAML value.
            scope: the variables; a `Scope` also tells which are no templates.
            place_of: where the parts of the value stand.
            early: facts, instance and observations are not known yet.

        Raises:
            InputError: `template-undefined`, `template-syntax`, `template-cycle`, … with the place.
            TooEarly: with `early`, when something needs what is not known yet.
        """
        return publish(_walk(Run(scope, "early" if early else "full"), value, place_of, ()))

    def render_reading(self, value: Any, scope: Mapping[str, Any], place_of: PlaceOf = _nowhere) -> Any:
        """Return a key or option field, rendered but for `{{ facts.… }}` and `{{ instance.… }}`.

        Those stay as they are, for the agent to fill in; nothing may be computed with them.

        Raises:
            InputError: `template-reading` for a computation with such a reference, `template-reading-secret` for a
                secret, and what `render` raises.
        """
        run = Run(scope, "reading")
        try:
            rendered = publish(_walk(run, value, place_of, ()))
        except ReferenceUsed:
            raise InputError("template-reading", run.place, reference=_bare(value)) from None
        for path, part in _leaves(rendered, ()):
            if isinstance(part, Secret):
                raise InputError("template-reading-secret", place_of(path))
        return rendered

    def condition(
        self, expression: str, scope: Mapping[str, Any], place: Place | None = None, *, early: bool = False
    ) -> bool:
        """Return whether an expression (without braces) holds.

        Raises:
            InputError: `when-not-bool` if it is not true or false, `when-secret` if it looked into a secret, and what
                `render` raises.
            TooEarly: with `early`, when it needs what is not known yet.
        """
        found = publish(Run(scope, "early" if early else "full", place).expression(expression))
        if isinstance(found, Secret):
            raise InputError("when-secret", place, expression=expression)
        if not isinstance(found, bool):
            raise InputError("when-not-bool", place, expression=expression, found=_kind(found))
        return found

    def find(self, name: str, folders: tuple[str, ...], place: Place | None = None) -> Path:
        """Return a file of the play's: in its folder, else in one of `folders` below it.

        Raises:
            InputError: `play-file-missing`, with where it was looked for.
        """
        candidates = [self.folder / name, *(self.folder / folder / name for folder in folders)]
        for candidate in candidates:
            if candidate.is_file():
                return candidate
        looked = [str(candidate) for candidate in dict.fromkeys(candidates)]
        raise InputError("play-file-missing", place, name=name, looked=", ".join(looked))

    def file_references(self, path: str) -> frozenset[str]:
        """Return the variables that a template's file names; none if there is no such file."""
        try:
            return references(_text_of(self.find(path, ("templates",))))
        except InputError:
            return frozenset()

    def render_file(
        self, path: str, scope: Mapping[str, Any], place: Place | None = None, *, early: bool = False
    ) -> str | Secret:
        """Return the rendering of a template's file (UTF-8).

        Args:
            path: relative to the play's folder, then to `templates/` in it.
            place: where the playbook names the file.
            early: facts, instance and observations are not known yet.

        Raises:
            TooEarly: with `early`, when it needs what is not known yet.
            InputError: `play-file-missing`, and what `render` raises, with the place in the template.
        """
        found = self.find(path, ("templates",), place)
        text = _text_of(found)
        if not is_template(text):
            return text
        run = Run(scope, "early" if early else "full")
        try:
            # As a file a template gives a text, even if it is a single expression.
            program = compile_text(text + _AS_TEXT)
        except TemplateProblem as problem:
            raise problem_error(problem, place_in(str(found), text, problem.line, problem.word)) from None
        rendered = publish(run.program(program, text, str(found)))
        if not isinstance(rendered, (str, Secret)):
            raise TypeError(f"a template's file gave {type(rendered).__name__}")
        return rendered


#: An empty comment: with it a text is never exactly one expression, and its rendering is the same.
_AS_TEXT = "{% if false %}{% endif %}"


def references(value: Any) -> frozenset[str]:
    """Return the variables that a value's templates name, `facts.a.b` as far as it is followed by plain names.

    Args:
        value: any YAML value; broken templates in it name nothing.
    """
    return frozenset().union(*(_named(text, False) for text in _texts(value)))


def condition_references(conditions: Iterable[str]) -> frozenset[str]:
    """Return the variables that expressions without braces name; see `references`."""
    return frozenset().union(*(_named(text, True) for text in conditions))


def check_templates(value: Any, place_of: PlaceOf = _nowhere, *, expression: bool = False) -> Iterator[InputError]:
    """Yield an error for every template in a value that is none.

    Args:
        value: any YAML value.
        place_of: where its parts stand.
        expression: the texts are expressions without braces.
    """
    for path, part in _leaves(value, ()):
        if type(part) is str and (expression or (is_template(part) and simple_pieces(part) is None)):
            try:
                compile_text(part, expression)
            except TemplateProblem as problem:
                yield problem_error(problem, place_of(path))


def _walk(run: Run, value: Any, place_of: PlaceOf, path: tuple[str | int, ...]) -> Any:
    """Render a value of a playbook part by part, so that errors know their place."""
    kind = type(value)
    if kind is str:
        if not is_template(value):
            return value
        run.place = place_of(path)
        return run.text(value)
    if isinstance(value, Mapping):
        return {name: _walk(run, part, place_of, (*path, name)) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_walk(run, part, place_of, (*path, index)) for index, part in enumerate(value)]
    return value


def _leaves(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _leaves(part, (*path, name))
    elif isinstance(value, (list, tuple)):
        for index, part in enumerate(value):
            yield from _leaves(part, (*path, index))
    else:
        yield path, value


def _texts(value: Any) -> Iterator[str]:
    for _, part in _leaves(value, ()):
        if type(part) is str and is_template(part):
            yield part


@lru_cache(maxsize=8192)
def _named(text: str, expression: bool) -> frozenset[str]:
    pieces = None if expression else simple_pieces(text)
    if pieces is not None:
        return frozenset(".".join(piece) for piece in pieces if isinstance(piece, tuple))
    try:
        program = compile_text(text, expression)
    except TemplateProblem:
        return frozenset()
    dotted = {part for part in program.dotted if part.partition(".")[0] in program.names}
    followed = {part.partition(".")[0] for part in dotted}
    return frozenset(dotted | (program.names - followed))


def _bare(value: Any) -> str:
    return next((name for name in sorted(references(value)) if name in LATE), "facts")


def _kind(found: Any) -> str:
    if found is None:
        return "null"
    if isinstance(found, str):
        return f'"{found}"' if len(found) < 40 else "text"
    return {int: "number", float: "number", list: "list", dict: "mapping"}.get(type(found), type(found).__name__)


def _text_of(path: Path) -> str:
    try:
        status = path.stat()
    except OSError as error:
        raise InputError("file-unreadable", file=str(path), reason=error.strerror or str(error)) from None
    return _read_text(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=512)
def _read_text(path: Path, mtime_ns: int, size: int) -> str:
    """Read once for each state of the file."""
    return decode(read_bytes(path), str(path))
