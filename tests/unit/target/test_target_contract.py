from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guiwei.errors import ResourceError
from guiwei.modules.command import Command
from guiwei.modules.file import File
from guiwei.modules.package import Package
from guiwei.modules.sqlite import SqliteRow
from guiwei.target.contract import FORMS, Change, compose, differences, fields_of, fill, find_type
from guiwei.target.secret import MASK, Secret

MODULES = sorted(path.stem for path in (Path(__file__).resolve().parents[3] / "modules").glob("*.py"))
MODULES = [name for name in MODULES if name != "__init__"]


def test_presence() -> None:
    assert differences(File, None, None) == []
    assert differences(File, None, {"mode": "0644"}) == [Change("state", "present", "absent")]
    assert differences(File, {}, None) == [Change("state", "absent", "present")]
    assert differences(File, {"mode": "0600"}, None) == [
        Change("state", "absent", "present"),
        Change("mode", None, "0600"),
    ]


def test_only_what_is_wanted_is_compared_in_its_normal_form() -> None:
    observed = {"mode": "0644", "owner": "root", "content": "x"}
    assert differences(File, {"mode": "644", "owner": None}, observed) == []
    assert differences(File, {"mode": "0600"}, observed) == [Change("mode", "0644", "0600")]
    assert differences(Package, {"version": "3.1"}, {"version": "3.1.0"}) == []
    assert differences(Package, {"version": "3.1"}, {"version": "3.10"}) == [Change("version", "3.10", "3.1")]


def test_what_is_not_compared_travels_but_never_differs() -> None:
    assert differences(Package, {"version": "3.1", "sha256": "0" * 64}, {"version": "3.1"}) == []
    assert differences(Command, {"done": True, "given": Secret("pin")}, {"done": True}) == []


def test_mappings_compare_the_named_keys_alone() -> None:
    observed = {"row": {"value": "7", "amount": 1, "note": None}}
    assert differences(SqliteRow, {"row": {"value": "7", "note": None}}, observed) == []
    assert differences(SqliteRow, {"row": {"amount": None, "other": 1}}, observed) == [
        Change("row.amount", 1, None),
        Change("row.other", None, 1),
    ]


def test_one_secret_side_masks_both() -> None:
    (change,) = differences(File, {"content": Secret("new")}, {"content": "old"})
    assert str(change.before) == str(change.after) == MASK
    assert "old" not in repr(change)
    assert differences(File, {"content": Secret("same")}, {"content": "same"}) == []


@given(st.lists(st.integers(0, 99), min_size=1, max_size=4), st.integers(0, 2))
def test_trailing_zeros_of_a_version_say_nothing(parts: list[int], zeros: int) -> None:
    text = ".".join(map(str, parts))
    assert FORMS["version"](text) == FORMS["version"](text + ".0" * zeros)
    assert FORMS["version"](text) != FORMS["version"](text + ".1")


def test_references_are_filled_in_and_missing_ones_named() -> None:
    context = {"facts": {"prefix": "/r", "n": 3}, "instance": {"id": "1.0"}}
    assert fill("{{ facts.prefix }}/x/{{instance.id}}", context) == "/r/x/1.0"
    assert fill({"a": ["{{ facts.n }}"]}, context) == {"a": [3]}
    with pytest.raises(ResourceError) as caught:
        fill("{{ instance.disk }}", context)
    assert caught.value.arguments == {"reference": "instance.disk"}


def test_composing_takes_key_and_option_fields() -> None:
    resource: Any = compose("sqlite", {"path": "/d", "table": "t", "key": {"a": 1}, "row": {"b": 2}})
    assert (resource.key, resource.row) == ({"a": 1}, None)
    with pytest.raises(ResourceError) as caught:
        compose("file", {})
    assert caught.value.code == "module-arguments"
    for name in ("nothing", "../file", "file.x", "__init__"):
        with pytest.raises(ResourceError):
            find_type(name)


def test_defaults_are_not_shared() -> None:
    one: Any = compose("backup", {"label": "a"})
    one.paths.append("/x")
    other: Any = compose("backup", {"label": "a"})
    assert other.paths == []


@pytest.mark.parametrize("name", MODULES)
def test_every_field_of_every_module_says_what_it_is(name: str) -> None:
    cls = find_type(name)
    assert cls.kind in ("lens", "probe", "action")
    assert cls.undo in ("images", "state", "none")
    assert cls.summary.endswith(".")
    assert cls.summary_zh.endswith("。")
    assert cls.__doc__
    specs = fields_of(cls)
    assert specs[0].role == "key"
    for spec in specs:
        assert spec.doc.endswith("."), spec.name
        assert spec.zh.endswith("。"), spec.name
        assert spec.form in FORMS, spec.name
        assert spec.role in ("key", "option", "value", "supply"), spec.name
        if spec.role == "option":
            assert not spec.required, spec.name
        if spec.choices is not None and spec.default is not None:
            assert spec.default in spec.choices, spec.name
        if spec.role in ("key", "value") and spec.choices is None and spec.annotation not in ("bool", "Optional[bool]"):
            assert spec.example is not None or spec.pattern, spec.name


@pytest.mark.parametrize("name", MODULES)
def test_examples_match_their_patterns(name: str) -> None:
    import re

    for spec in fields_of(find_type(name)):
        if spec.pattern is not None and spec.example is not None:
            assert re.search(spec.pattern, spec.example), spec.name
        if spec.choices is not None and spec.example is not None:
            assert spec.example in spec.choices, spec.name
