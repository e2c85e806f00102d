"""Generated histories go through the reference client's own migrations, and are read by its profile's own queries.

Any of them reconciles; one invoice lost, doubled or altered on the way is found, whatever was done to it.
"""

from __future__ import annotations

import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from guiwei.engine.ledgers import _in_yuan
from guiwei.invoicing.ledger import reconcile
from guiwei.language.products import load_product
from guiwei.target.contract import compose
from guiwei.target.system import System

REPOSITORY = Path(__file__).resolve().parents[3]
LIBRARY = REPOSITORY / "lab" / "lantai" / "program" / "lib"
LEDGER = load_product(REPOSITORY / "products" / "lantai.yml").ledger
KINDS = ("004", "007", "026", "028", "025", "005", "006")
WAYS = (("3",), ("3", "3.1"))


@pytest.fixture(scope="module")
def lantai(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The client's own library, as version 3.1.0 has it; another test may have loaded one from elsewhere."""
    program = tmp_path_factory.mktemp("lantai")
    shutil.copytree(LIBRARY, program / "lib", ignore=shutil.ignore_patterns("__pycache__"))
    (program / "VERSION").write_text("3.1.0\n", "ascii")
    loaded = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] == "lantai"}
    sys.path.insert(0, str(program / "lib"))
    try:
        from lantai import database, invoices, migrate, store2

        yield SimpleNamespace(database=database, invoices=invoices, migrate=migrate, store=store2.Store2)
    finally:
        sys.path.remove(str(program / "lib"))
        for name in [name for name in sys.modules if name.partition(".")[0] == "lantai"]:
            del sys.modules[name]
        sys.modules.update(loaded)


TEXT = st.text(st.characters(codec="gbk", exclude_characters="\0\n\r|"), min_size=1, max_size=8)
LINES = st.lists(
    st.tuples(TEXT, st.integers(1, 99), st.integers(1, 10**7), st.sampled_from(["0.01", "0.06", "0.13"])),
    min_size=1,
    max_size=3,
)
HISTORY = st.lists(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(KINDS),
            "day": st.dates(min_value=date(2025, 11, 1), max_value=date(2026, 2, 28)),
            "buyer": TEXT,
            "lines": LINES,
            "red": st.booleans(),
            "status": st.sampled_from(["valid", "valid", "void"]),
            "uploaded": st.booleans(),
            "remark": st.one_of(st.just(""), TEXT),
        }
    ),
    min_size=1,
    max_size=12,
)


class Client:
    """One instance's database, in the client's schema 2 at first."""

    def __init__(self, lantai: Any, path: Path, history: list[dict[str, Any]]) -> None:
        self._lantai = lantai
        self.path = path
        lantai.database.create(str(path), "2", {})
        store = lantai.store()
        with self._open() as connection:
            for one in history:
                number = store.take_number(connection, one["kind"])
                store.add(connection, self._invoice(number, one))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute("PRAGMA synchronous = OFF")
            yield connection

    def _invoice(self, number: str, one: dict[str, Any]) -> Any:
        sign = -1 if one["red"] else 1
        line = self._lantai.invoices.Line
        lines = tuple(
            line(name, str(qty), str(price), rate, sign * qty * price, sign * round(qty * price * float(rate)))
            for name, qty, price, rate in one["lines"]
        )
        issued = f"{one['day'].isoformat()} 10:20:30"
        return self._lantai.invoices.Invoice(
            number, one["kind"], issued, one["buyer"], "", lines, one["status"], one["uploaded"], None, one["remark"]
        )

    def migrate(self, *schemas: str) -> None:
        for schema in schemas:
            with self._open() as connection:
                self._lantai.migrate.migrate(connection, schema)

    def do(self, *statements: tuple[str, tuple[Any, ...]]) -> int:
        with self._open() as connection:
            return sum(connection.execute(*statement).rowcount for statement in statements)

    def numbers(self) -> list[str]:
        with self._open() as connection:
            return [row[0] for row in connection.execute("SELECT number FROM invoice ORDER BY number")]

    def rows(self) -> list[dict[str, Any]]:
        """The ledger as guiwei reads it."""
        query = compose("query", {**(LEDGER or {}), "path": str(self.path)})
        state = query.read(System("/", str(self.path.parent)))
        assert state is not None
        return [_in_yuan(row) for row in state["rows"]]


@contextmanager
def client(lantai: Any, history: list[dict[str, Any]]) -> Iterator[Client]:
    with tempfile.TemporaryDirectory() as folder:
        yield Client(lantai, Path(folder) / "lantai.db", history)


