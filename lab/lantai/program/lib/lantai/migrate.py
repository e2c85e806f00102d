"""The migrations of the database, each one transaction that checks itself before it is kept."""

from __future__ import annotations

import sqlite3

from . import errors
from .database import schema_of, set_setting
from .store2 import Store2
from .store3 import Store3, Store31
from .summary import summarise

__all__ = ["migrate"]


def migrate(connection: sqlite3.Connection, target: str) -> None:
    """Bring the database one step on; the caller holds the transaction.

    :raises Refusal: DAMAGED when the figures after differ from those before.
    """
    before = summarise(connection)
    _STEPS[(schema_of(connection), target)](connection)
    connection.execute("UPDATE meta SET value = ? WHERE key = 'schema'", (target,))
    if summarise(connection) != before:
        raise errors.Refusal(errors.DAMAGED, "数据迁移后汇总不一致，已回退")


def _two_to_three(connection: sqlite3.Connection) -> None:
    old, new = Store2(), Store3()
    invoices = list(old.invoices(connection))
    counters = connection.execute("SELECT kind, next_number FROM counter").fetchall()
    connection.execute("DROP TABLE invoice")
    connection.execute("DROP TABLE counter")
    new.create(connection)
    for invoice in invoices:
        new.add(connection, invoice)
    from .invoices import INTERNAL

    public = {internal: kind for kind, internal in INTERNAL.items()}
    connection.executemany(
        "INSERT OR REPLACE INTO counter VALUES (?, ?)", [(public[kind], number) for kind, number in counters]
    )
    # The authorisation lies in the old tables' form, so the new version asks for the certificate password once more.
    set_setting(connection, "needs_activation", "1")


def _three_to_three_one(connection: sqlite3.Connection) -> None:
    Store31().create_queue(connection)


_STEPS = {("2", "3"): _two_to_three, ("3", "3.1"): _three_to_three_one}
