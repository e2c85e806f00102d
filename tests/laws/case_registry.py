"""Case of `registry`: tried on a real Windows API alone, see tests/windows."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
from law_bench import Bench, Case, Situation, Snapshot, assert_same
from law_registry import Value, base, fill
from law_texts import words

from guiwei.modules.registry import RegistryValue
from guiwei.target.contract import Resource
from guiwei.target.secret import Secret

_paths = st.sampled_from(
    [
        r"HKLM\SOFTWARE\航天信息\防伪开票\路径",
        r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\App Paths\fwkp.exe\91110108MA01A2B3C4.0",
        r"HKCU\Software\[括号] (1)\a/b",
    ]
)
_names = st.sampled_from(["", "Version", "开票 机号", r"C:\Program Files\x"])

_texts = st.one_of(words, st.text(st.characters(exclude_characters="\0"), max_size=6))
#: Kind → data that it can hold.
_DATA: dict[str, st.SearchStrategy[Any]] = {
    "REG_SZ": _texts,
    "REG_EXPAND_SZ": _texts | st.just("%SystemRoot%\\开票"),
    "REG_MULTI_SZ": st.lists(st.text("a开 \\", min_size=1, max_size=3), max_size=3),
    "REG_DWORD": st.integers(0, 2**32 - 1),
    "REG_DWORD_BIG_ENDIAN": st.integers(0, 2**32 - 1),
    "REG_QWORD": st.integers(0, 2**64 - 1),
    "REG_BINARY": st.binary(max_size=6).map(bytes.hex),
    "REG_NONE": st.binary(max_size=3).map(bytes.hex),
}

#: As other programs leave values: also without their NUL, of an odd size, of a kind that has no name.
_raw = st.one_of(
    st.tuples(st.sampled_from([1, 2]), words.map(lambda text: (text + "\0").encode("utf-16-le"))),
    st.tuples(st.sampled_from([1, 2, 7]), words.map(lambda text: text.encode("utf-16-le"))),
    st.tuples(st.just(7), st.just("甲\0乙\0\0".encode("utf-16-le"))),
    st.tuples(st.just(4), st.binary(min_size=4, max_size=4)),
    st.tuples(st.just(11), st.binary(min_size=8, max_size=8)),
    st.tuples(st.integers(0, 14), st.binary(max_size=9)),
)


@st.composite
def registry_situations(draw: st.DrawFn) -> Situation:
    path, name, view = draw(_paths), draw(_names), draw(st.sampled_from([64, 32]))
    there: list[Value] | None = None
    stored = draw(st.sampled_from([name, name.upper()]))
    if draw(st.integers(0, 9)):
        others = draw(st.lists(st.sampled_from(["Path", "code", "路径"]), unique=True, max_size=2))
        named = [stored] if draw(st.integers(0, 9)) else []
        there = [(each, *draw(_raw)) for each in others + named]
    above = draw(st.booleans())
    state: dict[str, Any] | None = None
    if draw(st.integers(0, 4)):
        kind = draw(st.sampled_from([*_DATA]))
        data = draw(_DATA[kind])
        state = {"type": kind, "data": data}
        if kind == "REG_SZ" and draw(st.booleans()):
            state["data"] = Secret(data)
        for field in ("type", "data"):
            if not draw(st.integers(0, 5)):
                del state[field]

    def make(bench: Bench) -> Resource:
        other = {64: 32, 32: 64}[view]
        fill(bench.root, path, other, [(name, 1, "别的\0".encode("utf-16-le"))])
        if above:
            fill(bench.root, path.rpartition("\\")[0], view, [(name, 4, b"\1\2\3\4")])
        if there is not None:
            fill(bench.root, path, view, there)
        return RegistryValue(path, name, view)

    def frame(bench: Bench, before: Snapshot, after: Snapshot) -> None:
        full = f"{base(bench.root)}\\{path}"
        mine = {f"registry {view} {full} = {each}" for each in (name, stored)}
        keys = {key for key in after if key.startswith(f"registry {view} ") and " = " not in key}
        chain = {key for key in keys if f"registry {view} {full}\\".startswith(key + "\\")}
        assert_same(_timeless(before), _timeless(after), mine | (chain - set(before)))
        assert len(mine & set(after)) <= 1
        if state is None:
            assert not mine & set(after)
            assert chain <= set(before)
        elif mine & set(before):
            assert mine & set(after) == mine & set(before), "the value's name is written otherwise"

    return Situation(make, state, frame)


def _timeless(snapshot: Snapshot) -> Snapshot:
    """A key's time is that of any of its values."""
    return {path: seen._replace(modified=0) for path, seen in snapshot.items()}


CASES = [
    Case(
        "registry",
        registry_situations(),
        systems=("windows",),
        refusals=frozenset(
            {"registry-data-missing", "registry-data-text", "registry-data-list", "registry-data-number",
             "registry-data-bytes"}
        ),
    )
]  # fmt: skip
