"""The Jinja2 environment: sandboxed, strict, and compiled once for each text."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from jinja2 import StrictUndefined, TemplateSyntaxError, UndefinedError, nodes
from jinja2.environment import Template
from jinja2.meta import find_undeclared_variables
from jinja2.parser import Parser
from jinja2.runtime import Context, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

from guiwei.language._closed import Box, Reference
from guiwei.language._filters import FILTERS, TESTS

__all__ = [
    "MissingName",
    "PostponedUndefined",
    "Program",
    "TemplateProblem",
    "TrackingContext",
    "compile_text",
    "is_template",
    "near",
]

#: What a native program assigns its value to.
_RESULT = "__guiwei_result"

#: Functions and variables of Ansible that have no place here; each variable has its own wording.
_LOOKUPS = ("lookup", "query", "q")
_FOREIGN = {
    "hostvars": "template-hostvars",
    "vars": "template-vars",
    "ansible_facts": "template-ansible-facts",
}
_PATH = re.compile(r"\{\{ *([^\W\d]\w*(?:\.[^\W\d]\w*)*) *\}\}")
#: https://jinja.palletsprojects.com/en/stable/templates/#expressions
_KEYWORDS = {"and", "else", "false", "False", "if", "in", "is", "none", "None", "not", "or", "true", "True"}
#: Tests on the outcome of a task: `when` sees what was observed, never outcomes.
_OUTCOMES = {"changed", "failed", "skipped", "succeeded", "success", "finished", "started", "unreachable", "change"}


class TemplateProblem(Exception):
    """A text is no valid template.

    Args:
        code: of the error.
        line: 1-based, in the text.
        arguments: of the error.
    """

    def __init__(self, code: str, line: int = 1, word: str = "", **arguments: Any) -> None:
        super().__init__(code)
        self.code, self.line, self.word, self.arguments = code, line, word, arguments


class MissingName(UndefinedError):
    """An undefined value was used.

    Attributes:
        name: as it was written, dotted as far as it was followed.
        container: the mapping that lacks it, `missing` if no variable has this name.
    """

    def __init__(self, name: Any, container: Any = missing) -> None:
        super().__init__(str(type(name)))
        self.name, self.container = name, container


class _Missing(StrictUndefined):
    """Undefined, strictly; parts of it are undefined too, so that `a.b | default(c)` works when `a` is undefined."""

    __slots__ = ()

    def _fail(self, *args: Any, **kwargs: Any) -> Any:
        if isinstance(self, PostponedUndefined):
            raise self.error
        if self._undefined_exception is not UndefinedError:
            raise self._undefined_exception(self._undefined_message)
        raise MissingName(self._undefined_name, self._undefined_obj)

    def _part(self, name: Any) -> Any:
        if isinstance(self, PostponedUndefined):
            return self
        if self._undefined_exception is not UndefinedError:
            self._fail()
        return _Missing(obj=self._undefined_obj, name=f"{self._undefined_name}.{name}")

    def __getattr__(self, name: str) -> Any:
        if name[:2] == "__":
            raise AttributeError(name)
        return self._part(name)

    def __getitem__(self, name: Any) -> Any:
        return self._part(name if isinstance(name, (str, int)) else "?")


_SPECIAL = """
    str repr iter len bool eq ne hash contains lt le gt ge int float complex call
    add radd sub rsub mul rmul truediv rtruediv floordiv rfloordiv mod rmod pos neg pow rpow
"""
for _special in _SPECIAL.split():
    setattr(_Missing, f"__{_special}__", _Missing._fail)


class PostponedUndefined(_Missing):
    """A variable that needs an undefined one: whoever uses it gets that error."""

    __slots__ = ("error",)

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class TrackingContext(Context):
    """A context whose names come from `find`, which knows what it handed out."""

    find: Callable[[str], Any]

    def resolve_or_missing(self, key: str) -> Any:
        """Look up a name: the template's own, the scope's, then Jinja2's."""
        if key in self.vars:
            return self.vars[key]
        found = self.find(key)
        return ENVIRONMENT.globals.get(key, missing) if found is missing else found


def _finalize(item: Any) -> Any:
    if type(item) is Reference:
        return Reference.emit(item)
    # As Ansible does: nothing is an empty text.
    return "" if item is None else item


