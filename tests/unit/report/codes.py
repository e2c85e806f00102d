"""Which codes the source raises and says, and with which arguments: found by reading the syntax tree."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from guiwei import errors

ROOT = Path(__file__).parents[3]

RAISED = {name for name in errors.__all__ if name.endswith("Error")} | {"Notice"}
#: What a code looks like among other texts.
_KEBAB = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")

SAID = {"say", "count", "fix"}


@dataclass(frozen=True)
class Use:
    """One code at one place; `arguments` is None where they are not written out."""

    code: str
    where: str
    arguments: frozenset[str] | None
    prefix: bool = False


def sources() -> list[Path]:
    """All Python files whose errors reach a user; the lab has texts of its own."""
    files = [*(ROOT / "src" / "guiwei").rglob("*.py"), *(ROOT / "modules").glob("*.py")]
    real = {file.resolve(): file for file in files if (ROOT / "lab") not in file.resolve().parents}
    return sorted(path for path in real if path != (ROOT / "src/guiwei/errors.py").resolve())


def raised() -> Iterator[Use]:
    """Every code that an error or notice is made with."""
    for path in sources():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        yield from _Reader(path, tree).errors()


def said() -> Iterator[Use]:
    """Every code that a view asks `Words` for; a code that is put together counts by its beginning."""
    for path in sources():
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(call, ast.Call)
                and isinstance(call.func, ast.Attribute)
                and call.func.attr in SAID
                and call.args
            ):
                where = f"{path.relative_to(ROOT)}:{call.lineno}"
                arguments = _keywords(call)
                if arguments is not None and _name(call) == "count":
                    arguments |= {"n"}
                first = call.args[0]
                for text in _texts(first):
                    # A text's own `count` is asked for marks such as a colon.
                    if re.search("[a-z]", text):
                        yield Use(text, where, arguments)
                if isinstance(first, ast.JoinedStr) and isinstance(first.values[0], ast.Constant):
                    yield Use(str(first.values[0].value), where, None, prefix=True)


class _Reader:
    def __init__(self, path: Path, tree: ast.Module) -> None:
        self._where = str(path.relative_to(ROOT))
        self._tree = tree
        self._functions = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]

    def errors(self) -> Iterator[Use]:
        for call in self._calls():
            if _name(call) in RAISED and call.args:
                yield from self._uses(call, call.args[0], _keywords(call))

    def _calls(self) -> Iterator[ast.Call]:
        return (node for node in ast.walk(self._tree) if isinstance(node, ast.Call))

    def _uses(self, call: ast.Call, first: ast.expr, arguments: frozenset[str] | None) -> Iterator[Use]:
        where = f"{self._where}:{call.lineno}"
        texts = list(_texts(first))
        if texts:
            yield from (Use(text, where, arguments) for text in texts)
            return
        if isinstance(first, ast.JoinedStr) and isinstance(first.values[0], ast.Constant):
            yield Use(str(first.values[0].value), where, None, prefix=True)
            return
        if isinstance(first, ast.Name):
            function = self._around(call)
            found = list(self._bound(function, first.id)) if function else []
            if found:
                yield from (Use(text, where, None) for text in found)
                return
        if isinstance(first, ast.Attribute) and first.attr == "code":
            return  # an error that is made again from another one
        yield Use(f"?{ast.unparse(first)}", where, None)

    def _around(self, call: ast.Call) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        """The innermost function that holds a call."""
        holders = [
            function for function in self._functions if function.lineno <= call.lineno <= (function.end_lineno or 0)
        ]
        return max(holders, key=lambda function: function.lineno, default=None)

    def _bound(self, function: ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> Iterator[str]:
        """What a name in a function can be: texts assigned to it, or passed for it by calls in the same file."""
        tables = {
            target.id: node.value
            for node in self._tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(function):
            targets = (
                node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.For) else []
            )
            for target in targets:
                value = node.iter if isinstance(node, ast.For) else node.value  # type: ignore[attr-defined]
                yield from _assigned(target, value, name, tables)
        parameters = [parameter.arg for parameter in (*function.args.posonlyargs, *function.args.args)]
        if name not in parameters:
            return
        position = parameters.index(name) - (parameters[0] in ("self", "cls"))
        for call in self._calls():
            if _name(call) == function.name and len(call.args) > position:
                yield from _texts(call.args[position])
            for keyword in call.keywords:
                if _name(call) == function.name and keyword.arg == name:
                    yield from _texts(keyword.value)


def _assigned(target: ast.expr, value: ast.expr, name: str, tables: dict[str, ast.expr]) -> Iterator[str]:
    """What an assignment or loop gives to a name: from its value, or from the table of the module that it names."""
    names = [part.id for part in ast.walk(target) if isinstance(part, ast.Name)]
    if name not in names:
        return
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        value = value.elts[names.index(name)]
    mentioned = [tables[node.id] for node in ast.walk(value) if isinstance(node, ast.Name) and node.id in tables]
    for source in (value, *mentioned):
        for node in ast.walk(source):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and _KEBAB.fullmatch(node.value):
                yield node.value


def _texts(value: ast.expr) -> Iterator[str]:
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value.value
    elif isinstance(value, ast.IfExp):
        yield from _texts(value.body)
        yield from _texts(value.orelse)


def _name(call: ast.Call) -> str:
    return (
        call.func.id
        if isinstance(call.func, ast.Name)
        else call.func.attr
        if isinstance(call.func, ast.Attribute)
        else ""
    )


def _keywords(call: ast.Call) -> frozenset[str] | None:
    if any(keyword.arg is None for keyword in call.keywords):
        return None
    if _name(call) == "Notice":
        given = call.args[2] if len(call.args) > 2 else None
        if given is None:
            return frozenset()
        if isinstance(given, ast.Dict) and all(isinstance(name, ast.Constant) for name in given.keys):
            return frozenset(str(name.value) for name in given.keys if isinstance(name, ast.Constant))
        return None
    return frozenset(keyword.arg for keyword in call.keywords if keyword.arg)
