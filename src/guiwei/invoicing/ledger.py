"""Reconciliation (对账): per kind and month, after = before + the test invoices that were recorded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

__all__ = ["reconcile"]

_Key = tuple[str, str]


def reconcile(
    before: Iterable[Mapping[str, Any]], after: Iterable[Mapping[str, Any]], issued: Iterable[Mapping[str, Any]]
) -> tuple[str, ...]:
    """Return what does not add up, one line a kind and month; empty when all does.

    Args:
        before, after: rows with `kind`, `month` (YYYY-MM), `count`, `amount` and `tax` (yuan).
        issued: the run's test invoices, with `kind`, `month`, `amount`, `tax`; a voided invoice still counts as a
            number used, its amounts do not.
    """
    expected = _sums(before)
    for invoice in issued:
        key = (str(invoice["kind"]), str(invoice["month"]))
        count, amount, tax = expected.get(key, (0, Decimal(0), Decimal(0)))
        counted = invoice.get("status") == "valid"
        expected[key] = (
            count + 1,
            amount + (Decimal(str(invoice["amount"])) if counted else 0),
            tax + (Decimal(str(invoice["tax"])) if counted else 0),
        )
    found = _sums(after)
    return tuple(
        f"{kind} {month}: {_told(expected.get((kind, month)))} → {_told(found.get((kind, month)))}"
        for kind, month in sorted(expected.keys() | found.keys())
        if expected.get((kind, month)) != found.get((kind, month))
    )


def _sums(rows: Iterable[Mapping[str, Any]]) -> dict[_Key, tuple[int, Decimal, Decimal]]:
    """A product's query may group finer (by machine, say): rows of one kind and month are one sum."""
    sums: dict[_Key, tuple[int, Decimal, Decimal]] = {}
    for row in rows:
        key = (str(row["kind"]), str(row["month"]))
        count, amount, tax = sums.get(key, (0, Decimal(0), Decimal(0)))
        sums[key] = (count + int(row["count"]), amount + Decimal(str(row["amount"])), tax + Decimal(str(row["tax"])))
    return sums


def _told(sums: tuple[int, Decimal, Decimal] | None) -> str:
    return "—" if sums is None else f"{sums[0]} / {sums[1]} / {sums[2]}"
