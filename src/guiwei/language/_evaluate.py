"""Evaluation of templates over variables that may be templates themselves, and over secrets.

How secrets stay secret: see `_closed`. A rendering first runs with every secret in a closed box. If something looked
into one (or the rendering failed after a box was handed out), it runs again with the texts, and its whole result is a
secret. Between variables a tainted value that is no text is kept as `Sealed`; outside it is a `Secret` as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from jinja2 import TemplateError
from jinja2.utils import missing

from guiwei.errors import InputError, Place
from guiwei.language._closed import Postponed, Reference, Touched, Watch
from guiwei.language._jinja import (
    MissingName,
    PostponedUndefined,
    Program,
    TemplateProblem,
    compile_text,
    near,
    simple_pieces,
)
from guiwei.language._secrets import Sealed, box, expose, rewatch, secrecy, settle
from guiwei.target.secret import Secret

__all__ = ["LATE", "Run", "Scope", "TooEarly", "place_in", "problem_error"]

#: Names that only an observation gives.
LATE = ("facts", "instance", "observed")

_WAITING = (Postponed, PostponedUndefined)
_DICT_METHODS = frozenset(dir(dict))


class Scope(Mapping[str, Any]):
    """The variables of one declaration.

    Args:
        variables: may hold templates, which are rendered when they are used.
        data: never templates: what was observed, loop items, names of hosts. Wins over `variables`.
    """

    __slots__ = ("data", "variables")

    def __init__(self, variables: Mapping[str, Any], data: Mapping[str, Any] | None = None) -> None:
        self.variables = variables
        self.data: Mapping[str, Any] = {} if data is None else data

    @classmethod
    def of(cls, scope: Mapping[str, Any]) -> Scope:
        """Return any mapping as a scope."""
        return scope if isinstance(scope, Scope) else cls(scope)

    def with_data(self, data: Mapping[str, Any]) -> Scope:
        """Return the scope with more data."""
        return Scope(self.variables, {**self.data, **data})

    def __getitem__(self, name: str) -> Any:
        return self.data[name] if name in self.data else self.variables[name]

    def __iter__(self) -> Iterator[str]:
        yield from self.data
        yield from (name for name in self.variables if name not in self.data)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"Scope({', '.join(map(str, self))})"


class TooEarly(Exception):
    """A rendering needs what is not observed yet.

    Attributes:
        name: `facts`, `instance` or `observed`.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Run:
    """One evaluation of one or more values over one scope; remembers the variables that it rendered.

    Args:
        scope: the variables.
        mode: `full` (everything is known), `early` (a late name raises `TooEarly`), or `reading` (`facts` and
            `instance` are references for the agent to fill in).
        place: where errors point to; it may be moved between values.
    """

    def __init__(self, scope: Mapping[str, Any], mode: str = "full", place: Place | None = None) -> None:
        self.scope = Scope.of(scope)
        self.mode = mode
        self.place = place
        self.watch = Watch()
        self._ready: dict[str, Any] = {}
        self._secretive: dict[str, int] = {}
        self._boxed: dict[str, Any] = {}
        self._opened: dict[str, Any] = {}
        self._pending: list[str] = []

    # Values

    def value(self, item: Any) -> Any:
        """Render a value; secrets in it are `Secret`, tainted non-texts `Sealed`, references `Reference`."""
        kind = type(item)
        if kind is str:
            return self.text(item) if "{{" in item or "{%" in item else item
        if kind is dict:
            return {name: self.value(part) for name, part in item.items()}
        if kind is list or kind is tuple:
            return [self.value(part) for part in item]
        if isinstance(item, Mapping):
            return {name: self.value(part) for name, part in item.items()}
        return item

    def text(self, text: str) -> Any:
        """Render one template."""
        pieces = simple_pieces(text)
        if pieces is not None:
            found = self._joined(pieces)
            if found is not missing:
                return found
        return self.program(self._compiled(text), text)

    def _joined(self, pieces: tuple[str | tuple[str, ...], ...]) -> Any:
        """Render texts and plain dotted names without Jinja2; `missing` for whatever is not that plain."""
        if len(pieces) == 1:
            return self._follow(pieces[0])
        output = []
        for piece in pieces:
            if type(piece) is str:
                output.append(piece)
                continue
            found = self._follow(piece)
            if type(found) is not str and type(found) is not int:
                return missing
            output.append(str(found))
        return "".join(output)

    def expression(self, text: str) -> Any:
        """Evaluate an expression without braces."""
        return self.program(self._compiled(text, True), text)

    def program(self, program: Program, text: str, file: str | None = None) -> Any:
        """Run a program: closed first, open if anything looked inside.

        Args:
            text: what it was compiled from.
            file: the template's file, for places; None for a value of a playbook.
        """
        watch, outer = Watch(), self.watch
        self.watch = watch
        try:
            try:
                result = settle(program.run(self._closed), watch)
                failure: Exception | None = None
            except (InputError, TooEarly):
                raise
            except Exception as error:
                failure = error
            if watch.used is not None:
                raise InputError("template-reading", self._at(program, text, file, failure), reference=watch.used)
            # A name that is missing is missing whatever is in the boxes; any other failure may come of the boxes.
            sure = failure is None or not watch.handed or isinstance(failure, MissingName)
            if sure and not watch.touched:
                if failure is not None:
                    raise self._explained(failure, program, text, file, tainted=False)
                return Reference(result, None, outer) if watch.referred and isinstance(result, str) else result
        finally:
            self.watch = outer
        return self._tainted(program, text, file)

    def _tainted(self, program: Program, text: str, file: str | None) -> Any:
        watch, outer = Watch(), self.watch
        self.watch = watch
        try:
            result = settle(program.run(self._open), watch)
        except (InputError, TooEarly):
            raise
        except Exception as error:
            if watch.used is not None:
                place = self._at(program, text, file, error)
                raise InputError("template-reading", place, reference=watch.used) from None
            raise self._explained(error, program, text, file, tainted=True) from None
        finally:
            self.watch = outer
        if watch.used is not None:
            raise InputError("template-reading", self._at(program, text, file, None), reference=watch.used)
        return Secret(str(result)) if isinstance(result, str) else Sealed(result)

    # Names

    def _found(self, name: str) -> Any:
        """Look up for Jinja2, which asks for every name before it knows which ones it needs: failures can wait."""
        try:
            return self.lookup(name)
        except InputError as error:
            if error.code == "template-undefined":
                # As in Ansible, a variable that needs an undefined one is undefined itself.
                return PostponedUndefined(error)
            return Postponed(error)
        except TooEarly as late:
            return Postponed(late)

    def _closed(self, name: str) -> Any:
        found = self._found(name)
        depth = self._depth(name, found)
        if not depth:
            return self._watched(found)
        if depth == 2:
            # `x is true` would look at a box's identity and miss what is in it; a text is never mistaken so.
            self.watch.touched = True
            raise Touched
        self.watch.handed = True
        return box(found, self.watch)  # references in it report here as well

    def _open(self, name: str) -> Any:
        found = self._found(name)
        if not self._depth(name, found):
            return self._watched(found)
        if name not in self._opened:
            self._opened[name] = expose(found)
        return self._watched(self._opened[name])

    def _depth(self, name: str, found: Any) -> int:
        if type(found) in _WAITING:
            return 0
        if name not in self._secretive:
            self._secretive[name] = secrecy(found)
        return self._secretive[name]

    def _watched(self, found: Any) -> Any:
        if self.mode == "reading" and found is not missing and type(found) not in _WAITING:
            return rewatch(found, self.watch)
        return found

    def lookup(self, name: str) -> Any:
        """Return a variable, rendered; `missing` if there is none.

        Raises:
            TooEarly: it is not observed yet.
            InputError: it cannot be rendered, or it needs itself.
        """
        if name in self._ready:
            return self._ready[name]
        scope = self.scope
        if name in LATE and name not in scope.data:
            if self.mode == "early":
                raise TooEarly(name)
            if self.mode == "reading":
                if name == "observed":
                    raise InputError("template-reading", self.place, reference=name)
                return Reference.to(name, self.watch)
        if name in scope.data:
            found = scope.data[name]
        elif name in scope.variables:
            found = self._variable(name, scope.variables[name])
        else:
            return missing
        self._ready[name] = found
        return found

    def _variable(self, name: str, raw: Any) -> Any:
        if name in self._pending:
            chain = [*self._pending[self._pending.index(name) :], name]
            raise InputError("template-cycle", self.place, chain=" → ".join(chain))
        self._pending.append(name)
        try:
            return self.value(raw)
        finally:
            self._pending.pop()

    def _follow(self, path: Sequence[str]) -> Any:
        """Follow a plain dotted name without Jinja2; `missing` wherever Jinja2 might see it otherwise."""
        found = self.lookup(path[0])
        if found is missing or (path[0] in LATE and self.mode == "reading"):
            return missing
        for part in path[1:]:
            if type(found) is Reference or not isinstance(found, Mapping) or part not in found or part in _DICT_METHODS:
                return missing
            found = found[part]
        return found

    # Errors

    def _compiled(self, text: str, expression: bool = False) -> Program:
        try:
            return compile_text(text, expression)
        except TemplateProblem as problem:
            raise problem_error(problem, self.place) from None

    def _explained(self, error: Exception, program: Program, text: str, file: str | None, tainted: bool) -> InputError:
        place = self._at(program, text, file, error)
        via = {"via": " → ".join(self._pending)} if self._pending else {}
        if isinstance(error, MissingName):
            name, known = _named(error, program, self.scope, text, tainted)
            return InputError("template-undefined", place, name=name, near=known, **via)
        detail = "" if tainted else _detail(error)
        return InputError("template-failed", place, detail=detail, **via)

    def _at(self, program: Program, text: str, file: str | None, error: Exception | None) -> Place | None:
        if file is None:
            return self.place
        line = 1 if error is None else program.line_of(error)
        words: list[str] = []
        if isinstance(error, MissingName) and isinstance(error.name, str):
            words = [dotted for dotted in program.dotted if dotted.endswith("." + error.name)] + [error.name]
        return place_in(file, text, line, *words)


