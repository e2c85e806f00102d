"""The upgrade happens at the first start, is exact, asks for activation, and refuses a step that is too long."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.lantai import branch, faults

Make = Callable[..., branch.Branch]
PAPER = ("issue", "--kind", "007", "--buyer", "云岭科技有限公司", "--line", "*办公用品*打印纸:2:100.50:13%")


def _tree(folder: str) -> dict[str, bytes]:
    """Return all files below a folder with their bytes."""
    return {
        str(path.relative_to(folder)): path.read_bytes() for path in sorted(Path(folder).rglob("*")) if path.is_file()
    }


def _schema(pc: branch.Branch) -> str:
    with sqlite3.connect(Path(pc.folder, "Data", "lantai.db")) as connection:
        return str(connection.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()[0])


def _record(pc: branch.Branch, key: str) -> str:
    for line in Path(pc.root, "etc", "lantai", "record.ini").read_text("utf-8").splitlines():
        if line.startswith(key + "="):
            return line.partition("=")[2]
    raise LookupError(key)


def test_upgrade_step_by_step(make: Make, packages: str) -> None:
    pc = make("2.4.0")
    figures = pc.run("summary").data
    assert figures["count"] == 60
    for version, schema, before in (("3.0.0", "3", "2"), ("3.1.0", "3.1", "3")):
        old = _record(pc, "DataBaseVersion")
        branch.install(pc.root, pc.instance, version, packages)
        assert (_record(pc, "Version"), _record(pc, "DataBaseVersion"), _schema(pc)) == (version, old, before)
        assert pc.run("status").data["migration_due"] is True
        assert pc.run("summary").data == figures
        assert pc.run("start").code == 0
        assert (_record(pc, "DataBaseVersion"), _schema(pc)) == (version, schema)
        assert pc.run("summary").data == figures
        if version == "3.0.0":
            assert pc.run("status").data["needs_activation"] is True
            assert pc.run("login", "--password-stdin", stdin=pc.password).code == 0
            assert pc.run(*PAPER).code == 16
            assert pc.run("activate", "--password-stdin", stdin="wrong").code == 14
            assert pc.run(*PAPER).code == 16
            assert pc.run("activate", "--password-stdin", stdin=pc.password).data == {"activated": True}
            assert pc.run("status").data["needs_activation"] is False
        assert pc.run("stop").code == 0
    assert pc.at_work().run(*PAPER).code == 0, "3.1 asks for no further activation, and counters go on"
    assert pc.run("summary").data["unsent"] == figures["unsent"] + 1


def test_a_step_too_long_changes_nothing(make: Make, packages: str) -> None:
    pc = make("2.4.0")
    branch.install(pc.root, pc.instance, "3.1.0", packages)
    before = _tree(pc.root)
    refused = pc.run("start")
    assert (refused.code, refused.data["must_pass"]) == (21, "3.0.0")
    after = _tree(pc.root)
    changed = {name for name in before | after if before.get(name) != after.get(name)}
    assert {Path(name).name for name in changed} == {"lantai.log"}


def test_an_older_program_does_not_touch_a_newer_database(make: Make, packages: str) -> None:
    pc = make("3.0.0")
    before = Path(pc.folder, "Data", "lantai.db").read_bytes()
    branch.install(pc.root, pc.instance, "2.4.0", packages)
    assert pc.run("start").code == 21
    assert Path(pc.folder, "Data", "lantai.db").read_bytes() == before


def test_a_crash_between_database_and_record_is_completed_by_the_next_start(make: Make, packages: str) -> None:
    pc = make("2.4.0")
    figures = pc.run("summary").data
    faults.unfinished_migration(pc.root, pc.instance, packages)
    # The record's temporary file cannot be made: the start dies after the database is done.
    obstacle = Path(pc.root, "etc", "lantai", "record.ini.lantai-tmp")
    obstacle.mkdir()
    assert pc.run("start").code == 10
    assert (_schema(pc), _record(pc, "DataBaseVersion")) == ("3", "2.4.0")
    obstacle.rmdir()
    assert pc.run("start").code == 0
    assert _record(pc, "DataBaseVersion") == "3.0.0"
    assert pc.run("summary").data == figures


LINES = st.tuples(
    st.text("甲乙丙丁:*打印纸abc", min_size=1, max_size=6),
    st.decimals("0.001", "999", places=3).map(lambda value: format(value, "f")),
    st.decimals("0.01", "9999.99", places=2).map(lambda value: format(value, "f")),
    st.sampled_from(["0.13", "0.09", "0.06", "0.03", "0.01", "0", "0.005"]),
)
ENTRIES = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["004", "007", "026", "028", "025", "005", "006"]),
        "issued": st.datetimes().map(lambda moment: moment.strftime("%Y-%m-%d %H:%M:%S").rjust(19, "0")),
        "buyer": st.text("青禾云岭望川北渡商贸", max_size=8),
        "buyer_tax": st.just(branch.usccs(3, 1)[0]),
        "lines": st.lists(LINES, min_size=1, max_size=3),
        "status": st.sampled_from(["valid", "valid", "void"]),
        "uploaded": st.booleans(),
        "red_of": st.none() | st.integers(0, 40),
        "remark": st.text("退货", max_size=2),
    }
)


def _expected(
    history: list[dict[str, Any]],
) -> tuple[dict[tuple[str, str], tuple[int, Decimal, Decimal]], int]:
    """Work the figures out from the history alone, without the client's code."""
    cent = Decimal("0.01")
    groups: dict[tuple[str, str], tuple[int, Decimal, Decimal]] = {}
    for entry in history:
        sign, source = (1, entry) if entry["red_of"] is None else (-1, history[entry["red_of"]])
        while source["red_of"] is not None:
            sign, source = -sign, history[source["red_of"]]
        amount = tax = Decimal(0)
        if not (entry["status"] == "void" and entry["red_of"] is None):
            for _, quantity, price, rate in source["lines"]:
                net = (Decimal(quantity) * Decimal(price)).quantize(cent, ROUND_HALF_UP)
                amount += sign * net
                tax += sign * (net * Decimal(rate)).quantize(cent, ROUND_HALF_UP)
        key = (entry["issued"][:7], entry["kind"])
        count, amounts, taxes = groups.get(key, (0, Decimal(0), Decimal(0)))
        groups[key] = (count + 1, amounts + amount, taxes + tax)
    return groups, sum(not entry["uploaded"] for entry in history)


