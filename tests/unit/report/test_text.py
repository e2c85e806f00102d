from __future__ import annotations

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guiwei.report._text import clean, compact, shorten


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["pc01", "pc02", "pc03"], ("pc[01:03]",)),
        (["pc08", "pc09", "pc10", "pc11"], ("pc[08:11]",)),
        (["pc8", "pc9", "pc10"], ("pc[8:10]",)),
        (["pc1", "pc2"], ("pc1", "pc2")),
        (["pc3", "pc1", "pc2", "db"], ("pc[1:3]", "db")),
        (["a1.b", "a2.b", "a4.b", "a3.b", "a9.b"], ("a[1:4].b", "a9.b")),
        (["s1-pc1", "s1-pc2", "s1-pc3", "s2-pc1", "s2-pc2", "s2-pc3"], ("s1-pc[1:3]", "s2-pc[1:3]")),
        (["网点-07", "网点-08", "网点-09"], ("网点-[07:09]",)),
        (["pc099", "pc100", "pc101"], ("pc[099:101]",)),
        ([], ()),
    ],
)
def test_names_in_a_row_become_ranges(names: list[str], told: tuple[str, ...]) -> None:
    assert compact(names) == told


def expand(text: str) -> list[str]:
    pieces: list[list[str]] = []
    for piece in re.split(r"(\[\d+:\d+\])", text):
        span = re.fullmatch(r"\[(\d+):(\d+)\]", piece)
        if span:
            width = len(span[1]) if span[1].startswith("0") else 0
            pieces.append([str(number).zfill(width) for number in range(int(span[1]), int(span[2]) + 1)])
        else:
            pieces.append([piece])
    return ["".join(parts) for parts in product(*pieces)]


HOSTS = st.lists(st.from_regex(r"(pc|店)[0-9]{1,3}(-[0-9]{1,2})?(\.b)?", fullmatch=True), max_size=40)


@given(HOSTS)
def test_expanding_the_ranges_gives_each_name_once(names: list[str]) -> None:
    expanded = [name for text in compact(names) for name in expand(text)]
    assert sorted(expanded) == sorted(set(names))


def test_what_a_terminal_would_act_on_is_shown_as_an_escape() -> None:
    assert clean("a\x1b[31mb\r\n\t\x07") == "a\\x1b[31mb\\r\\n\\t\\x07"
    assert clean("a\nb\x1b", keep="\n") == "a\nb\\x1b"
    assert clean("税号\u202e\ud800") == "税号\\u202e\\ud800"


@given(st.text())
def test_clean_text_can_be_written_and_moves_no_cursor(text: str) -> None:
    cleaned = clean(text)
    cleaned.encode("utf-8")
    assert not re.search("[\x00-\x1f\x7f-\x9f]", cleaned)


@given(st.text(), st.integers(3, 40))
def test_shortened_text_keeps_both_ends(text: str, width: int) -> None:
    short = shorten(text, width)
    assert len(short) <= max(width, 3)
    assert short == text or (short[0] == text[0] and short[-1] == text[-1])
