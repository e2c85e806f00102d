"""Case of `ini`."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
from case_files import _but_folder_time, same_owner_and_mode
from law_bench import BOTH, Bench, Case, Situation, Snapshot, assert_same
from law_texts import (
    Coding,
    changed_region,
    codings,
    decoded,
    encoded,
    line_end,
    lines_with_ends,
    modes,
    names,
    owners,
    words,
)

from guiwei.modules.ini import IniOption
from guiwei.target.contract import Resource
from guiwei.target.secret import Secret

_sections = st.sampled_from(["单位", "网络", "net", "Net", "空 [x]", "a]b"])
_options = st.sampled_from(["税号", "port", "Port", "超时 秒", "a.b:c", "x"])
_blanks = st.sampled_from(["", " ", "  ", "\t"])

_line = st.one_of(
    st.just(""),
    st.builds("{}{}{}={}{}{}".format, _blanks, _options, _blanks, _blanks, words, _blanks),
    st.builds("{}{}{}={}{}".format, st.just(""), _options, st.just(" "), st.just(" "), words),
    st.builds("{}[{}]{}".format, _blanks, _sections, _blanks),
    st.builds("{}{} {}".format, _blanks, st.sampled_from([";", "#"]), words),
    words,
)


@st.composite
def ini_situations(draw: st.DrawFn) -> Situation:
    path = "/Program Files (x86)/开票/" + draw(names)
    inside = path.lstrip("/")
    coding: Coding = draw(codings)
    lines = draw(st.none() | lines_with_ends(st.lists(_line, max_size=12)))
    mode, owner = draw(modes), draw(owners)
    section, option = draw(_sections | st.just("")), draw(_options)
    spacing = draw(st.sampled_from(["auto", "none", "spaces"]))
    state: dict[str, Any] | None = None
    if draw(st.integers(0, 3)):
        text = draw(words)
        state = {"value": Secret(text) if draw(st.booleans()) else text}

    def make(bench: Bench) -> Resource:
        bench.put("/Program Files (x86)/开票/other.ini", "[单位]\r\n税号=1\r\n".encode("gbk"))
        if lines is not None:
            bench.put(path, encoded(lines, coding), mode, owner)
        return IniOption(path, section, option, encoding=coding.option, newline="crlf", spacing=spacing)

    def frame(bench: Bench, before: Snapshot, after: Snapshot) -> None:
        assert_same(before, after, {inside})
        same_owner_and_mode(before, after, inside)
        if lines is None:
            if state is not None:
                assert after[inside].data.endswith("\r\n".encode(_new(coding)))
            return
        old_lines, new_lines = decoded(before[inside].data, coding), decoded(after[inside].data, coding)
        if state is None:
            _assert_only_removed(old_lines, new_lines, option)
        else:
            _assert_one_line(*changed_region(old_lines, new_lines))

    return Situation(make, state, _but_folder_time(frame))


def _new(coding: Coding) -> str:
    """The codec of a new file; a UTF-16 one is little-endian."""
    return {"auto": "utf-8", "utf-8-sig": "utf-8", "utf-16": "utf-16-le"}.get(coding.option, coding.option)


def _assert_only_removed(before: list[str], after: list[str], option: str) -> None:
    rest = list(after)
    for line in before:
        if rest and rest[0] == line:
            rest.pop(0)
        else:
            assert line.partition("=")[0].strip().lower() == option.lower(), line
    assert rest == []


def _assert_one_line(before: list[str], after: list[str]) -> None:
    """One line changed its value, or lines were added."""
    if not before:
        # Added: the option, or a blank, a header and the option.
        assert len(after) <= 3
        return
    assert len(before) == 1
    if len(after) == 1 and line_end(before[0]) == line_end(after[0]):
        old, new = before[0].partition("="), after[0].partition("=")
        assert old[0] == new[0], "the name changed"
        assert _lead(old[2]) == _lead(new[2]) or not new[2].strip() or not old[2].strip()
        return
    # Added at the end: what was the last line got an end, nothing more.
    assert line_end(before[0]) == ""
    assert after[0].rstrip("\r\n") == before[0].rstrip("\r\n")
    assert 2 <= len(after) <= 4
    assert line_end(after[-1]) == ""


def _lead(text: str) -> str:
    return text[: len(text) - len(text.lstrip(" \t"))]


CASES = [Case("ini", ini_situations(), refusals=frozenset({"text-ambiguous"}), systems=BOTH)]
