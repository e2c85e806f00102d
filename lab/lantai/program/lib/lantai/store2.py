"""Schema 2 (versions 2.x): yuan as texts, internal numbers for kinds, the lines as JSON in the invoice's row."""

from __future__ import annotations

import json
import sqlite3
from typing import Iterable, Iterator

from .invoices import INTERNAL, NUMBER_BASE, Header, Invoice, Line
from .money import fen_of, yuan

__all__ = ["Store2"]

_PUBLIC = {internal: kind for kind, internal in INTERNAL.items()}


class Store2:
    """Read and write invoices in schema 2."""

    def create(self, connection: sqlite3.Connection) -> None:
        """Make the tables."""
        connection.execute(
            "CREATE TABLE invoice(number TEXT PRIMARY KEY, kind INTEGER NOT NULL, issued TEXT NOT NULL,"
            " buyer TEXT NOT NULL, buyer_tax TEXT NOT NULL, lines TEXT NOT NULL, amount TEXT NOT NULL,"
            " tax TEXT NOT NULL, status TEXT NOT NULL, uploaded INTEGER NOT NULL, red_of TEXT,"
            " remark TEXT NOT NULL)"
        )
        connection.execute("CREATE TABLE counter(kind INTEGER PRIMARY KEY, next_number INTEGER NOT NULL)")
        connection.executemany(
            "INSERT INTO counter VALUES (?, ?)",
            [(self.kind_in(kind), base) for kind, base in NUMBER_BASE.items()],
        )

    def take_number(self, connection: sqlite3.Connection, kind: str) -> str:
        """Return a kind's next number and move its counter on."""
        key = self.kind_in(kind)
        number = int(connection.execute("SELECT next_number FROM counter WHERE kind = ?", (key,)).fetchone()[0])
        connection.execute("UPDATE counter SET next_number = ? WHERE kind = ?", (number + 1, key))
        return "{0:08d}".format(number)

    def add(self, connection: sqlite3.Connection, invoice: Invoice) -> None:
        """Store a new invoice."""
        lines = json.dumps(
            [
                {
                    "name": line.name,
                    "qty": line.qty,
                    "price": line.price,
                    "rate": line.rate,
                    "amount": yuan(line.amount_fen),
                    "tax": yuan(line.tax_fen),
                }
                for line in invoice.lines
            ],
            ensure_ascii=False,
        )
        connection.execute(
            "INSERT INTO invoice VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                invoice.number,
                self.kind_in(invoice.kind),
                invoice.issued,
                invoice.buyer,
                invoice.buyer_tax,
                lines,
                yuan(invoice.amount_fen),
                yuan(invoice.tax_fen),
                invoice.status,
                int(invoice.uploaded),
                invoice.red_of,
                invoice.remark,
            ),
        )

    def get(self, connection: sqlite3.Connection, number: str) -> Invoice | None:
        """Return one invoice, or None."""
        for invoice in self.invoices(connection, "WHERE number = ?", (number,)):
            return invoice
        return None

    def invoices(
        self, connection: sqlite3.Connection, where: str = "", values: Iterable[object] = ()
    ) -> Iterator[Invoice]:
        """Yield invoices with their lines, in the order of their numbers."""
        for row in connection.execute(
            "SELECT number, kind, issued, buyer, buyer_tax, lines, status, uploaded, red_of, remark FROM invoice "
            + where
            + " ORDER BY number",
            tuple(values),
        ).fetchall():
            lines = tuple(
                Line(
                    line["name"],
                    line["qty"],
                    line["price"],
                    line["rate"],
                    fen_of(line["amount"]),
                    fen_of(line["tax"]),
                )
                for line in json.loads(row[5])
            )
            yield Invoice(row[0], _PUBLIC[row[1]], row[2], row[3], row[4], lines, row[6], bool(row[7]), row[8], row[9])

    def headers(self, connection: sqlite3.Connection) -> Iterator[Header]:
        """Yield what the summary needs of every invoice."""
        for number, kind, issued, amount, tax, status, uploaded in connection.execute(
            "SELECT number, kind, issued, amount, tax, status, uploaded FROM invoice"
        ):
            yield Header(number, _PUBLIC[kind], issued, fen_of(amount), fen_of(tax), status, bool(uploaded))

    def unsent(self, connection: sqlite3.Connection) -> list[Invoice]:
        """Return the invoices that the upload server has not taken yet."""
        return list(self.invoices(connection, "WHERE uploaded = 0"))

    def mark_uploaded(self, connection: sqlite3.Connection, numbers: Iterable[str]) -> None:
        """Note that the upload server took these invoices."""
        connection.executemany("UPDATE invoice SET uploaded = 1 WHERE number = ?", [(number,) for number in numbers])

    def mark_void(self, connection: sqlite3.Connection, number: str) -> None:
        """Void an invoice; the upload server is to hear of it again."""
        connection.execute("UPDATE invoice SET status = 'void', uploaded = 0 WHERE number = ?", (number,))

    def red_number(self, connection: sqlite3.Connection, number: str) -> str | None:
        """Return the red invoice that took this one back, or None."""
        row = connection.execute("SELECT number FROM invoice WHERE red_of = ?", (number,)).fetchone()
        return None if row is None else str(row[0])

    def kind_in(self, kind: str) -> int | str:
        """Return how this schema writes a kind."""
        return INTERNAL[kind]
