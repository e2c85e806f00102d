from __future__ import annotations

import codecs

import pytest
from hypothesis import assume, given, note
from hypothesis import strategies as st

from guiwei.errors import ResourceError
from guiwei.target.ini_text import Ini, parse_ini
from guiwei.target.text import ENCODINGS, decode_exactly, empty, encode_text, parse, render, split_end

_texts = st.text(st.characters(codec="utf-8"), max_size=30)
_bytes = st.one_of(
    st.binary(max_size=60),
    st.builds(lambda text, bom: bom + text.encode(), _texts, st.sampled_from([b"", codecs.BOM_UTF8])),
    st.builds(lambda text: text.encode("gb18030"), _texts),
    st.builds(lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"), _texts),
    st.builds(lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"), _texts),
)


@given(_bytes, st.sampled_from(ENCODINGS))
def test_whatever_parses_renders_the_same(data: bytes, encoding: str) -> None:
    try:
        text = parse(data, encoding, "/x")
    except ResourceError as error:
        note(str(error))
        assume(error.code != "text-encoding")
        raise
    assert render(text) == data
    assert "".join(text.lines).count("\n") == sum(line.endswith("\n") for line in text.lines)
    assert all("\n" not in line[:-1] for line in text.lines)


@given(_texts, st.sampled_from(ENCODINGS))
def test_a_new_text_reads_as_it_was_written(text: str, encoding: str) -> None:
    try:
        data = encode_text(text, encoding)
    except ResourceError as error:
        assume(error.code != "text-unencodable" or encoding not in ("gbk", "ascii", "latin-1"))
        raise
    assert decode_exactly(data, encoding) == text


def test_auto_finds_out() -> None:
    assert parse("税号".encode("gbk")).encoding == "gbk"
    assert parse("税".encode("gbk")).lines == ["税"]
    assert parse("税率 é".encode()).encoding == "utf-8"
    assert parse(b"plain").encoding == "utf-8"
    assert parse("税号".encode()).encoding == "utf-8"
    assert parse("𠮷".encode("gb18030")).encoding == "gb18030"
    assert parse(codecs.BOM_UTF16_BE + "税".encode("utf-16-be")).encoding == "utf-16-be"


@pytest.mark.parametrize("data", ["税=1\r\n".encode("utf-16-le"), "a=1\r\n".encode("utf-16-le"), b"\x00\x01\x02"])
def test_utf16_without_bom_is_not_taken_for_utf8(data: bytes) -> None:
    with pytest.raises(ResourceError) as caught:
        parse(data, "auto", "/x.ini")
    assert caught.value.code == "text-encoding"
    assert caught.value.arguments["path"] == "/x.ini"


def test_gbk_takes_no_character_that_only_gb18030_has() -> None:
    text = parse("税".encode("gbk"), "gbk")
    with pytest.raises(ResourceError) as caught:
        render(text._replace(lines=["😀"]))
    assert caught.value.arguments == {"encoding": "gbk", "character": "😀"}
    with pytest.raises(ResourceError) as caught:
        render(text._replace(lines=["😀"]), hide=True)
    assert "😀" not in str(caught.value)


def test_line_ends() -> None:
    assert [split_end(line) for line in ("a\r\n", "a\n", "a", "a\r", "")] == [
        ("a", "\r\n"), ("a", "\n"), ("a", ""), ("a\r", ""), ("", ""),
    ]  # fmt: skip
    assert encode_text("a\nb\r\nc", "utf-16", "crlf") == codecs.BOM_UTF16_LE + "a\r\nb\r\nc".encode("utf-16-le")
    # Only LF parts lines: a form feed or U+2028 is a character of its line.
    assert parse("a\x0cb\u2028c\n".encode()).lines == ["a\x0cb\u2028c\n"]


def _ini(text: str) -> Ini:
    return Ini(empty("utf-8")._replace(lines=text.splitlines(keepends=True)))


def test_ini_reads_as_windows_does() -> None:
    ini = _ini('x=0\n[ 网络 ]\n;y=1\n Y = a = "b" ; c \nY=2\nflag\n[网络]\nz=3\n[Net]\nA=1\na=2\n')
    assert ini.value("", "x") == "0"
    assert ini.value("网络", "y") == 'a = "b" ; c'
    assert ini.value("网络", "flag") is None
    # A second section of the name is not looked at.
    assert ini.value("网络", "z") is None
    # Exactly so first, then without case.
    assert (ini.value("net", "a"), ini.value("Net", "A"), ini.value("NET", "A")) == ("2", "1", "1")


@pytest.mark.parametrize(
    ("before", "section", "option", "after"),
    [
        ("[a]\nx = 1\n\n[b]\n", "a", "n", "[a]\nx = 1\nn = v\n\n[b]\n"),
        ("[a]\nx=1\n\n; about b\n[b]\ny = 1\n", "a", "n", "[a]\nx=1\nn=v\n\n; about b\n[b]\ny = 1\n"),
        ("[a]\n; about x\n[b]\ny = 1\n", "a", "n", "[a]\n; about x\nn = v\n[b]\ny = 1\n"),
        ("[a]\r\nx=1", "a", "n", "[a]\r\nx=1\r\nn=v"),
        ("[a]\nx=1\n", "b", "n", "[a]\nx=1\n\n[b]\nn=v\n"),
        ("[a]\nx=1\n[b]\n", "c", "n", "[a]\nx=1\n[b]\n[c]\nn=v\n"),
        ("x=1", "b", "n", "x=1\n\n[b]\nn=v"),
        ("", "b", "n", "[b]\nn=v\n"),
        ("; c\n[a]\n", "", "n", "; c\nn=v\n[a]\n"),
        ("[a]\n X\t=  1 \r\n", "a", "x", "[a]\n X\t=  v \r\n"),
        ("[a]\nx = \n", "a", "x", "[a]\nx = v\n"),
    ],
)  # fmt: skip
def test_ini_writes_into_the_right_place(before: str, section: str, option: str, after: str) -> None:
    assert "".join(_ini(before).with_value(section, option, "v").lines) == after


def test_ini_removes_every_line_that_would_be_read_next() -> None:
    assert (
        "".join(_ini("[a]\nx=1\n; x=2\nX=3\ny=4\n[A]\nx=5\n").without("a", "x").lines) == "[a]\n; x=2\ny=4\n[A]\nx=5\n"
    )


def test_a_file_is_parsed_once_for_the_same_bytes() -> None:
    data = "[单位]\r\n税号=1\r\n".encode("gbk")
    first = parse_ini(data, "gbk", "/x.ini")
    assert parse_ini(bytes(bytearray(data)), "gbk", "/x.ini") is first
    assert parse_ini(data + b"a=1\r\n", "gbk", "/x.ini").value("单位", "a") == "1"