_SETTINGS = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@_SETTINGS
@given(history=HISTORY, way=st.sampled_from(WAYS))
def test_any_history_reconciles_after_its_migration(lantai: Any, history: list[dict[str, Any]], way: Any) -> None:
    with client(lantai, history) as one:
        before = one.rows()
        assert sum(row["count"] for row in before) == len(history)
        one.migrate(*way)
        after = one.rows()
        assert reconcile(before, after, ()) == ()
        # Not the sums alone: every column of every row, the digest of the invoices among them.
        assert after == before


Change = tuple[str, tuple[Any, ...]]


def _altered(number: str, column: str, change: str) -> list[Change]:
    return [(f"UPDATE invoice SET {column} = {change} WHERE number = ?", (number,))]


def _line(number: str, column: str, change: str) -> list[Change]:
    where = "invoice_number = ? AND no = (SELECT min(no) FROM invoice_line WHERE invoice_number = ?)"
    return [(f"UPDATE invoice_line SET {column} = {change} WHERE {where}", (number, number))]


#: What a migration may do to one invoice, in the new schema.
SPOILS: dict[str, Callable[[str], list[Change]]] = {
    "lost": lambda number: [("DELETE FROM invoice WHERE number = ?", (number,))],
    "doubled": lambda number: [
        (
            "INSERT INTO invoice SELECT '9' || number, kind, issued, buyer, buyer_tax, amount_fen, tax_fen, status,"
            " uploaded, red_of, remark FROM invoice WHERE number = ?",
            (number,),
        )
    ],
    "number": lambda number: _altered(number, "number", "'0' || number"),
    "kind": lambda number: _altered(number, "kind", "CASE kind WHEN '004' THEN '007' ELSE '004' END"),
    "day": lambda number: _altered(number, "issued", "substr(issued, 1, 8) || '31 23:59:59'"),
    "month": lambda number: _altered(number, "issued", "'2020-01' || substr(issued, 8)"),
    "buyer": lambda number: _altered(number, "buyer", "buyer || '？'"),
    "buyer_tax": lambda number: _altered(number, "buyer_tax", "'91996731333271677W'"),
    "amount": lambda number: _altered(number, "amount_fen", "amount_fen + 1"),
    "tax": lambda number: _altered(number, "tax_fen", "tax_fen - 1"),
    "status": lambda number: _altered(number, "status", "CASE status WHEN 'void' THEN 'valid' ELSE 'void' END"),
    "red_of": lambda number: _altered(number, "red_of", "'10000001'"),
    "remark": lambda number: _altered(number, "remark", "remark || '。'"),
    "line": lambda number: _line(number, "name", "name || '。'"),
    "quantity": lambda number: _line(number, "qty", "qty || '0'"),
    "line's money": lambda number: _line(number, "amount_fen", "amount_fen + 1"),
    "no line": lambda number: [("DELETE FROM invoice_line WHERE invoice_number = ?", (number,))],
}


@pytest.mark.parametrize("spoil", SPOILS)
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=HISTORY, way=st.sampled_from(WAYS), data=st.data())
def test_one_invoice_that_is_spoiled_is_always_found(
    lantai: Any, spoil: str, history: list[dict[str, Any]], way: Any, data: st.DataObject
) -> None:
    with client(lantai, history) as one:
        before = one.rows()
        one.migrate(*way)
        number = data.draw(st.sampled_from(one.numbers()))
        assert one.do(*SPOILS[spoil](number)) >= 1
        assert reconcile(before, one.rows(), ())


@_SETTINGS
@given(history=HISTORY, way=st.sampled_from(WAYS), data=st.data())
def test_a_counter_that_goes_down_or_a_queue_that_grows_is_found(
    lantai: Any, history: list[dict[str, Any]], way: Any, data: st.DataObject
) -> None:
    with client(lantai, history) as one:
        before = one.rows()
        one.migrate(*way)
        kind = data.draw(st.sampled_from(sorted({each["kind"] for each in history})))
        assert one.do(("UPDATE counter SET next_number = next_number - 1 WHERE kind = ?", (kind,))) == 1
        assert any("next_number" in line for line in reconcile(before, one.rows(), ()))
        one.do(("UPDATE counter SET next_number = next_number + 1 WHERE kind = ?", (kind,)))
        sent = one.do(("UPDATE invoice SET uploaded = 0 WHERE uploaded = 1", ()))
        assert bool(sent) == any("unsent" in line for line in reconcile(before, one.rows(), ()))
