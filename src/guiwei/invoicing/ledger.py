"""Reconciliation (对账): after = before + the test invoices that were recorded; no counter down, nothing unsent again.

A ledger row is one kind in one month. `count`, `amount` and `tax` are always there. Where a product's query gives more,
more is compared: `last_number` and `next_number` (never lower), `unsent` (never more: an uploaded invoice would be
uploaded twice), `content` (a digest of the invoices themselves: one altered where no sum shows it).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

__all__ = ["only_lost", "reconcile", "unsent_of"]

_Key = tuple[str, str]
_COUNTERS = ("last_number", "next_number")


def reconcile(
    before: Iterable[Mapping[str, Any]], after: Iterable[Mapping[str, Any]], issued: Iterable[Mapping[str, Any]]
) -> tuple[str, ...]:
    """Return what does not add up, one line a kind and month; empty when all does.

    Args:
        before, after: rows with `kind`, `month` (YYYY-MM), `count`, `amount` and `tax` (yuan), maybe more; see above.
        issued: the run's test invoices, with `kind`, `month`, `amount`, `tax`; a voided invoice still counts as a
            number used, its amounts do not.
    """
    before, after, issued = list(before), list(after), list(issued)
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
    sums = tuple(
        f"{kind} {month}: {_told(expected.get((kind, month)))} → {_told(found.get((kind, month)))}"
        for kind, month in sorted(expected.keys() | found.keys())
        if expected.get((kind, month)) != found.get((kind, month))
    )
    return (*sums, *_counters(before, after), *_unsent(before, after, issued), *_altered(before, after, issued))


def unsent_of(rows: Iterable[Mapping[str, Any]]) -> int:
    """Return how many invoices of a ledger are not uploaded yet."""
    return sum(int(row.get("unsent") or 0) for row in rows)


def only_lost(before: Iterable[Mapping[str, Any]], after: Iterable[Mapping[str, Any]]) -> bool:
    """Tell whether invoices are gone and nothing else is to be seen: old data then take nothing away.

    A ledger of sums cannot tell apart two that were lost and two that were lost while one was issued under an old
    number: ask this of a moment in which nobody was working. Without a counter it is never so.
    """
    before, after = list(before), list(after)
    had, has = _sums(before), _sums(after)
    less = {key for key in had if key not in has or has[key][0] < had[key][0]}
    if not less or has.keys() - had.keys() or any(had[key] != has[key] for key in has.keys() - less):
        return False
    unsent, left = _count(before, "unsent"), _count(after, "unsent")
    for key in has:
        # What was uploaded since would be uploaded twice.
        uploaded = unsent.get(key, 0) - left.get(key, 0)
        if not 0 <= uploaded <= had[key][0] - has[key][0]:
            return False
    if any(_contents(before).get(key) != _contents(after).get(key) for key in has.keys() - less):
        return False
    told = {name: (_highest(before, name), _highest(after, name)) for name in _COUNTERS}
    if not all(any(kind in low for low, _ in told.values()) for kind, _ in less & has.keys()):
        return False
    return all(number <= low.get(kind, (0, "")) for low, high in told.values() for kind, number in high.items())


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


def _counters(before: Iterable[Mapping[str, Any]], after: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """A number that is used again makes two invoices of one number."""
    lines = []
    for name in _COUNTERS:
        had, has = _highest(before, name), _highest(after, name)
        for kind in sorted(had):
            if kind not in has or has[kind] < had[kind]:
                lines.append(f"{kind} {name}: {_number(had[kind])} → {_number(has.get(kind))}")
    return tuple(lines)


def _highest(rows: Iterable[Mapping[str, Any]], name: str) -> dict[str, tuple[int, str]]:
    found: dict[str, tuple[int, str]] = {}
    for row in rows:
        if row.get(name) is not None:
            number = str(row[name]).strip()
            # Of two numbers of digits the longer one is higher, leading zeros apart; 18 digits fit no float.
            digits = number.lstrip("0")
            kind = str(row["kind"])
            found[kind] = max(found.get(kind, (0, "")), (len(digits), digits))
    return found


def _number(number: tuple[int, str] | None) -> str:
    return "—" if number is None else number[1] or "0"


def _unsent(
    before: Iterable[Mapping[str, Any]], after: Iterable[Mapping[str, Any]], issued: Iterable[Mapping[str, Any]]
) -> tuple[str, ...]:
    """Fewer is good: the client uploads when it starts. More than was issued was uploaded already."""
    most = _count(before, "unsent")
    for invoice in issued:
        key = (str(invoice["kind"]), str(invoice["month"]))
        most[key] = most.get(key, 0) + 1
    found = _count(after, "unsent")
    return tuple(
        f"{kind} {month} unsent: {most.get((kind, month), 0)} → {found[kind, month]}"
        for kind, month in sorted(found)
        if found[kind, month] > most.get((kind, month), 0)
    )


def _count(rows: Iterable[Mapping[str, Any]], name: str) -> dict[_Key, int]:
    found: dict[_Key, int] = {}
    for row in rows:
        if row.get(name) is not None:
            key = (str(row["kind"]), str(row["month"]))
            found[key] = found.get(key, 0) + int(row[name])
    return found


def _altered(
    before: Iterable[Mapping[str, Any]], after: Iterable[Mapping[str, Any]], issued: Iterable[Mapping[str, Any]]
) -> tuple[str, ...]:
    """Where an invoice was issued the digest is another one anyway; the sums tell there."""
    moved = {(str(invoice["kind"]), str(invoice["month"])) for invoice in issued}
    had, has = _contents(before), _contents(after)
    return tuple(
        f"{kind} {month} content: {', '.join(had[kind, month])} → {', '.join(has[kind, month])}"
        for kind, month in sorted(had.keys() & has.keys() - moved)
        if had[kind, month] != has[kind, month]
    )


def _contents(rows: Iterable[Mapping[str, Any]]) -> dict[_Key, list[str]]:
    found: dict[_Key, list[str]] = {}
    for row in rows:
        if row.get("content") is not None:
            found.setdefault((str(row["kind"]), str(row["month"])), []).append(str(row["content"]))
    return {key: sorted(contents) for key, contents in found.items()}
