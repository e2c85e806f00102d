from __future__ import annotations

from pathlib import Path

import pytest

from guiwei.errors import InputError
from guiwei.language.inventory import load_inventory
from guiwei.language.patterns import select
from guiwei.model.inventory import Inventory

FLEET = """
spare:
north:
  hosts: {tj1: , tj2: }
  children:
    beijing: {hosts: {"bj[1:4]": , "2001:db8::7": }}
south: {hosts: {sz1.branch: , tj2: , south: }}
"""


@pytest.fixture
def fleet(tmp_path: Path) -> Inventory:
    file = tmp_path / "fleet.yml"
    file.write_text(FLEET)
    return load_inventory([file])


def names(inventory: Inventory, pattern: str, limit: str | None = None) -> str:
    return " ".join(host.name for host in select(inventory, pattern, limit))


@pytest.mark.parametrize(
    ("pattern", "hosts"),
    [
        ("all", "tj1 tj2 sz1.branch south bj1 bj2 bj3 bj4 2001:db8::7"),
        ("*", "tj1 tj2 sz1.branch south bj1 bj2 bj3 bj4 2001:db8::7"),
        ("bj2", "bj2"),
        ("north", "tj1 tj2 bj1 bj2 bj3 bj4 2001:db8::7"),
        ("beijing:tj1", "bj1 bj2 bj3 bj4 2001:db8::7 tj1"),
        ("bj3, bj1", "bj3 bj1"),
        ("north:&south", "tj2"),
        ("&south:north", "tj2"),
        ("north:!beijing", "tj1 tj2"),
        ("!north", "sz1.branch south"),
        ("bj*[0:1]", "bj1 bj2"),
        ("bj?:!bj4", "bj1 bj2 bj3"),
        ("~(bj|tj)[12]", "tj1 tj2 bj1 bj2"),
        ("~.*z", "sz1.branch"),
        ("*.branch", "sz1.branch"),
        ("*j*", "bj1 bj2 bj3 bj4 2001:db8::7 tj1 tj2"),  # the group beijing, then hosts
        ("beijing[0]", "bj1"),
        ("beijing[-1]", "2001:db8::7"),
        ("beijing[1:2]", "bj2 bj3"),
        ("beijing[3:]", "bj4 2001:db8::7"),
        ("beijing[2:99]", "bj3 bj4 2001:db8::7"),
        ("2001:db8::7", "2001:db8::7"),
        ("south", "south"),  # a host goes before a group of the same name
        ("all:!south", "tj1 bj1 bj2 bj3 bj4 2001:db8::7"),  # but not where it is excluded
        ("all:!zz*", "tj1 tj2 sz1.branch south bj1 bj2 bj3 bj4 2001:db8::7"),
    ],
)
def test_a_pattern_selects_in_order(fleet: Inventory, pattern: str, hosts: str) -> None:
    assert names(fleet, pattern) == hosts


def test_a_limit_keeps_the_order_of_the_pattern(fleet: Inventory, tmp_path: Path) -> None:
    assert names(fleet, "north", "bj2,bj1,tj1") == "tj1 bj1 bj2"
    (tmp_path / "retry").write_text("bj2\n\nsouth\nbj4\n")
    assert names(fleet, "all", f"@{tmp_path / 'retry'}") == "south bj2 bj4"
    assert names(fleet, "all", f"@{tmp_path / 'retry'},!south") == "bj2 bj4"


@pytest.mark.parametrize(
    ("pattern", "limit", "blamed"),
    [
        ("nrth", None, "nrth"),
        ("all:!beijng", None, "beijng"),
        ("north,nosuch", None, "nosuch"),
        ("spare", None, "spare"),
        ("zz*", None, "zz*"),
        ("tj1:22", None, "tj1:22"),
        ("beijing[9]", None, "beijing[9]"),
        ("tj1:&beijing", None, "tj1:&beijing"),
        ("&spare", None, "&spare"),
        ("bj[1:2]", None, "bj[1:2]"),  # a range is no pattern, only a subscript
        ("all", "nrth", "nrth"),
        ("tj1", "beijing", "beijing"),
    ],
)
def test_nothing_to_select_is_an_error(fleet: Inventory, pattern: str, limit: str | None, blamed: str) -> None:
    with pytest.raises(InputError) as caught:
        select(fleet, pattern, limit)
    assert caught.value.code == "pattern-no-host"
    assert caught.value.arguments["pattern"] == blamed


def test_the_error_names_what_is_close(fleet: Inventory) -> None:
    with pytest.raises(InputError) as caught:
        select(fleet, "all:!beijng")
    assert caught.value.arguments["near"].split(", ")[0] == "beijing"


def test_a_broken_expression_is_an_error(fleet: Inventory) -> None:
    with pytest.raises(InputError, match="pattern-bad-regex"):
        select(fleet, "~(bj")


def test_a_limit_file_must_be_there(fleet: Inventory) -> None:
    with pytest.raises(InputError, match="file-unreadable"):
        select(fleet, "all", "@/nonexistent")
