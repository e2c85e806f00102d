"""Diagnosis: rules over signs, and what explains what."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guiwei.invoicing.diagnosis import CAUSES, GENERAL, diagnose, holds, roots, sign_at
from guiwei.invoicing.ladder import RUNGS
from guiwei.model.product import CauseRule

WELL: dict[str, Any] = {
    "present": True,
    "there": {"program": True, "data": True, "record": True},
    "version": "3.1.0",
    "data_version": "3.1.0",
    "data_behind": False,
    "running": True,
    "wants_running": True,
    "active": True,
    "wrong": [],
    "unmet": [],
    "drivers": {"behind": False},
}


def causes(signs: dict[str, Any], *rules: CauseRule) -> list[str]:
    return [finding.cause for finding in roots(diagnose(rules, {**WELL, **signs}))]


@pytest.mark.parametrize(
    ("signs", "expected"),
    [
        ({}, []),
        ({"present": False}, ["disk-missing"]),
        ({"running": False}, ["process-stopped"]),
        ({"running": False, "there": {**WELL["there"], "pid_file": True}}, ["process-crashed"]),
        ({"running": False, "wants_running": False}, []),
        ({"there": {"program": False, "data": False, "record": False}, "running": False}, ["pc-empty"]),
        ({"there": {"program": False, "data": False, "record": True}, "running": False}, ["data-missing"]),
        ({"there": {"program": False, "data": True, "record": True}, "running": False}, ["program-missing"]),
        ({"there": {"program": True, "data": True, "record": False}, "running": False}, ["record-lost"]),
        ({"data_behind": True, "running": False}, ["migration-unfinished"]),
        ({"active": False}, ["activation-needed"]),
        ({"drivers": {"behind": True}, "running": False}, ["driver-outdated"]),
        ({"tree_version": "3.0.0", "versions_agree": False, "running": False}, ["record-wrong"]),
        ({"wrong": [{"parameter": "limit"}], "running": False}, ["parameters-wrong"]),
        # A check that nothing explains is something, but not known what.
        ({"unmet": ["client"]}, ["unknown"]),
        ({"unmet": ["client"], "running": False}, ["process-stopped"]),
    ],
)
def test_what_every_product_shows(signs: dict[str, Any], expected: list[str]) -> None:
    assert causes(signs) == expected


def test_a_disk_of_another_hides_everything_but_itself() -> None:
    rule = CauseRule("disk-other", {"present": False, "disk.state": "ok"}, {"found": "disk.number"})
    signs = {**WELL, "present": False, "disk": {"state": "ok", "number": "000000000001"}, "running": False}
    found = diagnose([rule], signs)
    assert [finding.cause for finding in roots(found)] == ["disk-other"]
    assert {finding.cause: finding.because for finding in found} == {
        "disk-other": None,
        "process-stopped": "disk-other",
    }
    assert found[0].evidence == {"found": "000000000001"}


def test_an_old_driver_explains_a_disk_that_cannot_be_read() -> None:
    rule = CauseRule("disk-unreadable", {"disk.state": "unreadable"}, {})
    assert causes({"drivers": {"behind": True}, "disk": {"state": "unreadable"}}, rule) == ["driver-outdated"]
    assert causes({"disk": {"state": "unreadable"}}, rule) == ["disk-unreadable"]


@pytest.mark.parametrize(
    ("found", "wanted", "expected"),
    [
        (True, True, True),
        (1, True, False),
        (None, None, True),
        (None, {"not": True}, True),
        (None, {"contains": "x"}, False),
        (None, {"at_most": 3}, False),
        (1, {"at_most": 1}, True),
        (2, {"at_most": 1}, False),
        (True, {"at_most": 1}, False),
        ("配置错误", {"contains": "配置"}, True),
        (["a", "b"], {"contains": "b"}, True),
        ("b", {"one_of": ["a", "b"]}, True),
        ("2026-01-14", {"before": "day"}, True),
        ("2026-01-15", {"before": "day"}, False),
        ("2.9", {"older_than": "version"}, True),
        ("2.10", {"older_than": "version"}, False),
        ("72", {"differs_from": "hours"}, False),
        ("1", {"differs_from": "hours"}, True),
        ("1", {"differs_from": "nowhere"}, False),
        (1, {"not": 2, "at_most": 3}, True),
    ],
)
def test_what_a_rule_may_ask(found: Any, wanted: Any, expected: bool) -> None:
    signs = {"sign": {"inner": found}, "day": "2026-01-15", "version": "2.10", "hours": 72}
    assert holds(signs, "sign.inner", wanted) is expected


def test_a_path_that_leads_nowhere_is_no_sign() -> None:
    assert sign_at({"a": "text"}, "a.b.c") is None


def test_the_causes_fit_together() -> None:
    parts = {cause.part for cause in CAUSES.values()}
    for cause in CAUSES.values():
        assert cause.explains <= parts
        assert cause.names | cause.replaces <= set(CAUSES)
        assert list(cause.rungs) == sorted(cause.rungs, key=RUNGS.index)
        # Nobody can be explained by what nothing else explains but itself: the hardware comes first.
        assert "hardware" not in cause.explains
    assert {rule.cause for rule in GENERAL} <= set(CAUSES)


@given(st.sets(st.sampled_from(sorted(CAUSES)), min_size=1))
def test_of_any_set_of_causes_one_at_least_is_a_root(shown: set[str]) -> None:
    rules = [CauseRule(cause, {f"shown.{cause}": True}, {}) for cause in shown]
    found = diagnose(rules, {**WELL, "shown": dict.fromkeys(shown, True)})
    own = roots(found)
    assert own
    assert {finding.cause for finding in found} <= shown
    # What explains another is itself there.
    assert {finding.because for finding in found} - {None} <= {finding.cause for finding in found}
