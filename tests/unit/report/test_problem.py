from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from guiwei.errors import InputError, Place
from guiwei.model.inventory import Notice
from guiwei.report.problem import render_error, render_notice
from guiwei.report.words import Words

LINE = "    开票限额: {value: 税, value: 2}"


def test_an_error_is_place_message_line_caret_and_fix() -> None:
    column = LINE.index("value: 2") + 1
    error = InputError("path-not-absolute", Place("站点.yml", 12, column), path="a/b")
    assert render_error(error, Words("zh"), LINE).plain.split("\n") == [
        f"站点.yml:12:{column}: a/b 不是绝对路径。",
        f"   12 │ {LINE}",
        "      │ " + " " * cell_len(LINE[: column - 1]) + "^",
        "→ 请写完整路径，且不含 `..`。",
    ]


def test_an_error_without_a_place_is_message_and_fix() -> None:
    assert render_error(InputError("disk-full", path="/x"), Words("en"), "unused").plain.split("\n") == [
        "The disk that holds /x is full.",
        "→ Free some space on the PC, then apply again.",
    ]


def test_a_notice_says_that_it_is_one() -> None:
    told = render_notice(Notice("path-missing", Place("a.yml", 1, 2), {"path": "/x"}), Words("en"), "ab").plain
    assert told.startswith("a.yml:1:2: note: /x is not there.\n    1 │ ab\n      │  ^")


def test_control_characters_of_the_line_are_visible() -> None:
    told = render_error(InputError("yaml-x", Place("a.yml", 1, 3)), Words("en"), "a\x1bb\r\n").plain
    assert "\x1b" not in told
    assert told.endswith("a\\x1bb\n      │ " + " " * 5 + "^")


@pytest.mark.parametrize("character", ["x", "税"])
def test_the_caret_of_a_long_line_stays_in_sight(character: str) -> None:
    line = character * 300 + "!" + character * 300
    source, caret = render_error(InputError("yaml-x", Place("a.yml", 1, 301)), Words("en"), line).plain.split("\n")[1:3]
    assert cell_len(source) < 100
    assert cell_len(source[: source.index("!")]) == cell_len(caret) - 1


@given(st.text(max_size=200), st.integers(1, 250), st.sampled_from(["en", "zh"]))
def test_any_line_and_column_can_be_shown(line: str, column: int, lang: str) -> None:
    told = render_error(InputError("path-missing", Place("a", 1, column), path="x"), Words(lang), line).plain
    told.encode("utf-8")
    assert "^" in told
