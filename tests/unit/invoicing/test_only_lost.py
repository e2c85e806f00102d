"""Old data may be put back over live ones that have lost invoices, and over no others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from guiwei.invoicing.ledger import only_lost

Invoice = dict[str, Any]

INVOICES = st.lists(
    st.fixed_dictionaries({
        "kind": st.sampled_from(["004", "007"]),
        "month": st.sampled_from(["2026-09", "2026-10"]),
        "fen": st.integers(1, 999),
        "void": st.booleans(),
        "sent": st.booleans(),
    }),
    min_size=1,
    max_size=12,
).map(lambda invoices: [{**one, "number": number} for number, one in enumerate(invoices, 1)])  # fmt: skip


def ledger(invoices: Iterable[Invoice], counters: bool = True) -> list[dict[str, Any]]:
    """Sum invoices by kind and month, as a profile's query does."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for one in invoices:
        row = rows.setdefault((one["kind"], one["month"]), {"count": 0, "amount": 0, "tax": 0, "unsent": 0})
        row["count"] += 1
        row["amount"] += 0 if one["void"] else one["fen"]
        row["unsent"] += not one["sent"]
        row["content"] = row.get("content", "") + f"{one['number']}|{one['fen']}|{one['void']};"
        if counters:
            row["last_number"] = one["number"]
    return [{"kind": kind, "month": month, **row} for (kind, month), row in rows.items()]


@given(INVOICES, st.data())
def test_invoices_that_are_gone(invoices: list[Invoice], data: st.DataObject) -> None:
    lost = data.draw(st.sets(st.integers(0, len(invoices) - 1), min_size=1))
    left = [one for place, one in enumerate(invoices) if place not in lost]
    assert only_lost(ledger(invoices), ledger(left))
    assert not only_lost(ledger(left), ledger(invoices))
    assert not only_lost(ledger(invoices), ledger(invoices))


@given(INVOICES, st.data())
def test_anything_else_that_has_happened_beside_it(invoices: list[Invoice], data: st.DataObject) -> None:
    lost = data.draw(st.integers(0, len(invoices) - 1))
    left = [one for place, one in enumerate(invoices) if place != lost]
    new = {**invoices[lost], "number": len(invoices) + 1}
    assert not only_lost(ledger(invoices), ledger([*left, new]))
    elsewhere = {**new, "month": "2026-12"}
    assert not only_lost(ledger(invoices), ledger([*left, elsewhere]))
    for place, one in enumerate(left):
        if (one["kind"], one["month"]) == (invoices[lost]["kind"], invoices[lost]["month"]):
            continue
        for changed in ({**one, "void": not one["void"]}, {**one, "sent": not one["sent"]}, {**one, "fen": 1000}):
            assert not only_lost(ledger(invoices), ledger([*left[:place], changed, *left[place + 1 :]]))


def test_without_a_counter_nobody_can_tell() -> None:
    two = [{"kind": "007", "month": "2026-09", "fen": 1, "void": False, "sent": True, "number": n} for n in (1, 2)]
    assert only_lost(ledger(two), ledger(two[:1]))
    assert not only_lost(ledger(two, counters=False), ledger(two[:1], counters=False))
