"""Cases of `sqlite` and `query`."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
from law_bench import BOTH, Bench, Case, Situation, Snapshot, timeless

from guiwei.modules.query import Query
from guiwei.modules.sqlite import SqliteRow
from guiwei.target.contract import Resource

PATH = "/数据 [1]/client.db"

_names = st.sampled_from(["备份周期", "目录", "a'b\"c", "new"])
_values = st.one_of(st.none(), st.text(max_size=6), st.integers(-(2**60), 2**60), st.binary(max_size=4))
_rows = st.dictionaries(_names, st.tuples(_values, st.integers(0, 99)), max_size=3)


def _database(bench: Bench, there: dict[str, tuple[Any, int]], wal: bool, version: int) -> None:
    create = 'CREATE TABLE "设 置" (id INTEGER PRIMARY KEY, name TEXT UNIQUE, value, amount INTEGER DEFAULT 7)'
    insert = 'INSERT INTO "设 置" (name, value, amount) VALUES (?, ?, ?)'
    bench.database(
        PATH,
        (f"PRAGMA journal_mode = {'WAL' if wal else 'DELETE'}", ()),
        (create, ()),
        (f"PRAGMA user_version = {version}", ()),
        *[(insert, (name, value, amount)) for name, (value, amount) in there.items()],
    )


@st.composite
def sqlite_situations(draw: st.DrawFn) -> Situation:
    there, wal, version = draw(_rows), draw(st.booleans()), draw(st.integers(0, 3))
    exists = draw(st.integers(0, 9)) > 0
    table = draw(st.integers(0, 3)) > 0
    name = draw(_names)
    state: dict[str, Any] | None
    if not table:
        state, exists = {"schema_version": draw(st.integers(0, 9))}, True
    elif draw(st.integers(0, 3)) and exists:
        columns = draw(st.fixed_dictionaries({}, optional={"value": _values, "amount": st.integers(100, 200)}))
        state = {"row": columns}
    else:
        state = None

    def make(bench: Bench) -> Resource:
        if exists:
            _database(bench, there, wal, version)
        return SqliteRow(PATH, "设 置", {"name": name}) if table else SqliteRow(PATH)

    def frame(bench: Bench, before: Snapshot, after: Snapshot) -> None:
        if not exists:
            assert after == before
            return
        inside = PATH.lstrip("/")
        assert set(after) == set(before), "something lies beside the database"
        for part in ("mode", "uid", "gid"):
            assert getattr(after[inside], part) == getattr(before[inside], part)
        old, new = timeless(before)[inside].data, timeless(after)[inside].data
        if not table:
            assert {**new, "": 0} == {**old, "": 0}
            return
        assert new[""] == old[""]
        mine = f"{name!r}, "
        assert [row for row in new["设 置"] if mine not in row] == [row for row in old["设 置"] if mine not in row]
        kept = [row for row in old["设 置"] if mine in row]
        if kept and state is not None:
            _assert_other_columns(kept[0], next(row for row in new["设 置"] if mine in row), state["row"])

    return Situation(make, state, frame)


def _assert_other_columns(before: str, after: str, columns: dict[str, Any]) -> None:
    import ast

    for column, old, new in zip(
        ("id", "name", "value", "amount"), ast.literal_eval(before), ast.literal_eval(after), strict=True
    ):
        if column not in columns:
            assert old == new, column


@st.composite
def query_situations(draw: st.DrawFn) -> Situation:
    there, wal, version = draw(_rows), draw(st.booleans()), draw(st.integers(2, 3))
    by_version = draw(st.booleans())

    def make(bench: Bench) -> Resource:
        _database(bench, there, wal, version)
        sql = 'SELECT name, amount FROM "设 置" ORDER BY name'
        return Query(PATH, by_version={"2": sql, "3": sql}) if by_version else Query(PATH, sql=sql)

    return Situation(make, None, lambda *_: None)


CASES = [
    Case("sqlite", sqlite_situations(), share=0.7, systems=BOTH),
    Case("query", query_situations(), share=0.7, systems=BOTH),
]
