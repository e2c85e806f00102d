"""The instance's SQLite database: opened only while working, never left in a half state."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from typing import Iterator

from . import errors
from .versions import store_for

__all__ = ["check", "create", "get_setting", "reading", "schema_of", "set_setting", "working"]


@contextlib.contextmanager
def reading(path: str) -> Iterator[sqlite3.Connection]:
    """Open the database to look at it.

    :raises Refusal: DAMAGED when it is missing or damaged, IN_USE when another program holds it.
    """
    if not os.path.isfile(path) or os.path.getsize(path) == 0:
        raise errors.Refusal(errors.DAMAGED, "数据库丢失：{0}".format(path))
    try:
        connection = sqlite3.connect(path, timeout=5, isolation_level=None)
        try:
            yield connection
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        if "locked" in str(error):
            raise errors.Refusal(errors.IN_USE, "数据库正在使用（1007）") from error
        raise errors.Refusal(errors.DAMAGED, "数据库损坏：{0}".format(error)) from error


@contextlib.contextmanager
def working(path: str) -> Iterator[sqlite3.Connection]:
    """Open the database and do everything in one transaction, or nothing of it."""
    with reading(path) as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.rollback()
            raise
        connection.commit()


def create(path: str, schema: str, settings: dict[str, str]) -> None:
    """Make a new database of a schema."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode=DELETE")
        connection.execute("BEGIN")
        connection.execute("CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT)")
        connection.execute("CREATE TABLE setting(key TEXT PRIMARY KEY, value TEXT)")
        store_for(schema).create(connection)
        connection.execute("INSERT INTO meta VALUES ('schema', ?)", (schema,))
        connection.executemany("INSERT INTO setting VALUES (?, ?)", sorted(settings.items()))
        connection.commit()
    finally:
        connection.close()


def check(connection: sqlite3.Connection) -> None:
    """Let SQLite look through the whole file.

    :raises Refusal: DAMAGED when it finds anything.
    """
    answer = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if answer != "ok":
        raise errors.Refusal(errors.DAMAGED, "数据库损坏：{0}".format(answer))


def schema_of(connection: sqlite3.Connection) -> str:
    """Return the schema that the database has.

    :raises Refusal: DAMAGED when it does not say.
    """
    row = connection.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
    if row is None:
        raise errors.Refusal(errors.DAMAGED, "数据库损坏：没有版本信息")
    return str(row[0])


def get_setting(connection: sqlite3.Connection, key: str) -> str:
    """Return one of the instance's settings, empty when it is not there."""
    row = connection.execute("SELECT value FROM setting WHERE key = ?", (key,)).fetchone()
    return "" if row is None else str(row[0])


def set_setting(connection: sqlite3.Connection, key: str, value: str) -> None:
    """Write one of the instance's settings."""
    connection.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (key, value))
