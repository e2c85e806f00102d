"""From a play and a host to declarations, and, once the host was observed, to the states that are wanted."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from guiwei.errors import InputError, Place
from guiwei.language._arguments import coerce_arguments, validate_arguments
from guiwei.language._conflicts import combine, gather
from guiwei.language._selection import selected
from guiwei.language._supplies import check_supply, supply
from guiwei.language.ruled import Rulings
from guiwei.language.template import LATE, PlaceOf, Scope, Templates, TooEarly, condition_references, references
from guiwei.model.inventory import Host
from guiwei.model.playbook import Declaration, Desired, Play, Task
from guiwei.target.contract import fields_of, find_type, identity_of, short_text
from guiwei.target.secret import MASK, Secret

__all__ = ["compile_play", "declare_state", "finish", "identity", "join_plays", "play_scope", "renderer"]


def play_scope(
    play: Play, host: Host, *, extra: Mapping[str, Any] | None = None, groups: Mapping[str, Sequence[str]] | None = None
) -> Scope:
    """Return the variables of a play on a host, in Ansible's order: host < play < vars files < extra.

    Args:
        extra: `-e` variables; they win over everything.
        groups: group → host names of the whole inventory.
    """
    data: dict[str, Any] = {
        "inventory_hostname": host.name,
        "inventory_hostname_short": host.name.partition(".")[0],
        "group_names": sorted(host.groups),
        "groups": groups or {},
    }
    return Scope({**host.vars, **play.vars, **(extra or {})}, data)


def compile_play(
    play: Play,
    host: Host,
    *,
    templates: Templates | None = None,
    tags: Collection[str] = (),
    skip_tags: Collection[str] = (),
    extra: Mapping[str, Any] | None = None,
    groups: Mapping[str, Sequence[str]] | None = None,
    instance: str | None = None,
    instances: Sequence[str] = (),
) -> tuple[Declaration, ...]:
    """Return the resources that a play declares on a host: tasks in order, then every handler.

    A task whose `when` is false by variables alone declares nothing. A task that uses `instance` declares one
    resource for each of `instances`; every other one declares one for the host.

    Args:
        templates: renders for the play's folder; made from it by default.
        tags: run only what has one of them (`all`, `tagged`, `untagged`; `always` and `never` as in Ansible).
        skip_tags: leave out what has one of them.
        extra: `-e` variables.
        groups: group → host names.
        instance: everything belongs to this instance, whether it uses `instance` or not.
        instances: ids of the host's instances.

    Raises:
        InputError: an undefined variable, a secret in a key, two tasks that want different things, …
    """
    compiler = _Compiler(play, templates or Templates(play.folder), instance, tuple(instances))
    scope = play_scope(play, host, extra=extra, groups=groups)
    declared: list[Declaration] = []
    for task in play.tasks:
        if selected((*play.tags, *task.tags), tags, skip_tags):
            declared += compiler.declare(task, scope, extra or {}, None)
    for handler in play.handlers:
        declared += compiler.declare(handler, scope, extra or {}, handler.name)
    return combine(declared, _certain)


def declare_state(
    play: Play,
    host: Host,
    task: Task,
    instance: str,
    *,
    extra: Mapping[str, Any] | None = None,
    groups: Mapping[str, Sequence[str]] | None = None,
) -> Declaration:
    """Return the declaration of a resource whose place the profile knows and whose values `state:` says.

    Args:
        task: made of both.
        instance: whose it is.
    """
    compiler = _Compiler(play, Templates(play.folder), instance, (instance,))
    (declaration,) = compiler.declare(task, play_scope(play, host, extra=extra, groups=groups), extra or {}, None)
    return declaration


def join_plays(declared: Iterable[Declaration]) -> tuple[Declaration, ...]:
    """Return the declarations of several plays on one host, one for each resource.

    Raises:
        InputError: two plays want different things of one resource (`resource-conflict`).
    """
    return combine([part for each in declared for part in (replace(each, also=()), *each.also)], _certain)


class _Compiler:
    def __init__(self, play: Play, templates: Templates, instance: str | None, instances: tuple[str, ...]) -> None:
        self._play = play
        self._templates = templates
        self._instance = instance
        self._instances = instances
        self._reaching: dict[str, bool] = {}
        self._rulings = Rulings(play)

    def declare(self, task: Task, scope: Scope, extra: Mapping[str, Any], handler: str | None) -> Iterator[Declaration]:
        """Yield a task's resources on one host."""
        if task.vars:
            scope = Scope({**scope.variables, **task.vars, **extra}, scope.data)
        owners: tuple[str | None, ...] | None = None
        for item in self._items(task, scope):
            inner = scope if task.loop is None else scope.with_data({task.loop_var: item})
            undecided = self._undecided(task, inner)
            if undecided is None:
                continue
            # Whether a task uses `instance` is a matter of its text: the same for every item.
            owners = owners or self._owners(task, inner)
            for instance in owners:
                yield self._declaration(task, inner, undecided, instance, handler)

    def _settled(self, declaration: Declaration) -> Declaration:
        """Render now what needs no observation; what does is checked as far as it is known by now."""
        if not declaration.when:
            with suppress(TooEarly):
                return replace(declaration, settled=_finish_one(declaration, None))
        self._check(declaration)
        return declaration

    def _check(self, declaration: Declaration) -> None:
        known = _certain(declaration) or {}
        place_of = _below(declaration.places, declaration.place, (declaration.module,))
        # What is not known yet counts as given, nothing more.
        validate_arguments(declaration.module, {**declaration.values, **declaration.reading, **known}, place_of)
        for spec in fields_of(find_type(declaration.module)):
            if spec.role == "supply" and spec.name in known:
                place = place_of((spec.name,))
                check_supply(spec, known[spec.name], self._templates, declaration.scope, place)

    def _items(self, task: Task, scope: Scope) -> Sequence[Any]:
        if task.loop is None:
            return (None,)
        place_of = _below(task.places, task.place, ("loop",))
        try:
            items = self._templates.render(task.loop, scope, place_of, early=True)
        except TooEarly as late:
            raise InputError("loop-late", place_of(()), name=late.name) from None
        if isinstance(items, Secret):
            raise InputError("loop-secret", place_of(()))
        if not isinstance(items, list):
            raise InputError("loop-not-list", place_of(()))
        return items

    def _undecided(self, task: Task, scope: Scope) -> tuple[str, ...] | None:
        """Return the conditions that only an observation decides; None if one is false by now.

        They are taken in order, so that `x is defined` protects what comes after it.
        """
        open_conditions: list[str] = []
        for index, expression in enumerate(task.when):
            place = task.places.get(("when", index), task.places.get(("when",), task.place))
            try:
                if not self._templates.condition(expression, scope, place, early=True):
                    return None
            except TooEarly:
                open_conditions.append(expression)
            except InputError:
                if not open_conditions:
                    raise
                open_conditions.append(expression)
        return tuple(open_conditions)

    def _owners(self, task: Task, scope: Scope) -> tuple[str | None, ...]:
        if self._instance is not None:
            return (self._instance,)
        if not self._uses_instance(task, scope):
            return (None,)
        if not self._instances:
            raise InputError("task-needs-instance", task.place, task=task.name)
        return self._instances

    def _uses_instance(self, task: Task, scope: Scope) -> bool:
        named = references([task.arguments, task.name]) | condition_references(task.when)
        for spec in fields_of(find_type(task.module)):
            path = task.arguments.get(spec.name)
            if spec.how == "template" and isinstance(path, str):
                named |= self._templates.file_references(path)
        own = bool(task.vars)
        return any(self._reaches(name.partition(".")[0], scope, {} if own else self._reaching) for name in named)

    def _reaches(self, name: str, scope: Scope, memo: dict[str, bool]) -> bool:
        """Return whether a variable needs `instance`, through other variables too."""
        if name == "instance":
            return True
        if name not in memo:
            memo[name] = False
            if name in scope.variables and name not in scope.data:
                roots = {other.partition(".")[0] for other in references(scope.variables[name])}
                memo[name] = any(self._reaches(other, scope, memo) for other in roots)
        return memo[name]

    def _declaration(
        self, task: Task, scope: Scope, when: tuple[str, ...], instance: str | None, handler: str | None
    ) -> Declaration:
        reading: dict[str, Any] = {}
        values: dict[str, Any] = {}
        roles = {spec.name: spec.role for spec in fields_of(find_type(task.module))}
        for name, item in task.arguments.items():
            if item is None:
                continue
            if roles[name] in ("value", "supply"):
                values[name] = item
                continue
            below = _below(task.places, task.place, (task.module, name))
            rendered = self._templates.render_reading(item, scope, below)
            if rendered is not None:
                reading[name] = rendered
        reading = coerce_arguments(task.module, reading)
        declaration = Declaration(
            id=identity(task.module, reading, instance, handler),
            module=task.module,
            name=self._label(task, scope),
            reading=reading,
            values={} if task.absent else values,
            scope=scope,
            place=task.place,
            places=task.places,
            absent=task.absent,
            when=when,
            tags=tuple(dict.fromkeys((*self._play.tags, *task.tags))),
            notify=task.notify,
            instance=instance,
            handler=handler,
            folder=self._play.folder,
            ruled=self._rulings.of_fields(task.module, values, scope.variables, self._templates),
        )
        return self._settled(declaration)

    def _label(self, task: Task, scope: Scope) -> str:
        try:
            label = self._templates.render(task.name, scope, lambda _: task.places.get(("name",)), early=True)
        except TooEarly:
            return task.name
        return MASK if isinstance(label, Secret) else str(label)


