"""Texts as invoicing PCs have them, drawn with the encoding that they are really in."""

from __future__ import annotations

import codecs
from typing import NamedTuple

import hypothesis.strategies as st

_PLAIN = "abzAZ059 .:/_-[](),'\""
_CHINESE = "税号单位名称开票限额安全接入地址网络超时备份目录隆联通，。·—"

#: Text that every one of the encodings has, without line breaks.
words = st.text(_PLAIN + _CHINESE, max_size=12)


class Coding(NamedTuple):
    """What the resource is told, what the bytes are in, and their BOM."""

    option: str
    codec: str
    bom: bytes


CODINGS = [
    Coding("utf-8", "utf-8", b""),
    Coding("auto", "utf-8", b""),
    Coding("auto", "utf-8", codecs.BOM_UTF8),
    Coding("utf-8-sig", "utf-8", codecs.BOM_UTF8),
    Coding("gbk", "gbk", b""),
    Coding("auto", "gbk", b""),
    Coding("gb18030", "gb18030", b""),
    Coding("auto", "utf-16-le", codecs.BOM_UTF16_LE),
    Coding("auto", "utf-16-be", codecs.BOM_UTF16_BE),
    Coding("utf-16", "utf-16-le", codecs.BOM_UTF16_LE),
    Coding("utf-16-le", "utf-16-le", b""),
]

codings = st.sampled_from(CODINGS)
names = st.sampled_from(["a.txt", "安全接入地址.txt", "with space.ini", "[括号] (1).ini"])
#: The last is what Windows calls read-only.
modes = st.sampled_from([0o600, 0o640, 0o644, 0o664, 0o444])
owners = st.sampled_from([(0, 0), (1234, 1234), (65534, 0)])


@st.composite
def endings(draw: st.DrawFn, count: int) -> list[str]:
    """Draw line ends: all LF, all CRLF, or mixed; the last may have none."""
    style = draw(st.sampled_from(["\n", "\r\n", "mixed"]))
    ends = [draw(st.sampled_from(["\n", "\r\n"])) if style == "mixed" else style for _ in range(count)]
    if ends and draw(st.booleans()):
        ends[-1] = ""
    return ends


@st.composite
def lines_with_ends(draw: st.DrawFn, bodies: st.SearchStrategy[list[str]]) -> list[str]:
    """Draw lines, each with its end."""
    found = draw(bodies)
    return [body + end for body, end in zip(found, draw(endings(len(found))), strict=True)]


def encoded(lines: list[str], coding: Coding) -> bytes:
    return coding.bom + "".join(lines).encode(coding.codec)


def decoded(data: bytes, coding: Coding) -> list[str]:
    """Return the lines; bytes that the module took for another encoding stay recognizable."""
    assert data.startswith(coding.bom), "the BOM is gone"
    errors = "surrogatepass" if coding.codec.startswith("utf-16") else "surrogateescape"
    text = data[len(coding.bom) :].decode(coding.codec, errors)
    parts = text.split("\n")
    return [part + "\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def changed_region(before: list[str], after: list[str]) -> tuple[list[str], list[str]]:
    """Return the lines that differ, between what both begin and end with."""
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    return before[start : len(before) - end], after[start : len(after) - end]


def line_end(line: str) -> str:
    return "\r\n" if line.endswith("\r\n") else "\n" if line.endswith("\n") else ""
