"""Every file in modules/ is one resource type that explains itself in both languages."""

from __future__ import annotations

import ast
import re

import pytest
from repository import REPOSITORY

from guiwei.target.contract import fields_of, find_type

NAMES = sorted(path.stem for path in (REPOSITORY / "modules").glob("*.py") if path.stem != "__init__")
CHINESE = re.compile("[\u4e00-\u9fff]")


@pytest.mark.parametrize("name", NAMES)
def test_a_module_defines_one_resource(name: str) -> None:
    tree = ast.parse((REPOSITORY / "modules" / f"{name}.py").read_text(encoding="utf-8"))
    resources = [
        item.name
        for item in tree.body
        if isinstance(item, ast.ClassDef)
        and any(isinstance(base, ast.Name) and base.id == "Resource" for base in item.bases)
    ]
    assert resources == [find_type(name).__name__]


@pytest.mark.parametrize("name", NAMES)
def test_a_module_explains_itself_in_both_languages(name: str) -> None:
    cls = find_type(name)
    texts = {"": (cls.summary, cls.summary_zh), **{spec.name: (spec.doc, spec.zh) for spec in fields_of(cls)}}
    assert len(texts) > 1
    for field, (english, chinese) in texts.items():
        assert english.endswith("."), (field, english)
        assert not CHINESE.search(english.split("`")[0]), (field, english)
        assert chinese.endswith("。"), (field, chinese)
        assert CHINESE.search(chinese), (field, chinese)


@pytest.mark.parametrize("name", NAMES)
def test_a_module_says_how_it_is_undone(name: str) -> None:
    cls = find_type(name)
    assert cls.kind in ("lens", "probe", "action")
    assert cls.undo in ("images", "state", "none")
    for method in ("read", "write"):
        own = method in vars(cls)
        # A probe only reads; everything else reads and writes.
        assert own is (method == "read" or cls.kind != "probe"), method