@pytest.fixture(scope="module")
def library(packages: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Load the newest version's own library from its package into this process."""
    root = tmp_path_factory.mktemp("library")
    instance = branch.usccs(11, 1)[0] + ".0"
    branch.install(str(root), instance, "3.1.0", packages)
    sys.path.insert(0, os.path.join(branch.program(str(root), instance), "lib"))
    try:
        from lantai import commands, database, migrate, paths, summary, versions
    finally:
        del sys.path[0]

    class Library:
        pass

    library = Library()
    library.__dict__.update(
        commands=commands,
        database=database,
        migrate=migrate,
        paths=paths,
        summary=summary,
        versions=versions,
        root=root,
    )
    return library


@settings(max_examples=40, deadline=None)
@given(history=st.lists(ENTRIES, max_size=12))
def test_any_history_is_the_same_before_and_after(library: Any, history: list[dict[str, Any]]) -> None:
    for place, entry in enumerate(history):
        entry["red_of"] = None if entry["red_of"] is None or place == 0 else entry["red_of"] % place
    folder = library.paths.Folder(library.paths.Layout(str(library.root)), "x.0", "/x")
    Path(folder.path, "Data").mkdir(parents=True, exist_ok=True)
    Path(folder.database).unlink(missing_ok=True)
    library.database.create(folder.database, "2", {"needs_activation": "0"})
    library.commands.import_history(folder, json.dumps(history))

    def look() -> tuple[Any, Any, Any]:
        with library.database.reading(folder.database) as connection:
            store = library.versions.store_for(library.database.schema_of(connection))
            counters = [row[0] for row in connection.execute("SELECT next_number FROM counter ORDER BY next_number")]
            return library.summary.summarise(connection), list(store.invoices(connection)), counters

    before = look()
    groups, unsent = _expected(history)
    rows = {
        (row["month"], row["kind"]): (row["count"], Decimal(row["amount"]), Decimal(row["tax"]))
        for row in before[0]["rows"]
    }
    assert (rows, before[0]["unsent"]) == (groups, unsent)
    for target in ("3", "3.1"):
        with library.database.working(folder.database) as connection:
            library.migrate.migrate(connection, target)
        assert look() == before
    with library.database.reading(folder.database) as connection:
        queue = {row[0] for row in connection.execute("SELECT invoice_number FROM upload_queue")}
        assert library.database.get_setting(connection, "needs_activation") == "1"
    assert queue == {invoice.number for invoice in before[1] if not invoice.uploaded}


def test_a_migration_that_cannot_be_exact_is_rolled_back(make: Make, packages: str) -> None:
    pc = make("2.4.0")
    database = Path(pc.folder, "Data", "lantai.db")
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE invoice SET amount = '77777.77' WHERE number = '10000001'")
    branch.install(pc.root, pc.instance, "3.0.0", packages)
    before = database.read_bytes()
    refused = pc.run("start")
    assert refused.code == 20, refused
    assert database.read_bytes() == before
    assert _record(pc, "DataBaseVersion") == "2.4.0"
