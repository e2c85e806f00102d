"""Tasks and handlers: from YAML to `Task`, with every mistake at its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from guiwei.errors import InputError, Place
from guiwei.language._arguments import check_arguments, module_names
from guiwei.language._words import LATER, TASK_WORDS, alternative, closest, module_alternative
from guiwei.language.source import Source, Unsafe
from guiwei.language.template import LATE, check_templates, is_template
from guiwei.model.playbook import Task
from guiwei.target.contract import fields_of, find_type

__all__ = ["Reader", "word_list"]

Path = tuple[str | int, ...]

#: What a task gets by itself; a variable of that name would hide it.
RESERVED = (*LATE, "inventory_hostname", "group_names", "groups", "omit")


class Reader:
    """Read parts of one file, collecting what is wrong.

    Args:
        source: the file, for places.

    Attributes:
        problems: the errors so far.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: list[InputError] = []

    def wrong(self, code: str, path: Path, *, key: bool = False, **arguments: Any) -> None:
        """Note an error at a value, or at its key."""
        place = self.source.key_place(path) if key else self.source.place(path)
        self.problems.append(InputError(code, place, **arguments))

    def templates(self, value: Any, path: Path, *, expression: bool = False) -> None:
        """Note every template in a value that is none."""
        self.problems += check_templates(value, lambda below: self.source.place((*path, *below)), expression=expression)

    def text(self, data: Mapping[str, Any], name: str, path: Path) -> str | None:
        """Return a text, None if it is not there."""
        found = data.get(name)
        if found is None:
            return None
        if not isinstance(found, str):
            self.wrong("word-not-text", (*path, name), word=name)
            return None
        self.templates(found, (*path, name))
        return found

    def words(self, data: Mapping[str, Any], name: str, path: Path, *, commas: bool = True) -> tuple[str, ...]:
        """Return a text, a text with commas, or a list of texts as words."""
        found = data.get(name)
        if found is None:
            return ()
        listed = found if isinstance(found, list) else [found]
        words: list[str] = []
        for index, item in enumerate(listed):
            if not isinstance(item, str) or is_template(item):
                self.wrong("word-not-words", (*path, name, index) if listed is found else (*path, name), word=name)
            else:
                words += word_list(item) if commas else [item]
        return tuple(words)

    def variables(self, data: Mapping[str, Any], path: Path) -> Mapping[str, Any]:
        """Return `vars`, checked."""
        found = data.get("vars")
        if found is None:
            return {}
        if not isinstance(found, dict):
            self.wrong("word-not-mapping", (*path, "vars"), word="vars")
            return {}
        self.variable_names(found, (*path, "vars"), self.source)
        self.templates(found, (*path, "vars"))
        return found

    def variable_names(self, found: Mapping[str, Any], path: Path, source: Source) -> None:
        """Note variables that a template could not name, or that would hide a name of guiwei's."""
        for name in found:
            place = source.key_place((*path, name))
            if not name.isidentifier():
                self.problems.append(InputError("variable-name", place, name=name))
            elif name in RESERVED:
                self.problems.append(InputError("variable-reserved", place, name=name))

    def places(self, path: Path, value: Any, skip: tuple[str, ...] = ()) -> dict[Path, Place]:
        """Return the places of a value and all its parts, by their path below `path`."""
        found: dict[Path, Place] = {}
        for below in _paths(value, (), skip):
            found[below] = self.source.place((*path, *below))
        return found

    # Tasks

    def tasks(self, data: Mapping[str, Any], word: str, path: Path) -> tuple[Task, ...]:
        """Return the tasks or handlers of a play."""
        found = data.get(word)
        if found is None:
            return ()
        if not isinstance(found, list):
            self.wrong("word-not-list", (*path, word), word=word)
            return ()
        tasks = [self.task(item, (*path, word, index)) for index, item in enumerate(found)]
        return tuple(task for task in tasks if task is not None)

    def task(self, data: Any, path: Path) -> Task | None:
        """Return one task; None if it is none."""
        if not isinstance(data, dict):
            self.wrong("task-not-mapping", path)
            return None
        module = self._module(data, path)
        name = self.text(data, "name", path)
        self.words(data, "notify", path, commas=False)
        arguments, absent = self._arguments(data, module, path) if module else ({}, False)
        loop, loop_var = self._loop(data, path)
        return Task(
            name=name or module or "",
            module=module or "",
            arguments=arguments,
            place=self.source.place(path),
            places=self.places(path, data),
            absent=absent,
            when=self.conditions(data, path),
            loop=loop,
            loop_var=loop_var,
            tags=self.words(data, "tags", path),
            notify=tuple(dict.fromkeys(_listed(data.get("notify")))),
            vars=self.variables(data, path),
        )

    def _module(self, data: Mapping[str, Any], path: Path) -> str | None:
        known = module_names()
        found: list[str] = []
        refused = False
        for word in data:
            if word in known:
                found.append(word)
            elif word not in TASK_WORDS:
                refused = True
                self._refuse(word, known, (*path, word))
        if len(found) > 1:
            self.wrong("task-two-modules", (*path, found[1]), key=True, first=found[0], second=found[1])
        if not found and not refused:
            self.wrong("task-no-module", path, known=", ".join(known))
        return found[0] if found else None

    def _refuse(self, word: str, known: tuple[str, ...], path: Path) -> None:
        code = alternative(word)
        foreign = module_alternative(word, known)
        if code:
            self.wrong(code, path, key=True, word=word)
        elif foreign:
            self.wrong(foreign[0], path, key=True, **foreign[1])
        elif word in LATER:
            self.wrong("word-later", path, key=True, word=word)
        else:
            self.wrong("task-unknown-word", path, key=True, word=word, near=closest(word, [*known, *TASK_WORDS]))

    def _arguments(self, data: Mapping[str, Any], module: str, path: Path) -> tuple[Mapping[str, Any], bool]:
        given = data[module]
        below: Path = (*path, module)
        if given is None:
            given = {}
        if not isinstance(given, dict):
            self.wrong("command-free-form" if module == "command" else "arguments-not-mapping", below, module=module)
            return {}, False
        self.templates(given, below)
        cls = find_type(module)
        roles = {spec.name: spec.role for spec in fields_of(cls)}
        absent = False
        arguments = dict(given)
        if "state" in given and "state" not in roles:
            state = arguments.pop("state")
            absent = state == "absent"
            if state not in ("present", "absent"):
                self.wrong("state-literal", (*below, "state"), module=module)
            elif cls.kind != "lens":
                self.wrong("state-not-lens", (*below, "state"), key=True, module=module)
        if absent:
            for name in arguments:
                if roles.get(name) in ("value", "supply"):
                    self.wrong("absent-with-value", (*below, name), key=True, module=module, field=name)
        self.problems += check_arguments(
            module,
            arguments,
            lambda part: self.source.place((*below, *part)) if part else self.source.key_place(below),
            key_place_of=lambda part: self.source.key_place((*below, *part)),
        )
        return arguments, absent

    def conditions(self, data: Mapping[str, Any], path: Path) -> tuple[str, ...]:
        """Return `when` as expressions."""
        found = data.get("when")
        if found is None:
            return ()
        conditions: list[str] = []
        for index, item in enumerate(found if isinstance(found, list) else [found]):
            below: Path = (*path, "when", index) if isinstance(found, list) else (*path, "when")
            if isinstance(item, bool):
                conditions.append("true" if item else "false")
            elif not isinstance(item, str):
                self.wrong("when-not-text", below)
            elif is_template(item) and not isinstance(item, Unsafe):
                self.wrong("when-braces", below)
            else:
                self.templates(item, below, expression=True)
                conditions.append(item)
        return tuple(conditions)

    def _loop(self, data: Mapping[str, Any], path: Path) -> tuple[Any, str]:
        loop, control = data.get("loop"), data.get("loop_control")
        if loop is not None:
            self.templates(loop, (*path, "loop"))
            if not isinstance(loop, list) and not (isinstance(loop, str) and is_template(loop)):
                self.wrong("loop-not-list", (*path, "loop"))
        if control is None:
            return loop, "item"
        if not isinstance(control, dict):
            self.wrong("word-not-mapping", (*path, "loop_control"), word="loop_control")
            return loop, "item"
        if loop is None:
            self.wrong("loop-control-alone", (*path, "loop_control"), key=True)
        for word in control:
            if word != "loop_var":
                self.wrong("loop-control-word", (*path, "loop_control", word), key=True, word=word)
        name = control.get("loop_var", "item")
        if not isinstance(name, str) or not name.isidentifier() or name in RESERVED:
            self.wrong("variable-name", (*path, "loop_control", "loop_var"), name=str(name))
            return loop, "item"
        return loop, name


def word_list(text: str) -> list[str]:
    """Return the words of a text with commas."""
    return [word.strip() for word in text.split(",") if word.strip()]


def _listed(found: Any) -> Iterator[str]:
    for item in found if isinstance(found, list) else [found]:
        if isinstance(item, str):
            yield item


def _paths(value: Any, path: Path, skip: tuple[str, ...]) -> Iterator[Path]:
    yield path
    if isinstance(value, Mapping):
        for name, part in value.items():
            if path or name not in skip:
                yield from _paths(part, (*path, name), skip)
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _paths(part, (*path, index), skip)
