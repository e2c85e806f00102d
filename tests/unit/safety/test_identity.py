"""The interlock: a fleet in order passes, in whatever order it is seen; one thing out of place is found and named."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guiwei.errors import GateError
from guiwei.safety.identity import Client, Interlock, KnownDisk, KnownPc, Sighting, Told


def client(number: int, **more: str | None) -> Client:
    told: dict[str, str | None] = {"taxpayer": f"T{number}", "machine": "0", "disk": f"{number:012d}", **more}
    return Client(f"T{number}.0", **told)


def pc(number: int, **more: object) -> Sighting:
    """Return a PC with its own disk plugged in, as its client tells of it."""
    own = client(number)
    seen = Sighting(
        host=f"pc{number}",
        pc_id=f"id{number}",
        machine_id=f"m{number}",
        clients=(own,),
        plugged=frozenset([own.instance]),
        devices=(Told(own.disk, own.taxpayer, own.machine, "金税盘"),),
    )
    return replace(seen, **more)  # type: ignore[arg-type]


def fleet(*seen: Sighting, extra: dict[str, tuple[Client, ...]] | None = None, **known: object) -> Interlock:
    return Interlock({**{each.host: each.clients for each in seen}, **(extra or {})}, **known)  # type: ignore[arg-type]


def judge(interlock: Interlock, *seen: Sighting) -> dict[str, GateError | None]:
    """Look at every PC, then judge each: as a plan does."""
    for each in seen:
        interlock.refusal(each)
    return {each.host: interlock.refusal(each) for each in seen}


def told(found: dict[str, GateError | None]) -> dict[str, tuple[str, str]]:
    """Return the refused hosts: why, and which other host is named."""
    return {
        host: (error.code, str(error.arguments.get("other", ""))) for host, error in found.items() if error is not None
    }


MISHAPS = ("disk", "swapped", "number", "taxpayer", "declared-disk", "declared-taxpayer", "pc", "machine")
NUMBERS = st.lists(st.integers(1, 9), min_size=2, max_size=6, unique=True)


def history_of(*seen: Sighting) -> dict[str, object]:
    return {
        "pcs": tuple(KnownPc(each.host, each.pc_id, each.machine_id, "then") for each in seen),
        "disks": {
            disk: KnownDisk(disk, each.host, each.clients[0].taxpayer or "", "then")
            for each in seen
            for disk in each.disks
        },
    }


@given(NUMBERS, st.permutations(range(6)), st.booleans(), st.data())
def test_a_fleet_in_order_passes(numbers: list[int], order: list[int], known: bool, data: st.DataObject) -> None:
    seen = [pc(number) for number in numbers]
    unplugged = data.draw(st.sets(st.sampled_from(range(len(seen)))))
    seen = [
        replace(each, plugged=frozenset(), devices=()) if place in unplugged else each
        for place, each in enumerate(seen)
    ]
    ordered = [seen[place] for place in order if place < len(seen)]
    assert told(judge(fleet(*seen, **(history_of(*seen) if known else {})), *ordered)) == {}


@given(NUMBERS, st.data())
def test_one_thing_out_of_place_is_found_and_both_sides_are_named(numbers: list[int], data: st.DataObject) -> None:
    """Whatever the order in which PCs are seen; the others pass."""
    victim, culprit = data.draw(st.permutations(numbers))[:2]
    seen = {number: pc(number) for number in numbers}
    mine = seen[culprit].clients[0]
    theirs = client(victim)
    wrong = data.draw(
        st.sampled_from(
            ["disk", "swapped", "number", "taxpayer", "declared-disk", "declared-taxpayer", "pc", "machine"]
        )
    )
    expected = {f"pc{culprit}", f"pc{victim}"}
    if wrong == "disk":
        # The other branch's disk; the right one is nowhere.
        stray = Told(theirs.disk, theirs.taxpayer, theirs.machine)
        seen[culprit] = replace(seen[culprit], plugged=frozenset(), devices=(stray,))
        seen[victim] = replace(seen[victim], plugged=frozenset(), devices=())
        expected = {f"pc{culprit}"}
    elif wrong == "swapped":
        for one, other in ((culprit, victim), (victim, culprit)):
            owner = client(other)
            stray = Told(owner.disk, owner.taxpayer, owner.machine)
            seen[one] = replace(seen[one], plugged=frozenset(), devices=(stray,))
    elif wrong == "number":
        # A device that shows the other's number, while the other has its own as well.
        seen[culprit] = replace(seen[culprit], devices=(Told(theirs.disk, mine.taxpayer, mine.machine),))
    elif wrong == "taxpayer":
        # The right number, issued to the other branch.
        seen[culprit] = replace(seen[culprit], devices=(Told(mine.disk, theirs.taxpayer, theirs.machine),))
        expected = {f"pc{culprit}"}
    elif wrong == "declared-disk":
        seen[culprit] = replace(seen[culprit], clients=(replace(mine, disk=theirs.disk),), devices=())
    elif wrong == "declared-taxpayer":
        seen[culprit] = replace(seen[culprit], clients=(replace(mine, taxpayer=theirs.taxpayer),), devices=())
    elif wrong == "pc":
        seen[culprit] = replace(seen[culprit], pc_id=f"id{victim}")
    else:
        seen[culprit] = replace(seen[culprit], machine_id=f"m{victim}", pc_id="")
    ordered = data.draw(st.permutations(list(seen.values())))
    found = told(judge(fleet(*seen.values()), *ordered))
    assert set(found) == expected
    assert {host: other for host, (_, other) in found.items()} == {
        host: f"pc{victim}" if host == f"pc{culprit}" else f"pc{culprit}" for host in expected
    }


@pytest.mark.parametrize("host", ["pc7", "gone"])
def test_what_was_seen_before_counts_as_long_as_the_inventory_names_its_host(host: str) -> None:
    """A PC that was renamed is the same PC; one that stands in the inventory beside it is a copy."""
    seen = pc(1)
    other = {"pc7": (client(7),)}
    for known in (KnownPc(host, "id1", "m9", "then"), KnownPc(host, "", "m1", "then")):
        found = told(judge(fleet(seen, extra=other, pcs=(known,)), seen))
        assert found == ({"pc1": ("identity-pc-twice", "pc7")} if host == "pc7" else {})
    assert told(judge(fleet(seen, pcs=(KnownPc("pc1", "id9", "m9", "then"),)), seen)) == {}, "a new PC in its place"


def test_a_stray_disk_is_known_from_where_it_was_seen() -> None:
    stray = replace(pc(1), plugged=frozenset(), devices=(Told("000000000042", "T42", "0"),))
    known = {"000000000042": KnownDisk("000000000042", "elsewhere", "T42", "2026-11-01T08:00:00Z")}
    found = judge(fleet(stray, disks=known), stray)
    error = found["pc1"]
    assert error is not None
    assert (error.code, error.exit_code) == ("identity-disk-seen", 4)
    assert error.arguments == {
        "host": "pc1", "other": "elsewhere", "disk": "000000000042", "taxpayer": "T42", "seen": "2026-11-01T08:00:00Z"
    }  # fmt: skip
    # Nobody knows it: it is waited for the right one.
    assert told(judge(fleet(stray), stray)) == {}
    # It was this PC's own before, or has moved here by the inventory.
    here = {"000000000042": replace(known["000000000042"], host="pc1")}
    assert told(judge(fleet(stray, disks=here), stray)) == {}
    moved = replace(pc(1), clients=(client(1, disk="000000000042"),))
    assert told(judge(fleet(moved, disks=known), moved)) == {}


def test_a_copy_is_named_with_its_original_until_somebody_says_otherwise() -> None:
    copy = replace(pc(2), pc_id="", copied_pc_id="id1")
    assert told(judge(fleet(pc(1), copy), pc(1), copy)) == {"pc2": ("identity-pc-copied", "pc1")}
    assert told(judge(fleet(copy, extra={"pc1": (client(1),)}, **history_of(pc(1))), copy)) == {
        "pc2": ("identity-pc-copied", "pc1")
    }
    assert told(judge(fleet(copy), copy)) == {"pc2": ("identity-pc-copied", "?")}
    own = replace(copy, own=True, machine_id="m1")
    assert told(judge(fleet(pc(1), own), pc(1), own)) == {}
    # Once it has an id of its own, nobody has to say so any more.
    settled = replace(copy, pc_id="id2", copied_pc_id="", machine_id="m1")
    assert told(judge(fleet(pc(1), settled, **history_of(pc(1), settled)), settled, pc(1))) == {}
    # An id that is still in force is no matter of opinion.
    same = replace(own, pc_id="id1", copied_pc_id="")
    assert told(judge(fleet(pc(1), same), same, pc(1)))["pc2"] == ("identity-pc-twice", "pc1")


def test_the_later_of_two_is_refused_where_nobody_waits() -> None:
    """PCs are judged as they come; what that guarantees stands in the class's own words."""
    one, other = pc(1), replace(pc(2), pc_id="id1")
    interlock = fleet(one, other)
    assert interlock.refusal(one) is None
    refusal = interlock.refusal(other)
    assert refusal is not None
    assert refusal.arguments["other"] == "pc1"


def test_what_has_no_number_is_compared_with_nothing() -> None:
    bare = [Sighting(f"pc{n}", clients=(Client("x"),), plugged=frozenset("x"), devices=(Told(kind="金税盘"),))
            for n in (1, 2)]  # fmt: skip
    assert told(judge(fleet(*bare), *bare)) == {}
    # Two PCs with one machine-id and no client of an invoicing product: none of the interlock's business.
    others = [Sighting(f"pc{n}", pc_id="id", machine_id="m") for n in (1, 2)]
    assert told(judge(fleet(*others), *others)) == {}


def test_two_companies_of_one_pc_do_not_get_in_each_others_way() -> None:
    both = (client(1), client(2))
    seen = replace(pc(1), clients=both)
    assert told(judge(fleet(seen), seen)) == {}
    other_day = replace(seen, plugged=frozenset(["T2.0"]), devices=(Told(both[1].disk, "T2", "0"),))
    assert told(judge(fleet(seen, **history_of(seen)), other_day)) == {}
