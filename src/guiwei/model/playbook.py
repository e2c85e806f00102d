"""A playbook as it was written: templates untouched, every part with its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from pathlib import Path
from typing import Any

from guiwei.errors import Place

__all__ = ["CalendarUse", "Declaration", "Desired", "Interruption", "Play", "Playbook", "Policy", "Task"]

#: Where each part of a mapping stands: path of keys and indexes below it → place.
Places = Mapping[tuple[str | int, ...], Place]


@dataclass(frozen=True)
class Task:
    """One resource that a play declares.

    Attributes:
        module: the resource type.
        arguments: its fields as written; templates are not rendered yet.
        absent: `state: absent` was written: the thing must not be there.
        when: expressions that must all be true; they see vars, facts and observations.
        loop: a list or a template that gives one, over vars alone; None runs once.
        places: of `arguments`' parts, keyed by path below the task.
    """

    name: str
    module: str
    arguments: Mapping[str, Any]
    place: Place
    places: Places
    absent: bool = False
    when: tuple[str, ...] = ()
    loop: Any = None
    loop_var: str = "item"
    tags: tuple[str, ...] = ()
    notify: tuple[str, ...] = ()
    vars: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Policy:
    """What a play wants besides, from an instant on.

    Attributes:
        start: from when it holds; aware.
        end: the first instant at which it holds no more; None never ends.
        hosts: a pattern within the play's hosts; None is all of them.
        when: expressions over variables alone that must all be true.
        state, vars: what is put over the play's.
        places: of every part, keyed by path below the policy.
    """

    name: str
    start: datetime
    end: datetime | None
    place: Place
    places: Places
    reason: str | None = None
    hosts: str | None = None
    when: tuple[str, ...] = ()
    state: Mapping[str, Any] = field(default_factory=dict)
    vars: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Interruption:
    """Whether a client in use may be stopped: its user agreed, or nobody works at that time of day (Asia/Shanghai)."""

    agreed: bool = False
    window: tuple[time, time] | None = None


@dataclass(frozen=True)
class CalendarUse:
    """Which filing calendar counts, how many quiet days (None: the calendar's own), and the reason to go on in them."""

    name: str = "filing"
    days: int | None = None
    override: str | None = None


@dataclass(frozen=True)
class Play:
    """Hosts and what is wanted of them.

    Attributes:
        hosts: a host pattern.
        product: name of the product profile that `state` is written in.
        state: the domain's desired state as written: `software`, `parameters`, `disk`, …
        verify: `{"level": "ready" | "issue"}` and options.
        folder: where `template:` and `source:` paths start (then `templates/` and `files/` in it).
        places: of every part, keyed by path below the play.
        policies: what holds for a time, whether it is in force or not.
        ruled: path below the play → name of the policy in force that says this part.
    """

    name: str
    hosts: str
    place: Place
    places: Places
    folder: Path
    vars: Mapping[str, Any] = field(default_factory=dict)
    tasks: tuple[Task, ...] = ()
    handlers: tuple[Task, ...] = ()
    tags: tuple[str, ...] = ()
    product: str | None = None
    reason: str | None = None
    state: Mapping[str, Any] = field(default_factory=dict)
    verify: Mapping[str, Any] = field(default_factory=dict)
    policies: tuple[Policy, ...] = ()
    ruled: Mapping[tuple[str | int, ...], str] = field(default_factory=dict)
    busy: Interruption = Interruption()
    calendar: CalendarUse = CalendarUse()


@dataclass(frozen=True)
class Playbook:
    """A file of plays."""

    path: Path
    plays: tuple[Play, ...]


@dataclass(frozen=True)
class Declaration:
    """A resource that is wanted on one host, ready to be read; its values are rendered after observation.

    Attributes:
        id: the identity for plan and history: type, instance and key fields; never a name or a place.
        reading: key and option fields, rendered; may still hold `{{ facts.… }}` and `{{ instance.… }}`.
        values: value fields as templates.
        scope: the variables that `values` and `when` may use.
        instance: id of the instance it belongs to, None for the host itself.
        handler: its name if it is a handler.
        settled: what it wants, where no observation decides that.
        also: further tasks that declare the same resource; what they want must agree or complement each other.
        ruled: value field → policy that decides it and where that is written.
    """

    id: str
    module: str
    name: str
    reading: Mapping[str, Any]
    values: Mapping[str, Any]
    scope: Mapping[str, Any]
    place: Place
    places: Places
    absent: bool = False
    when: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    notify: tuple[str, ...] = ()
    instance: str | None = None
    handler: str | None = None
    folder: Path = Path()
    also: tuple[Declaration, ...] = ()
    ruled: Mapping[str, tuple[str, Place | None]] = field(default_factory=dict)
    settled: Desired | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Desired:
    """What a declaration wants, rendered after observation.

    Attributes:
        state: value fields that are set; None if the thing must not be there (or if it is skipped).
        skipped: its `when` does not hold: nothing is wanted.
        artifacts: SHA-256 and path of the files on the controller that `state` refers to by hash.
    """

    declaration: Declaration
    state: Mapping[str, Any] | None
    skipped: bool = False
    artifacts: tuple[tuple[str, Path], ...] = ()