def identity(module: str, reading: Mapping[str, Any], instance: str | None = None, handler: str | None = None) -> str:
    """Return a resource's identity: instance, type and key fields that are not at their default.

    A handler is an event, not a state, so its name is part of it: restarting a service and keeping it running are
    two things that may both be wanted of one service.
    """
    found = identity_of(module, reading, None)
    owner = f"{instance}/" if instance else ""
    event = f"handler {short_text(handler)}/" if handler is not None else ""
    return f"{owner}{event}{found}"


def finish(declaration: Declaration, context: Mapping[str, Any]) -> Desired:
    """Return what a declaration wants, now that the host was observed.

    Args:
        context: `facts`, `instance` and `observed` (resource id → state or None).

    Raises:
        InputError: a value cannot be rendered or is none that its field may have; `when` is neither true nor false;
            a file is missing; further tasks want something else of the same resource (`resource-conflict`).
    """
    found = declaration.settled or _finish_one(declaration, context)
    for other in declaration.also:
        found = gather(found, other.settled or _finish_one(other, context))
    return Desired(declaration, found.state, found.skipped, found.artifacts)


def renderer(play: Play, scope: Scope) -> Callable[[Any, Mapping[str, Any], Place | None], Any]:
    """Return what renders a value of the play's `state:` once the host was observed: value, context, place.

    Args:
        scope: what `play_scope` gave.
    """
    templates = Templates(play.folder)

    def render(value: Any, context: Mapping[str, Any], place: Place | None) -> Any:
        late = {name: context[name] for name in LATE if name in context}
        return templates.render(value, scope.with_data(late), lambda _: place)

    return render


