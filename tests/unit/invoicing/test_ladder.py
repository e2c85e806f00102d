"""The ladder: the lowest rung first, each once, and nothing under a person's hands."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from guiwei.invoicing.diagnosis import CAUSES
from guiwei.invoicing.ladder import RUNGS, choose, highest
from guiwei.model.recovery import Finding


def test_the_lowest_rung_that_was_not_tried() -> None:
    crashed = [Finding("process-crashed")]
    assert choose(crashed, RUNGS, ()).rungs == {"process-crashed": "restart"}
    assert choose(crashed, RUNGS, {("process-crashed", "restart")}).rungs == {"process-crashed": "repair"}
    assert choose(crashed, ("restart", "reinstall"), {("process-crashed", "restart")}).rung == "reinstall"


def test_what_follows_from_another_cause_gets_no_rung() -> None:
    found = [Finding("data-damaged"), Finding("process-crashed", because="data-damaged")]
    assert choose(found, RUNGS, ()).rungs == {"data-damaged": "restore"}


def test_nothing_is_touched_under_a_wrong_disk() -> None:
    choice = choose([Finding("disk-other"), Finding("process-crashed")], RUNGS, ())
    assert (choice.rungs, choice.person, choice.blocked) == ({}, ("disk-other",), True)


def test_a_network_that_is_down_stops_no_restart() -> None:
    choice = choose([Finding("process-crashed"), Finding("network-down")], RUNGS, ())
    assert (choice.rungs, choice.person, choice.blocked) == ({"process-crashed": "restart"}, ("network-down",), False)


def test_without_the_secret_it_is_a_persons() -> None:
    choice = choose([Finding("disk-unregistered")], RUNGS, (), by_hand=("disk-unregistered",))
    assert (choice.rungs, choice.person) == ({}, ("disk-unregistered",))


@given(st.sets(st.sampled_from(sorted(CAUSES)), min_size=1), st.sets(st.sampled_from(RUNGS)))
def test_climbing_ends_and_never_goes_down_for_a_cause(causes: set[str], available: set[str]) -> None:
    """Let nothing ever help: every rung of every cause is taken once, from below, and then it is said."""
    findings = [Finding(cause) for cause in sorted(causes)]
    tried: set[tuple[str, str]] = set()
    climbed: dict[str, list[str]] = {}
    while (choice := choose(findings, available, tried)).rungs:
        assert not tried & set(choice.rungs.items())
        assert choice.rung == highest(choice.rungs.values())
        tried |= set(choice.rungs.items())
        for cause, rung in choice.rungs.items():
            climbed.setdefault(cause, []).append(rung)
    for cause, rungs in climbed.items():
        assert rungs == [rung for rung in CAUSES[cause].rungs if rung in available]
    if choice.blocked:
        assert climbed == {}
    else:
        assert set(choice.person) | set(choice.exhausted) == causes
