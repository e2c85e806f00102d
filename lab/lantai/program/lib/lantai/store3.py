"""Schemas 3 and 3.1 (versions 3.x): integer fen, three-digit kinds, a table of lines; in 3.1 an upload queue."""

from __future__ import annotations

import sqlite3
import time
from typing import Iterable, Iterator

from .invoices import NUMBER_BASE, Header, Invoice, Line
from .store2 import Store2

__all__ = ["Store3", "Store31"]


class Store3(Store2):
    """Read and write invoices in schema 3."""

    def create(self, connection: sqlite3.Connection) -> None:
        """Make the tables."""
        connection.execute(
            "CREATE TABLE invoice(number TEXT PRIMARY KEY, kind TEXT NOT NULL, issued TEXT NOT NULL,"
            " buyer TEXT NOT NULL, buyer_tax TEXT NOT NULL, amount_fen INTEGER NOT NULL, tax_fen INTEGER NOT NULL,"
            " status TEXT NOT NULL, uploaded INTEGER NOT NULL, red_of TEXT, remark TEXT NOT NULL)"
        )
        connection.execute(
            "CREATE TABLE invoice_line(invoice_number TEXT NOT NULL, no INTEGER NOT NULL, name TEXT NOT NULL,"
            " qty TEXT NOT NULL, price TEXT NOT NULL, rate TEXT NOT NULL, amount_fen INTEGER NOT NULL,"
            " tax_fen INTEGER NOT NULL, PRIMARY KEY(invoice_number, no))"
        )
        connection.execute("CREATE TABLE counter(kind TEXT PRIMARY KEY, next_number INTEGER NOT NULL)")
        connection.executemany("INSERT INTO counter VALUES (?, ?)", sorted(NUMBER_BASE.items()))

    def add(self, connection: sqlite3.Connection, invoice: Invoice) -> None:
        """Store a new invoice."""
        connection.execute(
            "INSERT INTO invoice VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                invoice.number,
                invoice.kind,
                invoice.issued,
                invoice.buyer,
                invoice.buyer_tax,
                invoice.amount_fen,
                invoice.tax_fen,
                invoice.status,
                int(invoice.uploaded),
                invoice.red_of,
                invoice.remark,
            ),
        )
        connection.executemany(
            "INSERT INTO invoice_line VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [(invoice.number, number) + tuple(line) for number, line in enumerate(invoice.lines, 1)],
        )

    def invoices(
        self, connection: sqlite3.Connection, where: str = "", values: Iterable[object] = ()
    ) -> Iterator[Invoice]:
        """Yield invoices with their lines, in the order of their numbers."""
        for row in connection.execute(
            "SELECT number, kind, issued, buyer, buyer_tax, status, uploaded, red_of, remark FROM invoice "
            + where
            + " ORDER BY number",
            tuple(values),
        ).fetchall():
            lines = tuple(
                Line(*line)
                for line in connection.execute(
                    "SELECT name, qty, price, rate, amount_fen, tax_fen FROM invoice_line WHERE invoice_number = ?"
                    " ORDER BY no",
                    (row[0],),
                )
            )
            yield Invoice(row[0], row[1], row[2], row[3], row[4], lines, row[5], bool(row[6]), row[7], row[8])

    def headers(self, connection: sqlite3.Connection) -> Iterator[Header]:
        """Yield what the summary needs of every invoice."""
        for number, kind, issued, amount, tax, status, uploaded in connection.execute(
            "SELECT number, kind, issued, amount_fen, tax_fen, status, uploaded FROM invoice"
        ):
            yield Header(number, kind, issued, amount, tax, status, bool(uploaded))

    def kind_in(self, kind: str) -> int | str:
        """Return how this schema writes a kind."""
        return kind


class Store31(Store3):
    """Read and write invoices in schema 3.1: what is not yet uploaded stands in a queue."""

    def create(self, connection: sqlite3.Connection) -> None:
        """Make the tables."""
        super().create(connection)
        self.create_queue(connection)

    def create_queue(self, connection: sqlite3.Connection) -> None:
        """Make the queue and put into it what is not uploaded."""
        connection.execute("CREATE TABLE upload_queue(invoice_number TEXT PRIMARY KEY, queued_at TEXT NOT NULL)")
        connection.execute(
            "INSERT INTO upload_queue SELECT number, issued FROM invoice WHERE uploaded = 0 ORDER BY number"
        )

    def add(self, connection: sqlite3.Connection, invoice: Invoice) -> None:
        """Store a new invoice and queue it."""
        super().add(connection, invoice)
        if not invoice.uploaded:
            self._queue(connection, invoice.number)

    def unsent(self, connection: sqlite3.Connection) -> list[Invoice]:
        """Return the invoices in the queue."""
        return list(self.invoices(connection, "WHERE number IN (SELECT invoice_number FROM upload_queue)"))

    def mark_uploaded(self, connection: sqlite3.Connection, numbers: Iterable[str]) -> None:
        """Note that the upload server took these invoices."""
        numbers = list(numbers)
        super().mark_uploaded(connection, numbers)
        connection.executemany("DELETE FROM upload_queue WHERE invoice_number = ?", [(number,) for number in numbers])

    def mark_void(self, connection: sqlite3.Connection, number: str) -> None:
        """Void an invoice and queue it again."""
        super().mark_void(connection, number)
        self._queue(connection, number)

    def _queue(self, connection: sqlite3.Connection, number: str) -> None:
        connection.execute(
            "INSERT OR REPLACE INTO upload_queue VALUES (?, ?)", (number, time.strftime("%Y-%m-%d %H:%M:%S"))
        )