def problem_error(problem: TemplateProblem, place: Place | None) -> InputError:
    """Return the error for a text that is no valid template."""
    return InputError(problem.code, place, **problem.arguments)


def _named(error: MissingName, program: Program, scope: Scope, text: str, tainted: bool) -> tuple[str, list[str]]:
    """Return what is undefined, as the template writes it, and names that are close to it."""
    if not isinstance(error.name, (str, int)):
        return "?", ["—"]
    name = str(error.name)
    if error.container is missing:
        head = name.partition(".")[0]
        return name, ["—"] if head in LATE else near(head, list(scope))
    if tainted and not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text):
        return "?", ["—"]  # a computed name may be the secret itself
    written = [dotted for dotted in program.dotted if dotted.endswith("." + name)]
    keys = () if tainted or not isinstance(error.container, Mapping) else tuple(map(str, error.container))
    known = near(name, keys)
    return written[0] if len(written) == 1 else name, known


def place_in(file: str, text: str, line: int, *words: str) -> Place:
    """Return a place in a template: the column of the first word that is there, else of the first braces."""
    lines = text.split("\n")
    shown = lines[line - 1] if 0 < line <= len(lines) else ""
    for pattern in (*(rf"(?<!\w){re.escape(word)}(?!\w)" for word in words if word), r"\{[{%]"):
        found = re.search(pattern, shown)
        if found:
            return Place(file, line, found.start() + 1)
    return Place(file, line, 1)


def _detail(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "the template calls itself without end"
    if isinstance(error, TemplateError):
        return error.message or type(error).__name__
    return str(error) or type(error).__name__
