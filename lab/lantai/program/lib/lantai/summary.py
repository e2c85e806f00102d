"""The monthly summary, the same whatever schema the invoices lie in."""

from __future__ import annotations

import sqlite3

from .database import schema_of
from .invoices import Header
from .money import yuan
from .versions import store_for

__all__ = ["summarise"]


class _Group:
    """The running figures of one kind in one month."""

    def __init__(self) -> None:
        self.count = self.void = self.red = self.unsent = self.amount_fen = self.tax_fen = 0
        self.last_number = ""

    def take(self, header: Header) -> None:
        """Count one invoice; a void one brings no money, a red one its negative amounts."""
        self.count += 1
        self.void += header.status == "void"
        self.red += header.status == "red"
        self.unsent += not header.uploaded
        if header.status != "void":
            self.amount_fen += header.amount_fen
            self.tax_fen += header.tax_fen
        self.last_number = max(self.last_number, header.number)


def summarise(connection: sqlite3.Connection) -> dict[str, object]:
    """Return per month and kind: counts, amount and tax in yuan without void ones, last number, unsent."""
    groups = {}  # type: dict[tuple[str, str], _Group]
    for header in store_for(schema_of(connection)).headers(connection):
        groups.setdefault((header.issued[:7], header.kind), _Group()).take(header)
    return {
        "rows": [
            {
                "month": month,
                "kind": kind,
                "count": group.count,
                "void": group.void,
                "red": group.red,
                "amount": yuan(group.amount_fen),
                "tax": yuan(group.tax_fen),
                "last_number": group.last_number,
                "unsent": group.unsent,
            }
            for (month, kind), group in sorted(groups.items())
        ],
        "count": sum(group.count for group in groups.values()),
        "unsent": sum(group.unsent for group in groups.values()),
        "amount": yuan(sum(group.amount_fen for group in groups.values())),
        "tax": yuan(sum(group.tax_fen for group in groups.values())),
    }
