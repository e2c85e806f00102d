"""Reconciliation: per kind and month, what was there, what this run issued as a test, and what is there now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from guiwei.model.run import InstanceResult
from guiwei.report._text import clean
from guiwei.report.console import Line, ink
from guiwei.report.tables import Column, small_table
from guiwei.report.words import Words

__all__ = ["Sum", "ledger_rows", "ledger_view"]

#: A ledger up to this many rows is told whole; of a longer one the rows that moved or do not agree, and the total.
_LIMIT = 6


@dataclass(frozen=True)
class Sum:
    """Count, amount and tax (yuan) of some invoices."""

    count: int = 0
    amount: Decimal = Decimal(0)
    tax: Decimal = Decimal(0)

    def __add__(self, other: Sum) -> Sum:
        return Sum(self.count + other.count, self.amount + other.amount, self.tax + other.tax)

    def __bool__(self) -> bool:
        return bool(self.count or self.amount or self.tax)


@dataclass(frozen=True)
class LedgerRow:
    """One kind in one month; `ok` says whether after = before + tests."""

    kind: str
    month: str
    before: Sum
    tests: Sum
    after: Sum

    @property
    def ok(self) -> bool:
        return self.before + self.tests == self.after


def ledger_rows(instance: InstanceResult) -> tuple[LedgerRow, ...]:
    """Return every kind and month that occurs before, after or among the test invoices, in order."""
    before = _sums(instance.ledger_before)
    tests = _sums(_counted(invoice) for invoice in instance.invoices)
    after = _sums(instance.ledger_after)
    keys = sorted({*before, *tests, *after}, key=lambda key: (key[1], key[0]))
    none = Sum()
    return tuple(LedgerRow(*key, before.get(key, none), tests.get(key, none), after.get(key, none)) for key in keys)


def ledger_view(instance: InstanceResult, words: Words) -> list[RenderableType]:
    """Return the table of an instance's reconciliation with its verdict; nothing if there is no ledger."""
    rows = ledger_rows(instance)
    if not rows or not (instance.ledger_after or instance.invoices or instance.reconciled is not None):
        # Nobody looked afterwards: there was no reason to.
        return []
    shown = [row for row in rows if row.tests or not row.ok or len(rows) <= _LIMIT]
    columns = [
        Column("column-kind", wrap=False),
        Column("column-month", wrap=False),
        Column("column-before", right=True),
        Column("column-tests", right=True, style="gw.run"),
        Column("column-after", right=True),
        Column("view-blank"),
    ]
    cells: list[list[Text | str]] = [
        [
            clean(row.kind),
            clean(row.month),
            _told(row.before, words),
            _told(row.tests, words),
            _told(row.after, words),
            ink("✓", "gw.good") if row.ok else ink("✗", "gw.bad"),
        ]
        for row in [*shown, _total(rows)]
    ]
    parts: list[RenderableType] = [_verdict(instance, words), small_table(columns, cells, words)]
    if len(shown) < len(rows):
        parts.append(ink(words.say("run-ledger-equal", n=len(rows) - len(shown)), "gw.muted"))
    parts += [Line(ink("✗ ", "gw.bad").append(clean(difference))) for difference in instance.differences]
    for invoice in instance.invoices:
        parts.append(_invoice(invoice, words))
    return parts


def _total(rows: Iterable[LedgerRow]) -> LedgerRow:
    before, tests, after = Sum(), Sum(), Sum()
    for row in rows:
        before, tests, after = before + row.before, tests + row.tests, after + row.after
    return LedgerRow("Σ", "", before, tests, after)


def _counted(invoice: Mapping[str, Any]) -> dict[str, Any]:
    """A voided invoice has used a number; its amounts do not count."""
    counted = {"count": 1, **invoice}
    if invoice.get("status") == "void":
        counted.update(amount="0", tax="0")
    return counted


def _verdict(instance: InstanceResult, words: Words) -> Line:
    left = ink(words.say("run-ledger"), "gw.strong")
    left.append(f"  {words.say('run-ledger-columns')}", style="gw.muted")
    if instance.reconciled is None:
        return Line(left, ink(words.say("run-ledger-none"), "gw.muted"))
    if instance.reconciled:
        return Line(left, ink("✓ " + words.say("run-ledger-ok"), "gw.good"))
    return Line(left, ink("✗ " + words.say("run-ledger-bad"), "gw.bad"))


def _invoice(invoice: Mapping[str, Any], words: Words) -> Line:
    told = words.say(
        "run-invoice",
        number=invoice.get("number", "?"),
        kind=invoice.get("kind", "?"),
        month=invoice.get("month", ""),
        amount=invoice.get("amount", "0"),
        tax=invoice.get("tax", "0"),
    )
    became = invoice.get("status") or invoice.get("became")
    return Line(Text(told), ink(clean(str(became)), "gw.muted") if became else None)


def _sums(rows: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], Sum]:
    sums: dict[tuple[str, str], Sum] = {}
    for row in rows:
        key = str(row.get("kind", "")), str(row.get("month", ""))
        sums[key] = sums.get(key, Sum()) + Sum(
            int(_number(row.get("count", 0))), _number(row.get("amount", 0)), _number(row.get("tax", 0))
        )
    return sums


def _number(value: Any) -> Decimal:
    """Return decimal text as a number; what is none counts as nothing, so that the row shows as unequal."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return Decimal(0)
    return number if number.is_finite() else Decimal(0)


def _told(sums: Sum, words: Words) -> Text:
    if not sums:
        return ink("·", "gw.faint")
    return Text(words.say("run-ledger-row", count=sums.count, amount=f"{sums.amount:,.2f}", tax=f"{sums.tax:,.2f}"))
