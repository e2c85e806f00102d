"""The laws. Each takes a fresh bench and a situation, and raises where the law does not hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from law_bench import RUN, Bench, Case, Situation, assert_same, timeless

from guiwei.errors import ResourceError
from guiwei.target.contract import Resource, State, differences, fields_of, known_on
from guiwei.target.facts import SYSTEM
from guiwei.target.steps import apply_steps
from guiwei.target.system import System
from guiwei.target.undo import roll_back


class Rejected(Exception):
    """The situation says nothing about this law."""


def put_get(case: Case, bench: Bench, situation: Situation) -> None:
    """After `write(s)`, `read` gives `s`, and all else is as it was."""
    resource = situation.make(bench)
    desired = _normal(resource, situation.state)
    before = bench.snapshot()
    _write(case, bench, resource, desired)
    assert _left(resource, desired, bench.reader()) == []
    after = bench.snapshot()
    assert not [path for path in after if ".guiwei" in path], "a temporary file is left"
    situation.frame(bench, before, after)


def get_put(case: Case, bench: Bench, situation: Situation) -> None:
    """Writing what was read leaves every byte, mode, owner and time, and nothing in the journal."""
    resource = situation.make(bench)
    found = _read(resource, bench.reader())
    if found is None:
        raise Rejected
    before = bench.snapshot()
    resource.write(bench.writer(), found)
    assert_same(before, bench.snapshot())
    assert bench.intents() == 0


def put_put(case: Case, bench: Bench, situation: Situation) -> None:
    """The second write changes nothing, not even a time, and journals nothing."""
    resource = situation.make(bench)
    desired = _normal(resource, situation.state)
    if desired is not None:
        # An event (a restart) happens each time that it is asked for.
        desired = {name: item for name, item in desired.items() if name not in _volatile(resource)}
    _write(case, bench, resource, desired)
    bench.forget_bites()
    before, count = bench.snapshot(), bench.intents()
    resource.write(bench.writer(), desired)
    assert_same(before, bench.snapshot())
    assert bench.intents() == count


def undo(case: Case, bench: Bench, situation: Situation) -> None:
    """Apply the step, roll the run back: the same bytes, modes, owners and rows, even if the step failed."""
    resource = situation.make(bench)
    before, was = timeless(bench.snapshot()), _read(resource, bench.reader())
    arguments = {name: item for name, item in vars(resource).items() if item is not None}
    step = {"id": "step", "module": case.module, "with": arguments, "state": situation.state}
    results: list[dict[str, Any]] = []
    system = bench.writer()
    assert system.journal is not None
    apply_steps(system, system.journal, {"steps": [step]}, results.append)
    if situation.later is not None:
        situation.later(bench)
    # Rolling back may write too (data from a backup), and nothing undoes that.
    bench.bites.over = True
    undone: list[dict[str, Any]] = []
    whole = roll_back(bench.writer(), RUN, undone.append)
    assert whole, undone
    assert timeless(bench.snapshot()) == before
    assert _read(resource, bench.reader()) == was
    # Once more: what is undone stays so.
    assert roll_back(bench.writer(), RUN, undone.append)
    assert timeless(bench.snapshot()) == before


def check(case: Case, bench: Bench, situation: Situation) -> None:
    """Reading changes nothing at all, and gives the same twice."""
    resource = situation.make(bench)
    before = bench.snapshot()
    system = bench.reader()
    first = _read(resource, system)
    system.close()
    assert_same(before, bench.snapshot())
    again = _read(resource, bench.reader())
    steady = {name for name in first or {} if name not in _volatile(resource)}
    assert {name: (first or {})[name] for name in steady} == {name: (again or {}).get(name) for name in steady}
    assert_same(before, bench.snapshot())


Law = Callable[[Case, Bench, Situation], None]

LAWS: dict[str, Law] = {
    "put-get": put_get,
    "get-put": get_put,
    "put-put": put_put,
    "undo": undo,
    "probe": check,
    "check": check,
}


def laws_of(cls: type[Resource], honest: bool) -> list[str]:
    """Return the laws that a type has to keep."""
    if cls.kind == "probe":
        return ["probe"]
    if cls.kind == "lens":
        return ["put-get", "get-put", "put-put", "undo", "check"]
    found = ["put-get", "put-put"] if honest else []
    return found + (["undo"] if cls.undo != "none" else []) + ["check"]


def _read(resource: Resource, system: System) -> State | None:
    try:
        return resource.read(system)
    finally:
        system.close()


def _write(case: Case, bench: Bench, resource: Resource, desired: State | None) -> None:
    before = bench.snapshot()
    try:
        resource.write(bench.writer(), desired)
    except ResourceError as error:
        if error.code not in case.refusals:
            raise
        assert_same(before, bench.snapshot())
        raise Rejected from error


def _normal(resource: Resource, state: State | None) -> State | None:
    return None if state is None else known_on(SYSTEM, type(resource), resource.normal(state))


def _left(resource: Resource, desired: State | None, system: System) -> list[Any]:
    changes = differences(type(resource), desired, _read(resource, system))
    return [change for change in changes if change.field not in _volatile(resource)]


def _volatile(resource: Resource) -> set[str]:
    return {spec.name for spec in fields_of(type(resource)) if spec.volatile}