def _certain(declaration: Declaration) -> Mapping[str, Any] | None:
    """Return the values that are wanted for sure and known by now; None if a condition is still open."""
    if declaration.when:
        return None
    templates = Templates(declaration.folder)
    known: dict[str, Any] = {}
    for name, item in declaration.values.items():
        place_of = _below(declaration.places, declaration.place, (declaration.module, name))
        try:
            known[name] = templates.render(item, declaration.scope, place_of, early=True)
        except TooEarly:
            continue
    return coerce_arguments(declaration.module, known)


def _finish_one(declaration: Declaration, context: Mapping[str, Any] | None) -> Desired:
    """Without a context, before observation: raises `TooEarly` if it takes one."""
    early = context is None
    templates = Templates(declaration.folder)
    scope = Scope.of(declaration.scope)
    if context is not None:
        scope = scope.with_data({name: context[name] for name in LATE if name in context})
    for expression in declaration.when:
        place = declaration.places.get(("when",), declaration.place)
        if not templates.condition(expression, scope, place):
            return Desired(declaration, None, skipped=True)
    if declaration.absent:
        return Desired(declaration, None)
    place_of = _below(declaration.places, declaration.place, (declaration.module,))
    rendered = templates.render(declaration.values, scope, place_of, early=early)
    given = coerce_arguments(declaration.module, {name: item for name, item in rendered.items() if item is not None})
    validate_arguments(declaration.module, {**declaration.reading, **given}, place_of)
    cls = find_type(declaration.module)
    state: dict[str, Any] = {}
    artifacts: list[tuple[str, Path]] = []
    for spec in fields_of(cls):
        if spec.name not in given:
            continue
        if spec.role == "supply":
            supply(spec, given, templates, scope, place_of((spec.name,)), state, artifacts, early)
        else:
            state[spec.name] = given[spec.name]
    if (cls.kind == "action" or cls.by_hand) and any(spec.name == "done" for spec in fields_of(cls)):
        state.setdefault("done", True)  # declaring an action is wanting it done
    return Desired(declaration, state, False, tuple(artifacts))


def _below(places: Mapping[tuple[str | int, ...], Place], fallback: Place, prefix: tuple[str | int, ...]) -> PlaceOf:
    """Return places by path below `prefix`; the closest part that has one."""

    def place_of(path: tuple[str | int, ...]) -> Place:
        whole = (*prefix, *path)
        while whole:
            if whole in places:
                return places[whole]
            whole = whole[:-1]
        return fallback

    return place_of