class _Environment(ImmutableSandboxedEnvironment):
    def getattr(self, obj: Any, attribute: str) -> Any:
        if type(obj) is Reference:
            return Reference.child(obj, attribute)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if type(obj) is Reference:
            return Reference.child(obj, argument)
        return super().getitem(obj, argument)


def _default(item: Any, default: Any = "", boolean: bool = False) -> Any:
    """Jinja2's filter; that a box is defined is known without opening it."""
    if type(item) is Box and not boolean:
        return item
    return default if isinstance(item, Undefined) or (boolean and not item) else item


def _defined(item: Any) -> bool:
    return type(item) is Box or not isinstance(item, Undefined)


def _environment(newline: Literal["\n", "\r\n"]) -> _Environment:
    environment = _Environment(
        undefined=_Missing,
        finalize=_finalize,
        trim_blocks=True,
        keep_trailing_newline=True,
        newline_sequence=newline,
        cache_size=0,
    )
    environment.context_class = TrackingContext
    environment.filters.update(FILTERS)
    environment.filters["default"] = environment.filters["d"] = _default
    environment.tests.update(TESTS)
    environment.tests["defined"] = _defined
    environment.tests["undefined"] = lambda item: not _defined(item)
    # The same input gives the same plan: nothing random. Nothing that shows Python's own objects either.
    for name in ("random", "pprint"):
        del environment.filters[name]
    del environment.globals["lipsum"]
    # As in Ansible: what is omitted is not set.
    environment.globals["omit"] = None
    return environment


ENVIRONMENT = _environment("\n")
# Jinja2 writes one kind of line end whatever it reads. Files of Windows programs keep theirs; mixed ones get "\\n".
_ENVIRONMENT_CRLF = _environment("\r\n")


def _environment_for(text: str) -> _Environment:
    only_crlf = "\r\n" in text and "\n" not in text.replace("\r\n", "")
    return _ENVIRONMENT_CRLF if only_crlf else ENVIRONMENT


@dataclass(frozen=True)
class Program:
    """A compiled text.

    Attributes:
        native: the text is one expression, whose value `run` gives untouched; else `run` gives a text.
        names: the variables that it looks up.
        dotted: of those, what is followed by constant names: `facts.system`.
    """

    native: bool
    names: frozenset[str]
    dotted: frozenset[str]
    _template: Template

    def run(self, find: Callable[[str], Any]) -> Any:
        """Evaluate with the names that `find` gives (`missing` if it has none)."""
        template = self._template
        context = TrackingContext(ENVIRONMENT, {}, None, template.blocks)
        context.find = find
        pieces = template.root_render_func(context)
        if not self.native:
            return "".join(pieces)
        for _ in pieces:
            pass
        return context.vars[_RESULT]

    def line_of(self, error: BaseException) -> int:
        """Return the 1-based line of the text at which `error` was raised."""
        line, trace = 1, error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_globals.get("__jinja_template__") is self._template:
                line = self._template.get_corresponding_lineno(trace.tb_lineno)
            trace = trace.tb_next
        return line


@lru_cache(maxsize=8192)
def simple_pieces(text: str) -> tuple[str | tuple[str, ...], ...] | None:
    """Return texts and dotted names in turn if a template has nothing else, as nearly all have not; else None.

    Such a template needs no compiler: it cannot be wrong.
    """
    parts = _PATH.split(text)
    if any("{" in part for part in parts[::2]):
        return None
    pieces: list[str | tuple[str, ...]] = []
    for index, part in enumerate(parts):
        if index % 2:
            path = tuple(part.split("."))
            if path[0] in _KEYWORDS or path[0] in _FOREIGN or path[0] in ENVIRONMENT.globals:
                return None
            pieces.append(path)
        elif part:
            pieces.append(part)
    return tuple(pieces)


def is_template(text: str) -> bool:
    """Return whether a text holds Jinja2."""
    return "{{" in text or "{%" in text


