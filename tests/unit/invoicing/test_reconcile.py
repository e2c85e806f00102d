"""Reconciliation: what a run did to the ledger, to the invoice; one lost, doubled or altered is always found."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from guiwei.invoicing.ledger import reconcile

Invoice = dict[str, Any]

KINDS = st.sampled_from(["004", "007", "026", "028"])
MONTHS = st.sampled_from(["2026-09", "2026-10", "2026-11"])
#: Red invoices are negative; none is nothing.
MONEY = st.decimals("-99999.99", "99999.99", places=2).filter(bool)
VALID = st.fixed_dictionaries(
    {"kind": KINDS, "month": MONTHS, "amount": MONEY, "tax": MONEY, "status": st.just("valid")}
)
INVOICES = st.lists(st.builds(lambda one, status: {**one, "status": status}, VALID, st.sampled_from(["valid", "void"])))


def ledger(invoices: Iterable[Invoice]) -> list[dict[str, Any]]:
    """Sum invoices as a client's own database would: a void one is a number used, its money does not count."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for one in invoices:
        row = rows.setdefault((one["kind"], one["month"]), {"count": 0, "amount": Decimal(0), "tax": Decimal(0)})
        row["count"] += 1
        if one["status"] == "valid":
            row["amount"] += one["amount"]
            row["tax"] += one["tax"]
    return [
        {"kind": kind, "month": month, **row, "amount": str(row["amount"]), "tax": str(row["tax"])}
        for (kind, month), row in rows.items()
    ]


def told(kind: str, month: str) -> str:
    return f"{kind} {month}: "


@given(INVOICES, INVOICES)
def test_what_was_recorded_adds_up(before: list[Invoice], issued: list[Invoice]) -> None:
    assert reconcile(ledger(before), ledger([*before, *issued]), issued) == ()


@given(INVOICES, VALID, st.data())
def test_a_lost_invoice_is_found(others: list[Invoice], one: Invoice, data: st.DataObject) -> None:
    before = [*others, one]
    place = data.draw(st.integers(0, len(before) - 1))
    lost = before[place]
    (line,) = reconcile(ledger(before), ledger(before[:place] + before[place + 1 :]), ())
    assert line.startswith(told(lost["kind"], lost["month"]))


@given(INVOICES, VALID, st.data())
def test_a_doubled_invoice_is_found(others: list[Invoice], one: Invoice, data: st.DataObject) -> None:
    before = [*others, one]
    twice = data.draw(st.sampled_from(before))
    (line,) = reconcile(ledger(before), ledger([*before, twice]), ())
    assert line.startswith(told(twice["kind"], twice["month"]))


@given(INVOICES, VALID, VALID)
def test_an_altered_invoice_is_found(others: list[Invoice], one: Invoice, other: Invoice) -> None:
    for field in ("kind", "month", "amount", "tax"):
        altered = {**one, field: other[field]}
        found = reconcile(ledger([*others, one]), ledger([*others, altered]), ())
        assert bool(found) == (altered != one)
    voided = reconcile(ledger([*others, one]), ledger([*others, {**one, "status": "void"}]), ())
    assert [line.startswith(told(one["kind"], one["month"])) for line in voided] == [True]


@given(INVOICES, VALID)
def test_a_test_invoice_that_nobody_recorded_is_found(before: list[Invoice], one: Invoice) -> None:
    assert reconcile(ledger(before), ledger([*before, one]), ()) != ()
    assert reconcile(ledger(before), ledger(before), (one,)) != ()


@given(INVOICES, VALID)
def test_rows_of_one_kind_and_month_are_one_sum(before: list[Invoice], one: Invoice) -> None:
    """A profile's query may group finer, by machine for example: no row may hide another."""
    apart = [*ledger(before), *ledger([one])]
    assert reconcile(ledger([*before, one]), apart, ()) == ()
    assert reconcile(apart, ledger([*before, one]), ()) == ()


def test_a_line_says_what_was_expected_and_what_is_there() -> None:
    before = [{"kind": "007", "month": "2026-11", "count": 3, "amount": "30.00", "tax": "1.80"}]
    issued = [{"kind": "007", "month": "2026-11", "amount": "1.00", "tax": "0.06", "status": "void"}]
    assert reconcile(before, (), issued) == ("007 2026-11: 4 / 30.00 / 1.80 → —",)
