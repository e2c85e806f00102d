"""Case of `json`: settings files of many hands, with comments and last commas."""

from __future__ import annotations

import json
import re
from typing import Any

import hypothesis.strategies as st
from case_files import _but_folder_time, same_owner_and_mode
from law_bench import BOTH, Bench, Case, Situation, Snapshot, assert_same
from law_texts import Coding, codings, modes, names, owners, words

from guiwei.modules.json import JsonValue
from guiwei.target.contract import Resource
from guiwei.target.json_scan import Node, scan
from guiwei.target.secret import Secret, reveal
from guiwei.target.text import empty, parse

_keys = st.sampled_from(["税号", "port", "Port", "a/b~c", "", "0", 'q"\\'])
_scalars = st.one_of(
    words, st.integers(-(10**14), 10**14), st.booleans(), st.none(), st.sampled_from([0.5, 9999.99, 1.0, -2.5e-7, "1"])
)
_values = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=3), max_leaves=6
)
_documents = st.dictionaries(_keys, _values, max_size=4) | st.lists(_values, max_size=3)

#: A string, or a comment: what stands in the one is not the other.
_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*"|//[^\n]*|/\*.*?\*/', re.S)


class _Hand:
    """One way to write JSON: indented or on one line, tight or wide, with remarks and last commas or without."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.newline = draw(st.sampled_from(["\n", "\r\n"]))
        self.indent = draw(st.sampled_from([None, "  ", "\t"]))
        self.colon = draw(st.sampled_from([":", ": ", " : "]))
        self.remarks = draw(st.booleans())
        self.last_comma = draw(st.booleans())
        self.remark = 0

    def write(self, value: Any, margin: str = "") -> str:
        inner = margin + (self.indent or "")
        if isinstance(value, dict):
            parts = [self.word(name) + self.colon + self.write(item, inner) for name, item in value.items()]
            return self._all("{", parts, "}", margin)
        if isinstance(value, list):
            return self._all("[", [self.write(item, inner) for item in value], "]", margin)
        return self.word(value)

    def word(self, value: Any) -> str:
        return json.dumps(value, ensure_ascii=self.draw(st.booleans()))

    def note(self, block: bool = False) -> str:
        if not self.remarks or self.draw(st.integers(0, 3)):
            return ""
        self.remark += 1
        return f" /* {self.remark}: }} , */" if block or self.indent is None else f" // {self.remark}: ], 税"

    def _all(self, opening: str, parts: list[str], closing: str, margin: str) -> str:
        if not parts:
            return opening + self.note(block=True) + closing
        if self.indent is None:
            text = (",".join(self.note() + part for part in parts)) + self.note()
            return opening + text + ("," if self.last_comma else "") + closing
        comma = [","] * (len(parts) - 1) + ["," if self.last_comma else ""]
        lines = [margin + self.indent + part + end + self.note() for part, end in zip(parts, comma, strict=True)]
        return opening + self.note() + self.newline + self.newline.join([*lines, margin + closing])


def _model(text: str) -> Any:
    """Read by other means: comments and last commas out, the rest by the standard library."""
    bare = _TOKENS.sub(lambda found: found.group() if found.group().startswith('"') else " ", text)
    strings: list[str] = []
    hidden = re.sub(r'"(?:[^"\\]|\\.)*"', lambda found: strings.append(found.group()) or f'"{len(strings) - 1}"', bare)
    tidy = re.sub(r",(\s*[}\]])", r"\1", hidden)
    return json.loads(re.sub(r'"(\d+)"', lambda found: strings[int(found.group(1))], tidy)) if tidy.strip() else None


def _sorted(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _remarks(text: str) -> list[str]:
    return [found for found in _TOKENS.findall(text) if not found.startswith('"')]


def _patched(model: Any, place: list[str], state: dict[str, Any] | None) -> Any:
    """Return what the document must be."""
    if not place:
        assert state is not None
        return reveal(state.get("value"))
    name, rest = place[0], place[1:]
    if isinstance(model, list):
        at = int(name) if name.isdigit() else len(model)
        if state is None:
            inner = [_patched(model[at], rest, None)] if rest and at < len(model) else []
            return [*model[:at], *inner, *model[at + 1 :]]
        return [*model[:at], _patched(model[at] if at < len(model) else {}, rest, state), *model[at + 1 :]]
    if state is None and not (isinstance(model, dict) and name in model):
        return model
    if state is None and not rest:
        return {one: item for one, item in model.items() if one != name}
    assert model is None or isinstance(model, dict), "a scalar has no members"
    return {**(model or {}), name: _patched((model or {}).get(name, {}), rest, state)}


def _places(value: Any) -> list[list[str]]:
    found: list[list[str]] = [[]]
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in inner:
        found += [[str(name), *below] for below in _places(part)]
    return found


@st.composite
def json_situations(draw: st.DrawFn) -> Situation:
    path = "/Program Files (x86)/开票/" + draw(names)
    inside = path.lstrip("/")
    coding: Coding = draw(codings)
    hand = _Hand(draw)
    document = draw(_documents)
    text = hand.note(block=True) + hand.write(document) + draw(st.sampled_from(["", hand.newline]))
    text = draw(st.sampled_from([text, text, text, text, "", None]))
    there = [] if text in (None, "") else [place for place in _places(document) if place]
    new = draw(st.lists(_keys, min_size=1, max_size=2))
    place = draw(st.sampled_from(there)) if there and draw(st.integers(0, 2)) else new
    mode, owner = draw(modes), draw(owners)
    state: dict[str, Any] | None = None
    if draw(st.integers(0, 3)):
        value = draw(_values)
        state = {"is_null": True} if value is None else {"value": value}
        if isinstance(value, str) and draw(st.booleans()):
            state = {"value": Secret(value)}
    data = None if text is None else coding.bom + text.encode(coding.codec)

    def make(bench: Bench) -> Resource:
        bench.put("/Program Files (x86)/开票/other.json", b'{"port": 1}')
        if data is not None:
            bench.put(path, data, mode, owner)
        pointer = "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in place)
        return JsonValue(path, pointer, encoding=coding.option, newline="crlf")

    def frame(bench: Bench, before: Snapshot, after: Snapshot) -> None:
        assert_same(before, after, {inside})
        same_owner_and_mode(before, after, inside)
        if inside not in after:
            assert state is None
            return
        left = after[inside].data
        assert data is None or left.startswith(coding.bom), "the BOM is gone"
        # Which encoding `auto` takes a text for is another matter: the file must stay in it.
        there = empty(coding.option) if data is None else parse(data, coding.option)
        old, now = "".join(there.lines), left[len(there.bom) :].decode(there.encoding)
        if state is None and _model(old) is None:
            assert now == old
            return
        wanted = _patched(_model(old), place, state)
        assert _sorted(_model(now)) == _sorted(wanted)
        assert [one for one in _remarks(old) if one not in _remarks(now)] == _remarks_in_value(old, place, state), (
            old,
            now,
            place,
        )
        if data is None or not old:
            assert now.endswith("\r\n" if "\n" not in old else hand.newline)
        elif hand.newline == "\r\n" and "\n" in old:
            assert "\n" not in now.replace("\r\n", "")
        _assert_near(old, now, place, state)

    return Situation(make, state, _but_folder_time(frame))


def _remarks_in_value(text: str, place: list[str], state: dict[str, Any] | None) -> list[str]:
    """Remarks inside what is replaced or taken away go with it; they are those of its own text."""
    node = _node(text, place)
    if node is None:
        return []
    value = reveal((state or {}).get("value"))
    same_shape = (isinstance(value, dict) and isinstance(node.value, dict) and value and node.value) or (
        isinstance(value, list) and isinstance(node.value, list) and len(value) == len(node.value)
    )
    if state is not None and (same_shape or _sorted(node.value) == _sorted(value)):
        return [] if not isinstance(value, dict) else _ANY
    return _remarks(text[node.start : node.end])


class _Any(list[str]):
    """Inside an object that is changed member by member, what goes depends on the members."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        return True


_ANY = _Any()


def _assert_near(old: str, now: str, place: list[str], state: dict[str, Any] | None) -> None:
    """What is replaced stays within its own text; adding only adds characters, and taking away only takes some."""
    node = _node(old, place)
    if state is None:
        assert _is_within(now, old)
    elif node is None:
        assert _is_within(old, now)
    else:
        assert now.startswith(old[: node.start])
        assert now.endswith(old[node.end :])


def _node(text: str, place: list[str]) -> Node | None:
    node = scan(text)
    for name in place:
        at = node.place(name) if node is not None else None
        if node is None or at is None:
            return None
        node = node.entries[at].node
    return node


def _is_within(short: str, long: str) -> bool:
    rest = iter(long)
    return all(character in rest for character in short)


CASES = [
    Case(
        "json",
        json_situations(),
        systems=BOTH,
        refusals=frozenset({"text-ambiguous", "json-no-place", "json-list-middle", "text-encoding"}),
    )
]