@lru_cache(maxsize=8192)
def compile_text(text: str, expression: bool = False) -> Program:
    """Return the program of a text.

    Args:
        text: a template; one that is exactly one `{{ expression }}` is native.
        expression: the text is an expression without braces, as `when` has it.

    Raises:
        TemplateProblem: it is wrong.
    """
    try:
        tree, native = _parse_expression(text) if expression else _parse(text)
        _check(tree)
        names = frozenset(find_undeclared_variables(tree))
        template = _environment_for(text).from_string(tree)
    except TemplateSyntaxError as error:
        raise TemplateProblem("template-syntax", error.lineno or 1, detail=error.message or "") from None
    except RecursionError:
        raise TemplateProblem("template-too-deep") from None
    except TemplateProblem:
        raise
    except Exception as error:
        # Jinja2 computes constants while it compiles: `{{ {[]: 1} }}` fails there and then.
        raise TemplateProblem("template-syntax", detail=str(error) or type(error).__name__) from None
    return Program(native, names, frozenset(_dotted(tree)), template)


def _parse(text: str) -> tuple[nodes.Template, bool]:
    environment = _environment_for(text)
    tree = environment.parse(text)
    if len(tree.body) == 1 and isinstance(tree.body[0], nodes.Output):
        parts = tree.body[0].nodes
        if len(parts) == 1 and not isinstance(parts[0], nodes.TemplateData):
            return _assigning(parts[0], environment), True
    return tree, False


def _parse_expression(text: str) -> tuple[nodes.Template, bool]:
    parser = Parser(ENVIRONMENT, text, state="variable")
    expression = parser.parse_expression()
    if not parser.stream.eos:
        raise TemplateSyntaxError(f"unexpected {parser.stream.current.value!r}", parser.stream.current.lineno)
    return _assigning(expression, ENVIRONMENT), True


def _assigning(expression: nodes.Expr, environment: _Environment) -> nodes.Template:
    tree = nodes.Template([nodes.Assign(nodes.Name(_RESULT, "store"), expression, lineno=1)], lineno=1)
    return tree.set_environment(environment)  # type: ignore[return-value]


def _check(tree: nodes.Template) -> None:
    """Refuse what Ansible or Jinja2 has and a playbook has not; every error names its line."""
    for node in tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)):
        raise TemplateProblem("template-include", node.lineno, type(node).__name__.lower())
    for filtering in tree.find_all(nodes.Filter):
        if filtering.name not in ENVIRONMENT.filters:
            raise _unknown("template-unknown-filter", filtering, list(ENVIRONMENT.filters))
    for testing in tree.find_all(nodes.Test):
        if testing.name in _OUTCOMES:
            raise TemplateProblem("template-outcome-test", testing.lineno, testing.name, test=testing.name)
        if testing.name not in ENVIRONMENT.tests:
            raise _unknown("template-unknown-test", testing, list(ENVIRONMENT.tests))
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name in _LOOKUPS:
            raise TemplateProblem("template-lookup", call.lineno, call.node.name, name=call.node.name)
    for name in tree.find_all(nodes.Name):
        if name.ctx == "load" and name.name in _FOREIGN:
            raise TemplateProblem(_FOREIGN[name.name], name.lineno, name.name, name=name.name)


def _unknown(code: str, node: nodes.Filter | nodes.Test, known: list[str]) -> TemplateProblem:
    return TemplateProblem(code, node.lineno, node.name, name=node.name, near=near(node.name.rsplit(".", 1)[-1], known))


def _dotted(tree: nodes.Template) -> Iterator[str]:
    inner: set[int] = set()
    for node in tree.find_all((nodes.Getattr, nodes.Getitem)):
        chain = _chain(node)
        if id(node) not in inner and chain:
            yield chain
        below: nodes.Node = node
        while isinstance(below, (nodes.Getattr, nodes.Getitem)):
            below = below.node
            inner.add(id(below))


def _chain(node: nodes.Node) -> str:
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr):
        head, name = _chain(node.node), node.attr
    elif isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        head, name = _chain(node.node), str(node.arg.value)
    else:
        return ""
    return f"{head}.{name}" if head and re.fullmatch(r"\w+", name) else ""


def near(word: str, known: list[str] | tuple[str, ...], count: int = 3) -> list[str]:
    """Return the known words that are closest to a wrong one; a dash if none is."""
    return difflib.get_close_matches(word, sorted(known), count, 0.6) or ["—"]
