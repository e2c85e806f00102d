"""How long it will take: what steps took before, else what is usual; and by hand, for the printed procedure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from guiwei.model.plan import HostPlan, Stage, Step
from guiwei.model.run import StepResult
from guiwei.report.words import Words

__all__ = ["BY_HAND", "expected", "host_seconds", "kinds_taken", "span", "stage_seconds", "usual_seconds"]

#: Seconds of a step on an ordinary office PC, rather too many: they hold until the history knows this site's own.
_USUAL: Mapping[str, float] = {
    "backup": 20.0,
    "rehearsal": 60.0,
    "package": 60.0,
    "restore": 60.0,
    "command": 30.0,
    "service:start": 30.0,
    "service:stop": 10.0,
    "service:restart": 40.0,
    "service:rest": 10.0,
    "activate": 15.0,
    "register": 15.0,
}
_ELSE = 1.0

#: Minutes by hand. Public notices give 10 to 15 for parameters as a whole, and 1 to 2 hours for an upgrade.
BY_HAND: Mapping[str, int] = {
    "collect": 10,
    "approve": 0,
    "disk": 5,
    "login": 2,
    "note": 10,
    "stop": 2,
    "backup": 15,
    "install": 20,
    "start": 5,
    "activate": 5,
    "parameter": 2,
    "register": 5,
    "driver": 10,
    "task": 5,
    "person": 10,
    "verify": 10,
    "reconcile": 10,
    "record": 5,
}

_MODULE = re.compile(r"(?:[^/\[]+/)?([a-z][a-z0-9_]*)(?:\[|@|\Z)")


def usual_seconds(kind: str) -> float:
    """Return what a kind of step takes where nobody has measured it."""
    return _USUAL.get(kind, _ELSE)


def _kind(identity: str, name: str) -> str:
    """Return the resource type, and of guiwei's own steps on a client what they do to it."""
    match = _MODULE.match(identity)
    module = match[1] if match else name
    if module == "service":
        return f"service:{name}" if f"service:{name}" in _USUAL else "service:restart"
    if name in _USUAL:
        return name
    return module


def kinds_taken(results: Iterable[StepResult]) -> list[tuple[str, float]]:
    """Return kind and seconds of every step that changed something and was timed: what the history remembers."""
    return [(_kind(each.id, each.name), each.seconds) for each in results if each.status == "changed" and each.seconds]


def expected(host: HostPlan, known: Mapping[str, float]) -> HostPlan:
    """Return the plan with the seconds that each of its steps will take; what people do has no such time.

    Args:
        known: kind → seconds, from the history.
    """
    return replace(host, expected={step.id: _of_step(step, known) for step in host.steps if not step.by_hand})


def _of_step(step: Step, known: Mapping[str, float]) -> float:
    kind = _kind(step.id, step.name)
    return round(known.get(kind, usual_seconds(kind)), 1)


def stage_seconds(host: HostPlan, stage: Stage) -> float | None:
    """Return the seconds that a stage will take; None where nothing was estimated."""
    if not host.expected:
        return None
    return round(sum(host.expected.get(step.id, 0.0) for step in stage.steps), 1)


def host_seconds(host: HostPlan) -> float | None:
    """Return the seconds that all stages of a host will take; None where nothing was estimated."""
    return round(sum(host.expected.values()), 1) if host.expected else None


def span(seconds: float, words: Words) -> str:
    """Return a duration as people say it: `about 40 s`, `about 3 min`, `about 1 h 20 min`."""
    if seconds < 90:
        # To ten seconds: nobody plans by one.
        return words.say("duration-seconds", n=max(10 * math.ceil(seconds / 10), 10))
    minutes = math.ceil(seconds / 60)
    if minutes < 60:
        return words.say("duration-minutes", n=minutes)
    minutes = 5 * math.ceil(minutes / 5)
    if minutes % 60 == 0:
        return words.say("duration-whole-hours", n=minutes // 60)
    return words.say("duration-hours", hours=minutes // 60, minutes=minutes % 60)
