from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from guiwei.errors import InputError, Place
from guiwei.language.source import Unsafe, Vaulted, load, loads, scalar


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1), ("-7", -7), ("0", 0), ("123456789012345", 123456789012345),
        ("3.1", 3.1), ("-0.5", -0.5), ("999999.99", 999999.99),
        ("true", True), ("False", False), ("TRUE", True), ("", None), ("~", None), ("null", None),
    ],
)  # fmt: skip
def test_numbers_booleans_and_null(text: str, value: object) -> None:
    got = loads(f"a: {text}", "f.yml").data["a"]
    assert got == value
    assert type(got) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        "yes", "No", "on", "OFF", "y", "tRUE", "010", "004", "00", "-0", "+86", "1234567890123456",
        "91440300123456789X", "3.10", "1.0.0", "1e3", ".5", "1.", "0x1A", "0o14", "1_000", "12:30:45",
        "2026-01-15", ".inf", ".nan",
    ],
)  # fmt: skip
def test_everything_else_is_text_with_every_character(text: str) -> None:
    assert loads(f"a: {text}", "f.yml").data == {"a": text}


@given(st.text(st.sampled_from("0123456789+-.eExo_:"), max_size=20))
def test_a_number_prints_as_it_was_written(text: str) -> None:
    value = scalar(text)
    assert value is None if text == "" else str(value) == text


# A key of more than 1,024 characters, escapes written out, is none for YAML.
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=40)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**14), 10**14) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
)


@given(VALUES)
def test_json_comes_back_as_it_went(value: object) -> None:
    assert loads(json.dumps(value), "f.json").data == value


def test_differences_from_yaml_1_1_are_noted_with_their_place() -> None:
    text = "a: yes\nb: [010, 3.10, 1234567890123456]\nc: 2026-01-15\nd: 'yes'\ne: text\nf: 12:30:45\nno: 1\n"
    found = [(notice.code, notice.place) for notice in loads(text, "f.yml").differences]
    assert sorted(found, key=lambda each: each[1] or Place("", 0, 0)) == [
        ("yaml-differs-boolean", Place("f.yml", 1, 4)),
        ("yaml-differs-number", Place("f.yml", 2, 5)),
        ("yaml-differs-number", Place("f.yml", 2, 10)),
        ("yaml-differs-number", Place("f.yml", 2, 16)),
        ("yaml-differs-date", Place("f.yml", 3, 4)),
        ("yaml-differs-number", Place("f.yml", 6, 4)),
        ("yaml-differs-boolean", Place("f.yml", 7, 1)),
    ]


@given(st.text(st.sampled_from("yesnoYNOftrue0123456789+-.eExo_:~="), min_size=1, max_size=12))
def test_a_difference_is_noted_exactly_where_ansible_reads_something_else(text: str) -> None:
    try:
        theirs = yaml.safe_load(f"a: {text}")["a"]
        source = loads(f"a: {text}", "f.yml")
    except (yaml.YAMLError, ValueError, KeyError, TypeError, InputError):
        return
    ours = source.data["a"]
    assert bool(source.differences) == (type(ours) is not type(theirs) or ours != theirs)


def test_places_of_values_and_keys() -> None:
    source = loads("税号: x\nplays:\n  - hosts: all\n    vars: {a: [1, 2]}\n", "site.yml")
    assert source.place(()) == Place("site.yml", 1, 1)
    assert source.place(("税号",)) == Place("site.yml", 1, 5)
    assert source.place(("plays", 0, "hosts")) == Place("site.yml", 3, 12)
    assert source.key_place(("plays", 0, "hosts")) == Place("site.yml", 3, 5)
    assert source.place(("plays", 0, "vars", "a", 1)) == Place("site.yml", 4, 19)
    assert source.key_place(("plays", 0)) == Place("site.yml", 3, 5)
    assert source.place(("plays", 7, "x")) == Place("site.yml", 3, 3)
    assert source.line(3) == "  - hosts: all"
    assert source.line(99) == ""


def test_merge_keys_aliases_and_their_places() -> None:
    text = "base: &b {a: 1, b: 1}\nmore: &m {b: 2, c: 2}\nuse:\n  <<: [*b, *m]\n  a: 3\nagain: *b\n"
    source = loads(text, "f.yml")
    assert source.data["use"] == {"a": 3, "b": 1, "c": 2}
    assert source.data["again"] == {"a": 1, "b": 1}
    assert source.place(("use", "c")) == Place("f.yml", 2, 20)
    assert source.place(("again",)) == Place("f.yml", 6, 8)
    source.data["again"]["a"] = 9
    assert source.data["base"]["a"] == 1
    assert loads("'<<': 1", "f.yml").data == {"<<": 1}


def test_vault_and_unsafe() -> None:
    text = "pin: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  3132\nraw: !unsafe '{{ x }}'\nall: !unsafe [a, {b: c}, 1]\n"
    data = loads(text, "f.yml").data
    assert data["pin"] == Vaulted("$ANSIBLE_VAULT;1.1;AES256\n3132\n", Place("f.yml", 1, 6))
    assert "3132" not in repr(data)
    assert isinstance(data["raw"], Unsafe)
    assert data["all"] == ["a", {"b": "c"}, 1]
    assert isinstance(data["all"][0], Unsafe)
    assert isinstance(data["all"][1]["b"], Unsafe)


