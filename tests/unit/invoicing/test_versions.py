"""The way between two versions: always the shortest that the profile has, and a reason where there is none."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from guiwei.errors import GateError, InputError, Place
from guiwei.invoicing.versions import Edge, VersionGraph, same_version

PLACE = Place("play.yml", 4, 9)
Profile = Mapping[str, Mapping[str, Any]]


@st.composite
def profiles(draw: st.DrawFn) -> dict[str, dict[str, Any]]:
    """Any profile whose versions are reached from older ones; some from nowhere, some with a version left out."""
    versions = [f"{major}.{minor}.0" for major in range(1, 4) for minor in range(3)]
    chosen = draw(st.lists(st.sampled_from(versions), min_size=2, max_size=8, unique=True))
    chosen.sort()
    return {
        version: {"from": draw(st.lists(st.sampled_from(chosen[:place]), unique=True)) if place else []}
        for place, version in enumerate(chosen)
    }


def steps_between(profile: Profile, have: str, want: str) -> int | None:
    """The number of upgrades by brute force: which versions can be had with 0, 1, 2 … of them."""
    reached, count = {have}, 0
    while want not in reached:
        wider = reached | {version for version, entry in profile.items() if set(entry["from"]) & reached}
        if wider == reached:
            return None
        reached, count = wider, count + 1
    return count


#: Who looks deep first goes the long way from 1.0 to 3.0.
LONG_WAY = {"1.0.0": [], "1.1.0": ["1.0.0"], "1.2.0": ["1.0.0"], "2.0.0": ["1.2.0"], "3.0.0": ["1.1.0", "2.0.0"]}


@example({version: {"from": sources} for version, sources in LONG_WAY.items()})
@given(profiles())
def test_the_way_is_whole_and_shortest(profile: Profile) -> None:
    graph = VersionGraph.from_profile(profile)
    for have, want in product(profile, profile):
        fewest = steps_between(profile, have, want)
        if fewest is None:
            check_refusal(graph, profile, have, want)
            continue
        way = graph.route(have, want, PLACE)
        assert len(way) == fewest
        assert [have, *(edge.target for edge in way)] == [*(edge.source for edge in way), want]
        assert all(edge.source in profile[edge.target]["from"] for edge in way)


def check_refusal(graph: VersionGraph, profile: Profile, have: str, want: str) -> None:
    """Nobody goes back; where there is no way in either direction, the profile lacks a version between."""
    with pytest.raises(GateError) as refused:
        graph.route(have, want, PLACE)
    back = steps_between(profile, want, have) is not None
    assert refused.value.code == ("version-downgrade" if back else "version-no-route")
    assert refused.value.place == PLACE
    assert refused.value.arguments == {"have": have, "want": want}


@given(profiles(), st.data())
def test_one_version_has_many_spellings(profile: Profile, data: st.DataObject) -> None:
    have, want = (data.draw(st.sampled_from(sorted(profile))) for _ in range(2))
    graph = VersionGraph.from_profile(profile)
    short = want.removesuffix(".0")
    assert graph.known(short) == graph.known(want + ".0") == want
    assert same_version(short, want)
    if steps_between(profile, have, want) is not None:
        assert graph.route(have.removesuffix(".0"), short) == graph.route(have, want)


def test_what_the_profile_does_not_know_is_wrong_input() -> None:
    graph = VersionGraph.from_profile({"2.4.0": {}, "3.0.0": {"from": ["2.4.0"]}})
    with pytest.raises(InputError) as wrong:
        graph.known("3.2", PLACE)
    assert (wrong.value.code, wrong.value.place) == ("version-unknown", PLACE)
    assert wrong.value.arguments == {"version": "3.2", "known": "2.4.0, 3.0.0"}
    with pytest.raises(InputError, match="version-unknown"):
        graph.route("1.0", "3.0.0")


def test_an_edge_says_what_it_costs() -> None:
    versions = {"2.4.0": {}, "3.0.0": {"from": ["2.4.0"], "one_way": True, "reactivate": True}}
    assert VersionGraph.from_profile(versions).edges == (Edge("2.4.0", "3.0.0", True, True),)


@pytest.mark.parametrize("one", [None, ""])
def test_no_version_is_no_version(one: str | None) -> None:
    assert not same_version(one, "3.1")
    assert not same_version("3.1", one)
