"""Cases of `file`, `directory` and `line`."""

from __future__ import annotations

import hashlib
import os
from typing import Any

import hypothesis.strategies as st
from law_bench import BOTH, Bench, Case, Situation, Snapshot, assert_same, parents_of
from law_texts import (
    CODINGS,
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

from guiwei.modules.directory import Directory
from guiwei.modules.file import File
from guiwei.modules.line import Line
from guiwei.target.contract import Resource
from guiwei.target.secret import Secret, reveal

_bytes = st.one_of(
    st.builds(encoded, lines_with_ends(st.lists(words, max_size=4)), st.sampled_from(CODINGS)), st.binary(max_size=40)
)


def same_owner_and_mode(before: Snapshot, after: Snapshot, path: str, but: tuple[str, ...] = ()) -> None:
    if path in before and path in after:
        for name in ("mode", "uid", "gid"):
            if name not in but:
                assert getattr(after[path], name) == getattr(before[path], name), name


@st.composite
def file_situations(draw: st.DrawFn) -> Situation:
    path = "/数据 目录/" + draw(names)
    inside = path.lstrip("/")
    start = draw(st.none() | _bytes)
    mode, owner = draw(modes), draw(owners)
    coding, newline = draw(codings), draw(st.sampled_from(["keep", "lf", "crlf"]))
    state: dict[str, Any] | None = None
    blob = draw(_bytes)
    if draw(st.integers(0, 4)):
        state = {}
        content = draw(st.sampled_from(["content", "sha256", "neither"]))
        if content == "content":
            text = "".join(draw(lines_with_ends(st.lists(words, max_size=3))))
            state["content"] = Secret(text) if draw(st.booleans()) else text
        elif content == "sha256":
            state["sha256"] = hashlib.sha256(blob).hexdigest()
        if draw(st.booleans()):
            state["mode"] = draw(st.sampled_from(["0600", "0644", "0755"]))
        if draw(st.booleans()):
            state.update(owner="1234", group=draw(st.sampled_from(["root", "4321"])))

    def make(bench: Bench) -> Resource:
        bench.put("/数据 目录/other.txt", "别的\r\n".encode("gbk"), 0o640)
        bench.blobs[hashlib.sha256(blob).hexdigest()] = blob
        if start is not None:
            bench.put(path, start, mode, owner)
        return File(path, encoding=coding.option, newline=newline)

    def frame(bench: Bench, before: Snapshot, after: Snapshot) -> None:
        assert_same(before, after, {inside} | parents_of(inside) - {"数据 目录"})
        wanted = state or {}
        same_owner_and_mode(
            before, after, inside, ("mode",) * ("mode" in wanted) + ("uid", "gid") * ("owner" in wanted)
        )
        if wanted and "content" not in wanted and "sha256" not in wanted and inside in before:
            assert after[inside].data == before[inside].data

    return Situation(make, state, _but_folder_time(frame))


def _but_folder_time(frame: Any) -> Any:
    """An entry that comes or goes changes its folder's time, and that is all right."""

    def looser(bench: Bench, before: Snapshot, after: Snapshot) -> None:
        folders = {path for path, seen in before.items() if seen.kind == "directory"}
        before = {path: seen._replace(modified=0) if path in folders else seen for path, seen in before.items()}
        after = {path: seen._replace(modified=0) if path in folders else seen for path, seen in after.items()}
        frame(bench, before, after)

    return looser


@st.composite
def directory_situations(draw: st.DrawFn) -> Situation:
    path = draw(st.sampled_from(["/备份", "/空 [1]/深/备份"]))
    inside = path.lstrip("/")
    exists, full = draw(st.booleans()), draw(st.booleans())
    mode, owner = draw(st.sampled_from([0o700, 0o755, 0o2775])), draw(owners)
    state: dict[str, Any] | None = None
    if draw(st.integers(0, 3)):
        state = {}
        if draw(st.booleans()):
            state["mode"] = draw(st.sampled_from(["0700", "0750", "0755"]))
        if draw(st.booleans()):
            state.update(owner="1234", group="4321")

    def make(bench: Bench) -> Resource:
        if exists:
            bench.put(path + "/x", b"x")
            if not full:
                os.unlink(bench.real(path + "/x"))
            bench.own(path, owner)
            os.chmod(bench.real(path), mode)
        return Directory(path)

    def frame(bench: Bench, before: Snapshot, after: Snapshot) -> None:
        assert_same(
            before, after, {one for one in ({inside} | parents_of(inside)) if one not in before or one == inside}
        )
        wanted = state or {}
        same_owner_and_mode(
            before, after, inside, ("mode",) * ("mode" in wanted) + ("uid", "gid") * ("owner" in wanted)
        )
        if full and exists:
            assert after[inside + "/x"].data == b"x"

    return Situation(make, state, _but_folder_time(frame))


@st.composite
def line_situations(draw: st.DrawFn) -> Situation:
    path = "/Program Files/开票软件/" + draw(names)
    inside = path.lstrip("/")
    coding: Coding = draw(codings)
    lines = draw(st.none() | lines_with_ends(st.lists(words, max_size=4)))
    mode, owner = draw(modes), draw(owners)
    newline = draw(st.sampled_from(["keep", "lf", "crlf"]))
    state: dict[str, Any] | None = None
    if draw(st.integers(0, 4)):
        text = draw(words)
        state = {"value": Secret(text) if draw(st.booleans()) else text}

    def make(bench: Bench) -> Resource:
        bench.put("/Program Files/开票软件/other", b"1\r\n")
        if lines is not None:
            bench.put(path, encoded(lines, coding), mode, owner)
        return Line(path, encoding=coding.option, newline=newline)

    def frame(bench: Bench, before: Snapshot, after: Snapshot) -> None:
        assert_same(before, after, {inside})
        same_owner_and_mode(before, after, inside)
        if state is None:
            return
        left = after[inside].data
        if lines is None:
            # A new file: the encoding's own BOM, the value, and the line end that was asked for.
            end = "\r\n" if newline == "crlf" else "\n"
            new = {"auto": "utf-8", "utf-8-sig": "utf-8-sig", "utf-16": "utf-16"}.get(coding.option, coding.option)
            assert left.decode(new) == reveal(state["value"]) + end
            return
        old_lines, new_lines = decoded(before[inside].data, coding), decoded(left, coding)
        old, new_region = changed_region(old_lines, new_lines)
        assert new_lines[1:] == old_lines[1:]
        assert len(old) <= 1
        assert len(new_region) <= 1
        if old_lines and new_lines:
            assert line_end(new_lines[0]) == line_end(old_lines[0])

    return Situation(make, state, _but_folder_time(frame))


CASES = [
    # A file's text may not exist in the encoding that is asked for, a folder with something in it is never removed.
    Case("file", file_situations(), refusals=frozenset({"text-unencodable"}), systems=BOTH),
    Case("directory", directory_situations(), refusals=frozenset({"folder-not-empty"}), systems=BOTH),
    Case("line", line_situations(), refusals=frozenset({"text-ambiguous"}), systems=BOTH),
]