def test_what_ansible_inventory_exports_is_read_from_json() -> None:
    data = loads('{"a": {"__ansible_vault": "$ANSIBLE_VAULT;1"}, "b": {"__ansible_unsafe": "{{"}}', "f.json").data
    assert data == {"a": Vaulted("$ANSIBLE_VAULT;1", Place("f.json", 1, 7)), "b": "{{"}
    assert isinstance(data["b"], Unsafe)
    assert loads("a: {__ansible_vault: x}", "f.yml").data == {"a": {"__ansible_vault": "x"}}


LAUGHS = "a: &a [1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{name}: &{name} [{','.join(['*' + previous] * 9)}]\n"
    for previous, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("a: 1\nb: 2\na: 3", "yaml-duplicate-key", 3, 1),
        ("a: {b: 1, b: 2}", "yaml-duplicate-key", 1, 11),
        ("a:\n\t- x", "yaml-tab", 2, 1),
        ("a:\n  - b\n\t- x", "yaml-tab", 3, 1),
        ("1: x", "yaml-key-not-text", 1, 1),
        ("? [a]\n: b", "yaml-key-not-text", 1, 3),
        ("a: &x [*x]", "yaml-recursive-alias", 1, 8),
        ("a: *x", "yaml-unknown-alias", 1, 4),
        ("a: &x 1\nb: &x 2", "yaml-duplicate-anchor", 2, 4),
        (LAUGHS, "yaml-alias-bomb", 6, 8),
        ("a: !foo x", "yaml-unknown-tag", 1, 4),
        ("a: !!binary eA==", "yaml-unknown-tag", 1, 4),
        ("a: !!int x", "yaml-tag-mismatch", 1, 4),
        ("a: !vault x", "vault-not-vault", 1, 4),
        ("<<: 1", "yaml-bad-merge", 1, 5),
        ("a: 1\n---\nb: 2", "yaml-many-documents", 2, 1),
        ("a: b: c", "yaml-colon", 1, 5),
        ("a: 'x\nb: y", "yaml-unclosed-quote", 1, 4),
        ('a: "D:\\开票软件"', "yaml-bad-escape", 1, 7),
        ("a: [1, 2\nb: 3", "yaml-unclosed-bracket", 1, 4),
        ("a: @x", "yaml-bad-start", 1, 4),
        ("a: {{ x }}", "yaml-unquoted-template", 1, 4),
        ("a:\n  - {{ x }}/y", "yaml-unquoted-template", 2, 5),
        ("a:\n  b: 1\n c: 2", "yaml-indentation", 3, 2),
        ("a: }", "yaml-syntax", 1, 4),
        ("a: \x01", "yaml-control-character", 1, 4),
        ("[" * 50_000, "yaml-too-deep", 1, 102),
        ("a: &a " + "[" * 60 + "]" * 60 + "\nb: " + "[" * 60 + "*a" + "]" * 60, "yaml-too-deep", 2, 64),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text: str, code: str, line: int, column: int) -> None:
    with pytest.raises(InputError) as caught:
        loads(text, "f.yml")
    assert (caught.value.code, caught.value.place) == (code, Place("f.yml", line, column))


@given(st.text(max_size=60) | st.text(st.sampled_from("ab:-[]{}&*!|>'\"#%@`,?\n \t<0"), max_size=60))
def test_any_text_gives_data_or_an_input_error(text: str) -> None:
    place = Place("f.yml", 1, 1)
    try:
        loads(text, "f.yml")
    except InputError as error:
        place = error.place or Place("", 0, 0)
    assert place.file == "f.yml"
    assert min(place.line, place.column) >= 1


def test_files(tmp_path: Path) -> None:
    file = tmp_path / "a.yml"
    file.write_bytes("\ufeffa: 名\r\nb: 2\r\n".encode())
    assert load(file).data == {"a": "名", "b": 2}
    assert load(file).place(("a",)) == Place(str(file), 1, 4)

    for content, encoding, place in [
        ("a: 1\n名: 税号".encode("gbk"), "GBK", (2, 1)),
        ("名: 1".encode() + b"\xff", "?", (1, 5)),
        ("a: 1".encode("utf-16"), "UTF-16", (1, 1)),
    ]:
        file.write_bytes(content)
        with pytest.raises(InputError) as caught:
            load(file)
        assert (caught.value.code, caught.value.arguments) == ("file-not-utf8", {"encoding": encoding})
        assert caught.value.place == Place(str(file), *place)

    with pytest.raises(InputError, match="file-unreadable"):
        load(tmp_path / "missing.yml")
    file.write_text("$ANSIBLE_VAULT;1.1;AES256\n")
    with pytest.raises(InputError, match="file-is-vault"):
        load(file)


def test_an_empty_text_has_no_data_but_a_place() -> None:
    source = loads("# nothing\n", "f.yml")
    assert source.data is None
    assert source.place(("a",)) == Place("f.yml", 1, 1)
