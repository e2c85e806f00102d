"""Why a field differs: the PC moved, the playbook moved, or both, seen from what was applied last."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guiwei.engine.steps import cause_of, guards_of
from guiwei.target.contract import Change, differences, find_type
from guiwei.target.secret import Secret

VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=3)


@given(VALUES, VALUES, VALUES)
def test_three_values_tell_who_moved(last: Any, here: Any, there: Any) -> None:
    if here == there:
        return
    cause = cause_of(Change("content", here, there), {"content": last})
    if here == last:
        assert cause == "intended"
    elif there == last:
        assert cause == "drift"
    else:
        assert cause == "both"


@pytest.mark.parametrize("applied", [None, {}, {"mode": "0644"}])
def test_what_was_never_applied_is_new(applied: Any) -> None:
    assert cause_of(Change("content", "a", "b"), applied) == "new"


def test_a_secret_does_not_tell_what_it_was() -> None:
    assert cause_of(Change("value", Secret("a"), Secret("b")), {"other": "x"}) == "new"
    assert cause_of(Change("value", Secret("a"), Secret("b")), {"value": "••••••"}) == "both"


def test_a_thing_that_is_made_or_removed_is_guarded_by_being_there() -> None:
    file = find_type("file")
    made = differences(file, {"content": "a", "mode": "0644"}, None)
    assert guards_of(file, made) == {"state": "absent"}
    removed = differences(file, None, {"content": "a", "mode": "0644"})
    assert guards_of(file, removed) == {"state": "present"}


def test_only_what_changes_is_guarded_and_nothing_volatile() -> None:
    file, service = find_type("file"), find_type("service")
    found = {"content": "a", "mode": "0600", "owner": "root"}
    assert guards_of(file, differences(file, {"content": "b", "owner": "root"}, found)) == {"content": "a"}
    assert guards_of(service, differences(service, {"restarted": True}, {"running": True, "restarted": False})) == {}
